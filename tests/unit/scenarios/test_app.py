"""The drills process on the bus: every warning answered once, in time, across kills."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from structlog.testing import capture_logs

from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import decode_control
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.meter import MODEL_ERROR, SILENT, TRIAGED, Meter, Metric
from foreshadow.model_error import ModelError
from foreshadow.observed import Stream
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import LinkId, NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands, flow_samples
from scenarios.app import run
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import find
from scenarios.scenario import Scenario
from tests.bench_answers import answer
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.planned_network import planned_deltas
from tests.production_state import ABILENE, abilene


def _peak() -> DemandMatrix:
    profile = ABILENE.with_name("abilene_profile.yaml")
    at = Story().failure_at
    return demands(profile_matrices(profile, abilene(), until=at), abilene()).at(at)


PEAK = _peak()
MADE_AT = PEAK.at - timedelta(hours=2)
WARNING = SpikeWarning(
    id="w-story",
    link="ATLAng->IPLSng",
    under_failure=LinkId("CHINng-NYCMng"),
    quantile=0.95,
    upper_ratio=1.0,
    limit_ratio=0.85,
    made_at=MADE_AT,
    window_start=MADE_AT + timedelta(minutes=30),
    window_end=MADE_AT + timedelta(hours=3),
    lead_s=1800,
    demand=PEAK,
)


@pytest.fixture
def bus() -> MemoryBus:
    """A bus on which the network is known."""
    known = MemoryBus()
    for delta in planned_deltas(abilene()):
        known.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    return known


class _Numbers:
    """Keeps what is counted."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        name = "/".join((metric.name, *labels.values()))
        self.told[name] = self.told.get(name, 0.0) + by

    def total(self, metric: Metric, value: float, **labels: str) -> None:
        self.told["/".join((metric.name, *labels.values()))] = value

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        self.told["/".join((metric.name, *labels.values()))] = value


@contextmanager
def _running(
    bus: MemoryBus,
    *scenarios: Scenario,
    routers: tuple[NodeId, ...] = (),
    numbers: Meter = SILENT,
) -> Iterator[None]:
    stop = threading.Event()
    process = threading.Thread(
        target=run,
        args=(bus, SystemClock(), stop),
        kwargs={"scenarios": scenarios, "routers": routers, "meter": numbers},
    )
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _warn(bus: MemoryBus, *warnings: SpikeWarning) -> None:
    for warning in warnings:
        bus.append(Topic.WARNING, warning.link, to_json(warning))


def _say(bus: MemoryBus, result: ExperimentResult) -> None:
    bus.append(Topic.VERDICT, result.id, to_json(result))


def _reports(bus: MemoryBus) -> list[TriageReport]:
    messages = [decode_control(record.value) for record in bus.read(Topic.CONTROL, 0, 1000)]
    return [message for message in messages if isinstance(message, TriageReport)]


def _model_errors(bus: MemoryBus) -> list[ModelError]:
    messages = [decode_control(record.value) for record in bus.read(Topic.CONTROL, 0, 1000)]
    return [message for message in messages if isinstance(message, ModelError)]


def _drills(bus: MemoryBus) -> list[Experiment]:
    return [from_json(record.value, Experiment) for record in bus.read(Topic.DRILL, 0, 1000)]


def _await_reports(bus: MemoryBus, count: int) -> list[TriageReport]:
    return eventually(lambda: found if len(found := _reports(bus)) >= count else [], within_s=60)


def test_the_worst_failure_is_drilled_before_the_window_opens(bus: MemoryBus) -> None:
    """The request names the cut, the demand, the limit and the time by which it must be done."""
    _warn(bus, WARNING)
    with _running(bus):
        (report,) = _await_reports(bus, 1)
    (drill,) = _drills(bus)

    assert (drill.purpose, drill.cause, drill.cut) == (Purpose.DRILL, "w-story", ("CHINng-NYCMng",))
    assert (drill.demand, drill.load_limit, drill.deadline) == (PEAK, 0.85, WARNING.window_start)
    assert (report.warning, report.drill, report.because) == ("w-story", drill.id, "")
    assert report.rows[0].failure == "CHINng-NYCMng"
    assert report.worst_without_failure is not None
    assert report.worst_without_failure.worst_ratio < 0.35


def test_a_killed_process_asks_nothing_twice(bus: MemoryBus) -> None:
    """A successor sees what is answered; a request that went out without its report gets it now."""
    _warn(bus, WARNING)
    with _running(bus):
        _await_reports(bus, 1)
    with _running(bus):
        _warn(bus, replace(WARNING, id="w-late", window_start=MADE_AT, link="IPLSng->ATLAng"))
        reports = _await_reports(bus, 2)

    assert [report.warning for report in reports] == ["w-story", "w-late"]
    assert len(_drills(bus)) == 1


@pytest.mark.parametrize(
    ("second", "because"),
    [
        (replace(WARNING, id="w-2", link="WASHng->ATLAng"), "d-story drills the same failure"),
        (
            replace(
                WARNING,
                id="w-2",
                demand=replace(PEAK, rates_bps=tuple(r / 3 for r in PEAK.rates_bps)),
            ),
            "no failure passes 85% at the forecast demand",
        ),
        (
            replace(
                WARNING,
                id="w-2",
                made_at=WARNING.window_end,
                window_start=WARNING.window_end + timedelta(seconds=30),
                window_end=WARNING.window_end + timedelta(hours=3),
            ),
            "the window opens at 21:10, too soon for a drill",
        ),
    ],
    ids=["covered", "harmless", "too late"],
)
def test_a_warning_without_a_drill_says_why(
    bus: MemoryBus, second: SpikeWarning, because: str
) -> None:
    """Each is triaged all the same."""
    _warn(bus, WARNING)
    with _running(bus):
        _await_reports(bus, 1)
        _warn(bus, second)
        reports = _await_reports(bus, 2)

    assert reports[1].because == because
    assert len(reports[1].rows) == 15
    assert len(_drills(bus)) == 1


def test_a_drill_that_settles_nothing_is_asked_once_more(bus: MemoryBus) -> None:
    """An inconclusive drill is repeated; a second such answer, or a restart, asks nothing."""
    _warn(bus, WARNING)
    with _running(bus):
        _await_reports(bus, 1)
        (first,) = _drills(bus)
        _say(bus, answer(first, Verdict.INCONCLUSIVE))
        again = eventually(lambda: _drills(bus)[1:], within_s=60)[0]
        _say(bus, answer(again, Verdict.INCONCLUSIVE))
    with _running(bus):
        _warn(bus, replace(WARNING, id="w-late", window_start=MADE_AT, link="IPLSng->ATLAng"))
        _await_reports(bus, 2)

    assert _drills(bus) == [first, again]
    assert again == replace(first, id=f"{first.id}-again", deadline=None)


def test_a_drills_answer_is_held_against_the_model_once(bus: MemoryBus) -> None:
    """What the bench measured beside what was expected; a successor does not say it again."""
    numbers = _Numbers()
    _warn(bus, WARNING)
    with _running(bus, numbers=numbers):
        _await_reports(bus, 1)
        (drill,) = _drills(bus)
        _say(bus, answer(drill, Verdict.PASSED))
        (error,) = eventually(lambda: _model_errors(bus), within_s=30)
    with _running(bus):
        _warn(bus, replace(WARNING, id="w-late", window_start=MADE_AT, link="IPLSng->ATLAng"))
        _await_reports(bus, 2)
    under = error.phases[-1]

    assert (error.drill, error.cut) == (drill.id, drill.cut)
    assert [phase.phase for phase in error.phases] == ["before", "failed"]
    assert under.worst_error_link == "ATLAng->IPLSng"
    assert under.worst_error_ratio == pytest.approx(1.002, abs=1e-3)
    assert len(_model_errors(bus)) == 1
    assert numbers.told[MODEL_ERROR.name] == pytest.approx(1.002, abs=1e-3)
    assert numbers.told[TRIAGED.name] == 15 + 12 + 105


def test_failures_are_ranked_without_a_warning_once_there_is_traffic(bus: MemoryBus) -> None:
    """The forecast hears what each failure would cost before anything is in sight."""
    routers = tuple(NodeId(router.name) for router in abilene().routers)
    owner = StateOwner(1)
    for sample in flow_samples(PEAK, epoch=1, seq=1, observed_at_ns=to_ns(PEAK.at)):
        reading = normalize(sample)
        assert not isinstance(reading, Refused)
        for delta in owner.take(reading):
            bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    with _running(bus, routers=routers):
        (report,) = _await_reports(bus, 1)

    assert (report.warning, report.drill, report.made_at) == ("", "", PEAK.at)
    assert report.rows[0].failure == "CHINng-NYCMng"
    assert report.costs[0].worst.cost_bps > report.rows[0].cost_bps > 0
    assert not _drills(bus)


def test_a_warning_waits_until_the_network_is_known() -> None:
    """Before there is any state there is nothing to rank; then the answer comes."""
    bus = MemoryBus()
    _warn(bus, WARNING)
    with _running(bus):
        for delta in planned_deltas(abilene()):
            bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
        reports = _await_reports(bus, 1)

    assert len(reports) == 1


def test_a_network_that_is_all_down_is_answered() -> None:
    """There is no failure left to rank; the report says so, and the process goes on."""
    bus = MemoryBus()
    for delta in planned_deltas(abilene()):
        if delta.stream is not Stream.INTERFACE:
            bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    _warn(bus, WARNING)
    with _running(bus):
        (report,) = _await_reports(bus, 1)
        _warn(bus, replace(WARNING, id="w-next"))
        _await_reports(bus, 2)

    assert report.rows == ()
    assert report.because == "no failure passes 85% at the forecast demand"
    assert not _drills(bus)


def test_what_is_long_past_is_let_go_of_and_not_answered_again(bus: MemoryBus) -> None:
    """Days later, and by a successor that reads it all again."""
    days_later = replace(PEAK, at=PEAK.at + timedelta(days=5))
    for sample in flow_samples(days_later, epoch=1, seq=1, observed_at_ns=to_ns(days_later.at)):
        reading = normalize(sample)
        assert not isinstance(reading, Refused)
        for delta in StateOwner(1).take(reading):
            bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    _warn(bus, WARNING)
    with _running(bus):
        _await_reports(bus, 1)
    with _running(bus):
        _warn(bus, replace(WARNING, id="w-next"))
        _await_reports(bus, 2)
        _warn(bus, replace(WARNING, id="w-last"))
        reports = _await_reports(bus, 3)

    assert [report.warning for report in reports] == ["w-story", "w-next", "w-last"]


def test_what_cannot_be_read_goes_to_the_dead_letters(bus: MemoryBus) -> None:
    """A bad warning, verdict or control message stops nothing."""
    for topic in (Topic.WARNING, Topic.VERDICT, Topic.CONTROL):
        bus.append(topic, "x", b"{}")
    _warn(bus, WARNING)
    with _running(bus):
        found = eventually(lambda: _drills(bus), within_s=60)
    rejected = [from_json(record.value, Rejected) for record in bus.read(Topic.REJECT, 0, 10)]

    assert len(found) == 1
    assert sorted(record.origin.partition("/")[0] for record in rejected) == [
        "control.v1",
        "verdict.v1",
        "warning.v1",
    ]


def test_a_calendar_that_waits_for_traffic_says_so(bus: MemoryBus) -> None:
    """Nobody wonders in vain why nothing is drilled; it is said once."""
    weekly = read_scenario(find("weekly-resilience-drill"))

    with capture_logs() as said, _running(bus, weekly):
        eventually(lambda: "calendar_waits" in [it["event"] for it in said], within_s=60)

    assert [it["event"] for it in said].count("calendar_waits") == 1
    assert not _drills(bus)
