"""The drills process: warnings are triaged and drilled in time, scenarios when they are due.

It keeps nothing but what its topics say, so it may be killed at any moment: a warning is answered
when its triage report is out, and a drill's name follows from the warning's, so asking twice is
asking once.
"""

import threading
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record
from foreshadow.calendar_note import CalendarNote
from foreshadow.clock import Clock, from_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import decode_control
from foreshadow.delta import Effect, Op
from foreshadow.demand import DemandAssembler, DemandMatrix
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, repeated
from foreshadow.follower import Follower
from foreshadow.meter import MODEL_ERROR, SILENT, TRIAGED, Meter
from foreshadow.model_error import ModelError
from foreshadow.network_file import NetworkFile
from foreshadow.observed import Stream
from foreshadow.present import ROUTING_STREAMS, Present, present
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning
from scenarios.dispatch import Asked, decide
from scenarios.failures.warm_up import warm_up
from scenarios.model_check import model_error
from scenarios.scenario import Scenario
from scenarios.scheduled import ScheduledDrills
from scenarios.standing_triage import StandingTriage
from scenarios.triage import NamedDemand

_POLL_S = 0.1
_BATCH = 2000
_NO_DEMAND = (
    "no interval's traffic is known of every router yet, and a drill needs it to load the links; "
    "flow records go onto the telemetry topic"
)
_HEARD = (Topic.STATE, Topic.WARNING, Topic.CONTROL, Topic.VERDICT)
_SHARE = 0.05
"""Of the time, spent on seeing how the network stands."""
_OLD = timedelta(days=2)
"""Warnings made longer ago have had their window, a day at most, and cover no other."""
_UNCHECKED_KEPT = 200
"""Drills that wait to be held against the model; of a longer past only the latest are."""

log = structlog.get_logger(__name__)


def run(  # noqa: PLR0913 - what the process is made of
    bus: Bus,
    clock: Clock,
    stop: threading.Event,
    *,
    routers: tuple[NodeId, ...] = (),
    scenarios: tuple[Scenario, ...] = (),
    network_file: NetworkFile | None = None,
    load_limit: float = 0.85,
    meter: Meter = SILENT,
) -> None:
    """Answer warnings and keep the calendar until `stop` is set.

    Args:
        bus: Warnings, state and verdicts come from it; drill requests, triage reports and notes of
            the calendar go to it.
        clock: Time; the calendar's, too.
        stop: Ends the process.
        routers: Ingress routers whose readings make a demand matrix whole.
        scenarios: What is drilled by the calendar or on a forecast.
        network_file: Says what telemetry does not: roles and risk groups.
        load_limit: Load ratio no link may exceed in a scenario's drill.
        meter: Takes how level the copy of the state is.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
    """
    warm_up()
    publisher = bus.publisher()
    scheduled = ScheduledDrills(
        scenarios, publisher, clock, load_limit=load_limit, network_file=network_file
    )
    standing = StandingTriage(clock, limit_ratio=load_limit)
    assembler = DemandAssembler(routers)
    follower = Follower("drills", publisher, clock)
    office = _Office(
        publisher,
        follower,
        scheduled,
        clock=clock,
        standing=standing,
        assembler=assembler,
        counts=meter,
    )
    with closing(bus.subscribe(*_HEARD)) as subscription:
        while not stop.is_set():
            for record in subscription.poll(_POLL_S, _BATCH):
                office.take(record)
            if subscription.is_caught_up():
                office.settle()
                office.answer()
                office.forget()
                office.ask_again()
                office.keep_calendar()
                office.check_model()
                office.rank_unasked()
            follower.tell(meter)
            publisher.flush()


class _Office:
    """Warnings in, drills out."""

    def __init__(  # noqa: PLR0913 - what the process is made of
        self,
        publisher: Publisher,
        follower: Follower,
        scheduled: ScheduledDrills,
        *,
        clock: Clock,
        standing: StandingTriage,
        assembler: DemandAssembler,
        counts: Meter,
    ) -> None:
        self._counts = counts
        self._clock, self._look_again_s = clock, 0.0
        self._publisher, self._scheduled, self._assembler = publisher, scheduled, assembler
        self._standing = standing
        self._demand: DemandMatrix | None = None
        self._follower = follower
        self._now: datetime | None = None
        self._network: Present | None = None
        self._is_network_old = True
        self._warnings: dict[str, SpikeWarning] = {}
        self._reports: dict[str, TriageReport] = {}
        self._judged: set[str] = set()
        self._unchecked: dict[str, ExperimentResult] = {}
        self._checked: set[str] = set()
        self._repeats: dict[str, Experiment] = {}
        self._is_waiting_said = False
        self._open: dict[str, str] = {}
        """Drills without verdict: id to the failure."""

    def take(self, record: Record) -> None:
        """Take note of one record; a bad one goes to the dead letters."""
        if record.topic is Topic.STATE:
            self._follow(record)
            return
        try:
            self._hear(record)
        except msgspec.DecodeError as error:
            rejected = dead_letter(record, f"drills: {error}")
            self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))

    def settle(self) -> None:
        """Take it that all there is was read: routers that are far behind are silent."""
        self._load(self._assembler.overdue())

    def answer(self) -> None:
        """Triage every warning that has no report yet, once the network is known."""
        waiting = [w for name, w in self._warnings.items() if name not in self._reports]
        if not waiting or (network := self._present()) is None:
            return
        for warning in sorted(waiting, key=lambda w: (w.made_at, -w.upper_ratio)):
            now = max(self._now or warning.made_at, warning.made_at)
            decision = decide(
                warning,
                self._scheduled.with_descriptions(network),
                now=now,
                asked=self._asked(),
                milder=self._milder(),
            )
            if decision.drill is not None:
                # Before the report: dying in between repeats the request under the same name.
                self._publisher.publish(Topic.DRILL, decision.drill.id, to_json(decision.drill))
            self._publisher.publish(Topic.CONTROL, warning.id, to_json(decision.report))
            self._remember(decision.report)
            self._counts.count(TRIAGED, decision.report.tried)
            _log(decision.report)

    def forget(self) -> None:
        """Let go of warnings, each with a demand matrix, that can lead to nothing any more."""
        if self._now is None:
            return
        until = self._now - _OLD
        answered = self._warnings.keys() & self._reports.keys()
        for name in [each for each in answered if self._warnings[each].made_at < until]:
            del self._warnings[name]
        # A report may be heard again after its warning was let go of: it goes by its own date.
        for name in [each for each, report in self._reports.items() if report.made_at < until]:
            if name not in self._warnings:
                del self._reports[name]

    def rank_unasked(self) -> None:
        """Say what failures would cost, where that has changed and there is time for it."""
        network = self._present()
        if network is None:
            return
        report = self._standing.look(self._scheduled.with_descriptions(network))
        if report is not None:
            self._publisher.publish(Topic.CONTROL, "triage", to_json(report))
            self._counts.count(TRIAGED, report.tried)
            log.info("failures_ranked", tried=report.tried, took_s=round(report.took_s, 3))

    def ask_again(self) -> None:
        """Repeat, once, each drill that settled nothing."""
        for name in sorted(self._repeats.keys() - self._judged):
            self._publisher.publish(Topic.DRILL, name, to_json(self._repeats[name]))
            log.info("drill_repeated", drill=name)
        self._repeats.clear()

    def keep_calendar(self) -> None:
        """Ask for scenarios that are due or set off by a warning, once the network is known."""
        network = self._present()
        if network is None:
            return
        for warning in self._warnings.values():
            event_now = max(self._now or warning.made_at, warning.made_at)
            self._scheduled.heed(warning, network, event_now=event_now)
        if self._demand is not None:
            self._scheduled.look(network, self._demand)
        elif self._scheduled.has_calendar and not self._is_waiting_said:
            self._is_waiting_said = True
            log.warning("calendar_waits", because=_NO_DEMAND)

    def check_model(self) -> None:
        """Say, once a drill, how far the model was from what the bench measured."""
        network = self._present()
        while network is not None and self._unchecked:
            name, result = self._unchecked.popitem()
            error = None if name in self._checked else model_error(network, result)
            self._checked.add(name)
            if error is None:
                continue
            self._publisher.publish(Topic.CONTROL, name, to_json(error))
            last = error.phases[-1]
            self._counts.level(MODEL_ERROR, abs(last.worst_error_ratio))
            log.info(
                "model_checked",
                drill=name,
                phase=last.phase,
                mean_error_ratio=round(last.mean_error_ratio, 4),
                worst_error_ratio=round(last.worst_error_ratio, 4),
                worst_error_link=last.worst_error_link,
            )

    def _follow(self, record: Record) -> None:
        followed = self._follower.take(record)
        if followed is None or followed.effect is not Effect.APPLIED:
            return
        delta = followed.delta
        if delta.stream is Stream.DEMAND and delta.op in (Op.CHANGE, Op.SNAPSHOT_END):
            at = from_ns(delta.event_at_ns)
            rates = self._follower.state.demand_rates(delta.device)
            self._load(self._assembler.add(delta.device, at, rates))
        if delta.stream in ROUTING_STREAMS and delta.op is not Op.HEARTBEAT:
            self._is_network_old = True
        if delta.event_at_ns:
            at = from_ns(delta.event_at_ns)
            self._now = at if self._now is None else max(self._now, at)

    def _load(self, matrices: Iterable[DemandMatrix]) -> None:
        for matrix in matrices:
            self._demand = matrix
            self._standing.recent.add(matrix)

    def _hear(self, record: Record) -> None:
        match record.topic:
            case Topic.WARNING:
                warning = from_json(record.value, SpikeWarning)
                self._warnings[warning.id] = warning
            case Topic.CONTROL:
                message = decode_control(record.value)
                if isinstance(message, TriageReport):
                    self._remember(message)
                elif isinstance(message, ModelError):
                    self._checked.add(message.drill)
                elif isinstance(message, CalendarNote):
                    self._scheduled.remember(message)
            case Topic.VERDICT:
                self._judge(from_json(record.value, ExperimentResult))
            case _:
                pass

    def _judge(self, result: ExperimentResult) -> None:
        if result.purpose is not Purpose.DRILL:
            return
        self._judged.add(result.id)
        if result.id not in self._checked:
            self._unchecked[result.id] = result
        if len(self._unchecked) > _UNCHECKED_KEPT:
            self._unchecked.pop(next(iter(self._unchecked)))
        self._scheduled.judge(result)
        # A scenario's drill cuts no links by itself, and is not repeated: its calendar comes again.
        if result.cut and (once_more := repeated(result)) is not None:
            self._repeats[once_more.id] = once_more
        if self._open.pop(result.id, None) is not None:
            log.info("drill_judged", drill=result.id, verdict=result.verdict.name)

    def _milder(self) -> tuple[NamedDemand, ...]:
        """The traffic of now, to report the costs at beside those of a forecast."""
        return () if self._demand is None else (NamedDemand(name="now", matrix=self._demand),)

    def _remember(self, report: TriageReport) -> None:
        if not report.warning:
            return
        self._reports[report.warning] = report
        if report.drill and report.rows and not report.because:
            self._open[report.drill] = report.drilled_failure

    def _asked(self) -> tuple[Asked, ...]:
        return tuple(
            Asked(
                drill=report.drill,
                failure=report.drilled_failure,
                worst_ratio=report.drilled_ratio,
                window_end=self._warnings[name].window_end,
            )
            for name, report in self._reports.items()
            if report.drill and not report.because and name in self._warnings
        )

    def _present(self) -> Present | None:
        begun_s = self._clock.monotonic_s()
        if self._is_network_old and (self._network is None or begun_s >= self._look_again_s):
            self._is_network_old = False
            self._network = present(self._follower.state, self._network)
            # Routes change all day long, and to look at all of a large network takes a while.
            took_s = self._clock.monotonic_s() - begun_s
            self._look_again_s = begun_s + took_s / _SHARE
        return self._network


def _log(report: TriageReport) -> None:
    # Where every link is down there is no single failure left to rank.
    worst = report.rows[0] if report.rows else report.worst_without_failure
    log.info(
        "warning_triaged",
        warning=report.warning,
        worst_failure="" if worst is None else worst.failure,
        worst_ratio=0.0 if worst is None else round(worst.worst_ratio, 3),
        drilled_failure=report.drilled,
        tried=report.tried,
        drill=report.drill,
        because=report.because,
    )
