"""What came against what was predicted, once the failure a policy was made for really happens.

Three loads for the same link tell two errors apart. The forecast demand over the shadow's tables is
what was predicted; today's demand over the same tables is what the shadow says now; today's demand
over production's tables is what happened. Predicted against shadow is the forecast's error, shadow
against happened is the shadow's.
"""

import threading
from contextlib import closing
from dataclasses import dataclass, field

import msgspec

from foreshadow.bus import Bus, Record
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock, from_ns
from foreshadow.codec import from_json, to_json
from foreshadow.delta import Op
from foreshadow.demand import DemandAssembler, DemandMatrix
from foreshadow.discovery import discover, links_down
from foreshadow.experiment import ExperimentResult, RouterTables
from foreshadow.follower import Follower
from foreshadow.observed import Stream
from foreshadow.rollout_event import Feedback, RolloutEvent, RolloutStep
from foreshadow.state import NetworkState
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import DirectedLink, NodeId, Topology
from foreshadow.walk import RoutingMatrix, walk

_POLL_S = 0.2
_QUIET_S = 1.0
"""The network counts as settled when nothing moved for this long: loads on the way mislead."""
_MOVING = frozenset({Stream.INTERFACE, Stream.ADJACENCY, Stream.BEST_PATH, Stream.FIB})
"""A link's fall is heard of before what the routers made of it: each begins the quiet anew."""
_LINKS = 5


def compare(
    candidate: Candidate,
    predicted: tuple[RouterTables, ...],
    state: NetworkState,
    demand: DemandMatrix,
) -> tuple[Feedback, ...]:
    """The fullest links of production beside what forecast and shadow said of them.

    Args:
        candidate: The policy in place, with the demand it was made for.
        predicted: The bench's tables under the same failure with the policy.
        state: Production now, the failed link down and the tables settled.
        demand: Production's demand now.
    """
    topology = discover(state)
    left = topology.without(links_down(state, topology))
    observed = walk(left, state.fibs(), demand.keys).load_ratios(demand)
    shadow = _bench_routing(topology, candidate, predicted, demand).load_ratios(demand)
    forecast = _bench_routing(topology, candidate, predicted, candidate.demand)
    expected = forecast.load_ratios(candidate.demand)
    fullest: list[DirectedLink] = sorted(observed, key=lambda link: -observed[link])[:_LINKS]
    return tuple(
        Feedback(
            link=str(link),
            under_failure=candidate.under_failure,
            made_at=candidate.demand.at,
            at=demand.at,
            forecast_upper_ratio=expected[link],
            shadow_ratio=shadow[link],
            observed_ratio=observed[link],
            txn=candidate.id,
        )
        for link in fullest
    )


def _bench_routing(
    topology: Topology,
    candidate: Candidate,
    predicted: tuple[RouterTables, ...],
    demand: DemandMatrix,
) -> RoutingMatrix:
    cut = (candidate.under_failure,) if candidate.under_failure else ()
    return walk(topology.without(cut), {t.router: t.fib for t in predicted}, demand.keys)


@dataclass(slots=True)
class FeedbackWatch:
    """Waits for the failure a proven policy was made for, and speaks once when it comes."""

    follower: Follower
    assembler: DemandAssembler
    clock: Clock
    _results: dict[str, ExperimentResult] = field(default_factory=dict)
    _candidates: dict[str, Candidate] = field(default_factory=dict)
    _in_force: set[str] = field(default_factory=set)
    """Rolled out whole and not taken back: only these are what production runs."""
    _told: set[str] = field(default_factory=set)
    _demand: DemandMatrix | None = None
    _moved_s: float = 0.0

    def take(self, record: Record) -> None:
        """Learn from one record."""
        match record.topic:
            case Topic.STATE:
                self._follow(record)
            case Topic.VERDICT:
                result = from_json(record.value, ExperimentResult)
                self._results[result.id] = result
            case Topic.CANDIDATE:
                candidate = from_json(record.value, Candidate)
                if not candidate.override:
                    self._candidates[candidate.id] = candidate
            case Topic.ROLLOUT:
                self._roll(from_json(record.value, RolloutEvent))
            case Topic.FEEDBACK:
                said = from_json(record.value, Feedback)
                # The rollout speaks here too, of the network without a failure.
                if said.under_failure is not None:
                    self._told.add(said.txn)
            case _:
                pass

    def due(self) -> tuple[Feedback, ...]:
        """What there is to say now: empty until the failure is there and the tables are at rest.

        To be asked when all there is was read: routers that are far behind are silent then.
        """
        for matrix in self.assembler.overdue():
            self._demand = matrix
        is_quiet = self.clock.monotonic_s() - self._moved_s >= _QUIET_S
        names = self._in_force - self._told
        open_ = [c for c in self._candidates.values() if c.id in names]
        if self._demand is None or not is_quiet or not open_:
            return ()
        state = self.follower.state
        down = links_down(state, discover(state))
        said: list[Feedback] = []
        for candidate in open_:
            tables = self._predicted(candidate)
            if candidate.under_failure in down and tables is not None:
                self._told.add(candidate.id)
                said.extend(compare(candidate, tables, state, self._demand))
        return tuple(said)

    def _roll(self, event: RolloutEvent) -> None:
        if event.step is RolloutStep.COMPLETE:
            self._in_force.add(event.txn)
        elif event.step is RolloutStep.REVERTING:
            self._in_force.discard(event.txn)

    def _predicted(self, candidate: Candidate) -> tuple[RouterTables, ...] | None:
        """The tables of the last proof the candidate cites: all waves in place, the link cut."""
        for experiment, _ in reversed(candidate.evidence):
            phase = (
                self._results[experiment].phase("failed") if experiment in self._results else None
            )
            if phase is not None:
                return phase.tables
        return None

    def _follow(self, record: Record) -> None:
        followed = self.follower.take(record)
        if followed is None:
            return
        device, stream = followed.delta.device, followed.delta.stream
        if stream in _MOVING and followed.delta.op is not Op.HEARTBEAT:
            self._moved_s = self.clock.monotonic_s()
        elif stream is Stream.DEMAND:
            at = from_ns(followed.delta.event_at_ns)
            rates = self.follower.state.demand_rates(device)
            for matrix in self.assembler.add(device, at, rates):
                self._demand = matrix


def run(bus: Bus, clock: Clock, stop: threading.Event, *, routers: tuple[NodeId, ...]) -> None:
    """Publish feedback until `stop` is set.

    Args:
        bus: State, verdicts, candidates and rollouts come from it; feedback goes to it.
        clock: Times the quiet after a change.
        stop: Ends it.
        routers: Ingress routers whose readings make a demand matrix whole.
    """
    publisher = bus.publisher()
    watch = FeedbackWatch(Follower("feedback", publisher, clock), DemandAssembler(routers), clock)
    topics = (Topic.STATE, Topic.VERDICT, Topic.CANDIDATE, Topic.ROLLOUT, Topic.FEEDBACK)
    with closing(bus.subscribe(*topics)) as subscription:
        while not stop.is_set():
            for record in subscription.poll(_POLL_S):
                try:
                    watch.take(record)
                except msgspec.DecodeError as error:
                    rejected = dead_letter(record, f"feedback: {error}")
                    publisher.publish(Topic.REJECT, record.key, to_json(rejected))
            for feedback in watch.due() if subscription.is_caught_up() else ():
                publisher.publish(Topic.FEEDBACK, feedback.link, to_json(feedback))
            publisher.flush()
