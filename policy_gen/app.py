"""The policy process: a failed drill becomes a proven candidate, or the word that there is none.

It keeps nothing but what its topics say. Requests to the bench are named after what they ask, so a
restarted process finds the answers that are there already and asks only for the rest. One proposal
at a time: two would each be measured on a network the other is about to change.
"""

import threading
from contextlib import closing
from datetime import datetime

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock, from_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import NoPolicyFound, decode_control
from foreshadow.experiment import (
    LEAST_FIDELITY,
    Experiment,
    ExperimentResult,
    Purpose,
    Verdict,
    unless_void,
)
from foreshadow.follower import Follower
from foreshadow.meter import SILENT, Meter
from foreshadow.observed import Stream
from foreshadow.present import present
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.settings import PolicySettings
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from policy_gen.decision import Ask, GiveUp, Publish, decide
from policy_gen.governance import read_governance
from policy_gen.proposal import Proposal, Rules, propose

_POLL_S = 0.1
_BATCH = 2000
_HEARD = (
    Topic.STATE,
    Topic.VERDICT,
    Topic.DRILL,
    Topic.CANDIDATE,
    Topic.ROLLOUT,
    Topic.CONTROL,
)
_ENDED = frozenset(
    {RolloutStep.COMPLETE, RolloutStep.REVERTED, RolloutStep.REVERT_FAILED, RolloutStep.REFUSED}
)

log = structlog.get_logger(__name__)


def run(  # noqa: PLR0913 - what the process is made of
    bus: Bus,
    settings: PolicySettings,
    clock: Clock,
    stop: threading.Event,
    *,
    routers: tuple[NodeId, ...],
    least_fidelity: float = LEAST_FIDELITY,
    meter: Meter = SILENT,
) -> None:
    """Answer failed drills until `stop` is set.

    Args:
        bus: State, verdicts and rollouts come from it; proof requests and candidates go to it.
        settings: Limits, caps, and how a policy goes out.
        clock: Time.
        stop: Ends the process.
        routers: Every device of the network; nothing is proposed before all are known.
        least_fidelity: What was measured on a less faithful bench is void, good or bad.
        meter: Takes how level the copy of the state is.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
        ConfigError: The governance file is not one.
    """
    governance = read_governance(settings.governance_file, default_cap=settings.moved_traffic_cap)
    publisher = bus.publisher()
    rules = Rules(settings=settings, governance=governance)
    follower = Follower("policy", publisher, clock)
    desk = _Desk(publisher, follower, rules, routers, least_fidelity=least_fidelity)
    is_new = True
    with closing(bus.subscribe(*_HEARD)) as subscription:
        while not stop.is_set():
            for record in subscription.poll(_POLL_S, _BATCH):
                desk.take(record)
            if subscription.is_caught_up():
                if is_new:
                    desk.say_what_was_found()
                    is_new = False
                desk.go_on()
            follower.tell(meter)
            publisher.flush()


class _Desk:
    """Failed drills in, candidates out."""

    def __init__(
        self,
        publisher: Publisher,
        follower: Follower,
        rules: Rules,
        routers: tuple[NodeId, ...],
        *,
        least_fidelity: float,
    ) -> None:
        self._publisher, self._rules, self._least_fidelity = publisher, rules, least_fidelity
        self._routers = frozenset(routers)
        self._follower = follower
        self._now: datetime | None = None
        self._failed: dict[str, ExperimentResult] = {}
        self._answers: dict[str, ExperimentResult] = {}
        self._asked: set[str] = set()
        self._settled: set[str] = set()
        """Drills that have their candidate, or the word that there is none."""
        self._valid_until: dict[str, datetime] = {}
        """Every candidate by name; of more than that of all that ever were there is no memory."""
        self._ended: set[str] = set()
        self._proposal: Proposal | None = None
        self._has_news = False
        """Something was heard since the proposal was last decided on."""

    def take(self, record: Record) -> None:
        """Take note of one record; a bad one goes to the dead letters."""
        if record.topic is Topic.STATE:
            followed = self._follower.take(record)
            if followed is not None and followed.delta.event_at_ns:
                at = from_ns(followed.delta.event_at_ns)
                self._now = at if self._now is None else max(self._now, at)
            return
        try:
            self._hear(record)
        except msgspec.DecodeError as error:
            rejected = dead_letter(record, f"policy: {error}")
            self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))

    def say_what_was_found(self) -> None:
        """Log what a predecessor left."""
        log.info(
            "policy_started",
            drills_open=len(self._open()),
            drills_settled=len(self._settled),
            proofs_answered=len(self._answers),
            moved_traffic_cap=self._rules.governance.moved_traffic_cap,
        )

    def go_on(self) -> None:
        """Take the open proposal a step further, or begin the next one."""
        if self._proposal is None:
            self._proposal = self._next()
            self._has_news = True
        if self._proposal is None or not self._has_news:
            return
        self._has_news = False
        match decide(self._proposal, self._answers):
            case Ask(experiments):
                self._ask(experiments)
            case Publish(candidate):
                self._publish(self._proposal, candidate)
            case GiveUp(because):
                self._give_up(self._proposal.drill.id, because)

    def _hear(self, record: Record) -> None:
        match record.topic:
            case Topic.VERDICT:
                self._judged(from_json(record.value, ExperimentResult))
            case Topic.DRILL:
                self._asked.add(record.key)
            case Topic.CANDIDATE:
                self._remember(from_json(record.value, Candidate))
            case Topic.ROLLOUT:
                event = from_json(record.value, RolloutEvent)
                if event.wave == 0 and event.step in _ENDED:
                    self._ended.add(event.txn)
            case Topic.CONTROL:
                message = decode_control(record.value)
                if isinstance(message, NoPolicyFound):
                    self._settle(message.drill)
            case _:
                pass

    def _judged(self, published: ExperimentResult) -> None:
        result = unless_void(published, self._least_fidelity)
        if result.purpose is Purpose.PROOF:
            if result.cause not in self._settled:
                self._answers[result.id] = result
            self._has_news = True
            log.info("proof_judged", proof=result.id, verdict=result.verdict.name)
        elif result.verdict is Verdict.FAILED and result.cut and result.id not in self._settled:
            # A drill of a scenario cuts nothing a proof could cut again: its finding is a person's.
            self._failed[result.id] = result

    def _remember(self, candidate: Candidate) -> None:
        self._valid_until[candidate.id] = candidate.expires_at
        self._settle(candidate.drill)

    def _settle(self, drill: str) -> None:
        """It has its end: what the bench measured for it, whole tables, is not needed any more."""
        self._settled.add(drill)
        self._failed.pop(drill, None)
        answers = self._answers.items()
        self._answers = {name: answer for name, answer in answers if answer.cause != drill}

    def _open(self) -> list[ExperimentResult]:
        return [drill for name, drill in self._failed.items() if name not in self._settled]

    def _next(self) -> Proposal | None:
        """A proposal for the oldest open drill, once the network is known and nothing is moving."""
        drills = self._open()
        if not drills or self._now is None or self._is_rolling_out(self._now):
            return None
        drill, state = drills[0], self._follower.state
        if self._has_changed_since(drill):
            self._give_up(drill.id, "the network's configuration has changed since; drill again")
            return None
        if state.stale_streams() or not self._routers <= frozenset(state.devices()):
            return None
        network = present(state)
        if network is None:
            return None
        proposal = propose(drill, state, network, rules=self._rules, made_at=self._now)
        log.info(
            "policy_proposed",
            drill=drill.id,
            candidates=len(proposal.estimates),
            finalists=[each.estimate.score.label for each in proposal.finalists],
        )
        return proposal

    def _is_rolling_out(self, now: datetime) -> bool:
        return any(
            name not in self._ended and until > now for name, until in self._valid_until.items()
        )

    def _has_changed_since(self, drill: ExperimentResult) -> bool:
        """Whether some router's configuration is newer than the one the drill was made on."""
        positions = self._follower.state.vector()
        for device, stream, epoch, seq in drill.vector:
            if stream == Stream.CONFIG:
                now_epoch, now_seq = positions.get((device, Stream.CONFIG), (epoch, seq))
                # Another epoch numbers anew: nothing can be said, and the precondition will tell.
                if now_epoch == epoch and now_seq > seq:
                    return True
        return False

    def _ask(self, experiments: tuple[Experiment, ...]) -> None:
        for experiment in experiments:
            if experiment.id not in self._asked:
                self._asked.add(experiment.id)
                self._publisher.publish(Topic.DRILL, experiment.id, to_json(experiment))
                log.info("proof_asked", proof=experiment.id, drill=experiment.cause)

    def _publish(self, proposal: Proposal, candidate: Candidate) -> None:
        for device, sha256 in candidate.precondition:
            config = self._follower.state.running_config(device)
            if config is None or config.sha256 != sha256:
                self._give_up(
                    proposal.drill.id, f"{device} was configured while its change was being proven"
                )
                return
        self._publisher.publish(Topic.CANDIDATE, candidate.id, to_json(candidate))
        self._remember(candidate)
        self._proposal = None
        log.info(
            "candidate_published",
            candidate=candidate.id,
            label=candidate.scores[0].label,
            waves=len(candidate.waves),
            worst_no_failure=round(candidate.scores[0].worst_no_failure_ratio, 3),
            worst_failure=round(candidate.scores[0].worst_failure_ratio, 3),
        )

    def _give_up(self, drill: str, because: str) -> None:
        self._publisher.publish(
            Topic.CONTROL, drill, to_json(NoPolicyFound(drill=drill, because=because))
        )
        self._settle(drill)
        self._proposal = None
        log.warning("no_policy_found", drill=drill, because=because)
