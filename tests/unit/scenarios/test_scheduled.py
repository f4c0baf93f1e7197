"""The drills process asks for scenarios: by the calendar and on a forecast, across kills."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from foreshadow.calendar_note import CalendarNote, Decision
from foreshadow.clock import to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import decode_control
from foreshadow.demand import DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.experiment import Experiment, Purpose, Verdict
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.observed import DemandRate, Stream
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.warning import SpikeWarning
from scenarios.app import run
from scenarios.drill_plan import decode_plan
from scenarios.planning.planned_network import planned
from scenarios.scenario import Scenario
from scenarios.scheduled import described, read_scenarios
from tests.bench_answers import answer
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.planned_network import planned_deltas
from tests.production_state import snapshot
from tests.scenario_files import SQUARE, ground, scenario_of, text_of

NETWORK = parse_network(SQUARE.read_text(), path=SQUARE)
DEMAND = ground().demand
NOON = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)

HOURLY = scenario_of(
    """
    select: {busiest: {links: "*", by: highest-load}}
    steps: [{inject: link-down, on: busiest, for: 5s}]
    checks: {during: {no_loop: true}}
    trigger: {calendar: {cron: "0 * * * *", timezone: Europe/Berlin, missed: run-once}}
    """
)
ON_FORECAST = replace(
    scenario_of(
        """
        select: {busiest: {links: "*", by: highest-forecast-load}}
        steps: [{inject: link-down, on: busiest, for: 5s}]
        checks: {during: {no_loop: true}}
        trigger: {forecast: {at_least: 80%}}
        """
    ),
    name="peak",
)
DUCT = replace(
    scenario_of(
        """
        select: {duct: {srlgs: "*"}}
        steps: [{inject: srlg-cut, on: duct, for: 5s}]
        checks: {during: {no_loop: true}}
        trigger: {calendar: {cron: "0 * * * *", timezone: UTC}}
        """
    ),
    name="duct",
)


def _bus(network: NetworkFile = NETWORK) -> MemoryBus:
    """A bus on which the network and its demand are known."""
    known = MemoryBus()
    for delta in planned_deltas(network):
        known.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    for router in network.routers:
        rates = {
            str(key.prefix): DemandRate(rate_bps=rate)
            for key, rate in zip(DEMAND.keys, DEMAND.rates_bps, strict=True)
            if key.ingress == router.name
        }
        for delta in snapshot(NodeId(router.name), Stream.DEMAND, rates):
            timed = msgspec.structs.replace(delta, event_at_ns=to_ns(NOON))
            known.append(Topic.STATE, delta.device, msgspec.msgpack.encode(timed))
    return known


@contextmanager
def _running(
    bus: MemoryBus,
    clock: FakeClock,
    *scenarios: Scenario,
    network_file: NetworkFile | None = None,
) -> Iterator[None]:
    stop = threading.Event()
    process = threading.Thread(
        target=run,
        args=(bus, clock, stop),
        kwargs={
            "routers": tuple(NodeId(router.name) for router in NETWORK.routers),
            "scenarios": scenarios,
            "network_file": network_file,
            "load_limit": 0.9,
        },
    )
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _drills(bus: MemoryBus) -> list[Experiment]:
    asked = [from_json(record.value, Experiment) for record in bus.read(Topic.DRILL, 0, 1000)]
    return [drill for drill in asked if drill.drill]


def _notes(bus: MemoryBus, decision: Decision) -> list[CalendarNote]:
    said = [decode_control(record.value) for record in bus.read(Topic.CONTROL, 0, 1000)]
    notes = [note for note in said if isinstance(note, CalendarNote)]
    return [note for note in notes if note.decision is decision]


def test_a_scenario_is_asked_for_when_it_is_due() -> None:
    """The request carries the whole plan: resolved on production as it is, at its demand."""
    bus, clock = _bus(), FakeClock(NOON)
    with _running(bus, clock, HOURLY):
        eventually(lambda: _notes(bus, Decision.WATCHED), within_s=60)
        clock.sleep(3600)
        (drill,) = eventually(lambda: _drills(bus), within_s=60)
        eventually(lambda: _notes(bus, Decision.ASKED), within_s=60)
    plan = decode_plan(drill.drill)

    assert (drill.id, drill.purpose, drill.cut) == ("c-test-20260327T1300Z", Purpose.DRILL, ())
    assert drill.cause == "calendar 2026-03-27T13:00:00Z"
    assert (plan.id, plan.scenario, plan.load_limit) == (drill.id, "test", 0.9)
    assert dict(zip(plan.demand.keys, plan.demand.rates_bps, strict=True)) == dict(
        zip(DEMAND.keys, DEMAND.rates_bps, strict=True)
    )
    assert [fault.kind for fault in plan.faults] == ["link-down"]


def test_a_killed_process_asks_nothing_twice_and_makes_up_for_what_it_missed() -> None:
    """Its notes on the bus are its memory; three hours away, the last run is made up for once."""
    bus, clock = _bus(), FakeClock(NOON)
    with _running(bus, clock, HOURLY):
        eventually(lambda: _notes(bus, Decision.WATCHED), within_s=60)
        clock.sleep(3600)
        (first,) = eventually(lambda: _drills(bus), within_s=60)
        eventually(lambda: _notes(bus, Decision.ASKED), within_s=60)
    said = answer(first, Verdict.INCONCLUSIVE)
    bus.append(Topic.VERDICT, said.id, to_json(said))
    with _running(bus, clock, HOURLY):
        clock.sleep(10)
    assert len(_drills(bus)) == 1

    clock.sleep(3 * 3600)
    with _running(bus, clock, HOURLY):
        eventually(lambda: _notes(bus, Decision.ASKED)[1:], within_s=60)

    assert [drill.id for drill in _drills(bus)] == [
        "c-test-20260327T1300Z",
        "c-test-20260327T1600Z",
    ]


def test_what_does_not_fit_the_network_is_skipped_with_its_reason() -> None:
    """Production shows no risk groups; the network file that names some makes the difference."""
    bus, clock = _bus(), FakeClock(NOON)
    with _running(bus, clock, DUCT):
        eventually(lambda: _notes(bus, Decision.WATCHED), within_s=60)
        clock.sleep(3600)
        (note,) = eventually(lambda: _notes(bus, Decision.SKIPPED), within_s=60)
    assert "duct picks nothing in this network" in note.because
    assert not _drills(bus)

    first = NETWORK.links[0].model_copy(update={"srlgs": ("river",)})
    file = NETWORK.model_copy(update={"links": (first, *NETWORK.links[1:])})
    with _running(bus, clock, DUCT, network_file=file):
        clock.sleep(3600)
        (drill,) = eventually(lambda: _drills(bus), within_s=60)

    assert decode_plan(drill.drill).faults[0].links == ("NW-NE",)


def test_a_warning_sets_off_the_scenarios_that_wait_for_one() -> None:
    """At the demand it forecasts, before its window opens, once."""
    peak = DemandMatrix(
        at=NOON, keys=DEMAND.keys, rates_bps=tuple(rate * 1.5 for rate in DEMAND.rates_bps)
    )
    warning = SpikeWarning(
        id="w-1",
        link="NE->SE",
        under_failure=None,
        quantile=0.95,
        upper_ratio=0.9,
        limit_ratio=0.85,
        made_at=NOON,
        window_start=NOON + timedelta(minutes=30),
        window_end=NOON + timedelta(hours=2),
        lead_s=1800,
        demand=peak,
    )
    late = replace(warning, id="w-2", window_start=NOON + timedelta(seconds=30))
    past = replace(warning, id="w-0", window_start=NOON, window_end=NOON)
    bus, clock = _bus(), FakeClock(NOON)
    for each in (past, warning, late):
        bus.append(Topic.WARNING, each.link, to_json(each))
    for _ in range(2):
        with _running(bus, clock, ON_FORECAST):
            eventually(lambda: _notes(bus, Decision.SKIPPED), within_s=60)
    (drill,) = _drills(bus)
    (skipped,) = _notes(bus, Decision.SKIPPED)

    assert (drill.id, drill.cause, drill.demand) == ("f-peak-w-1", "w-1", peak)
    assert drill.deadline == warning.window_start
    assert skipped.occasion == "w-2"


def test_a_folder_of_scenarios_has_each_name_once(tmp_path: Path) -> None:
    """Two files of one name would answer to one drill id."""
    assert read_scenarios(None) == ()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(text_of("steps: [{inject: link-down, on: NW-NE}]"))

    with pytest.raises(ConfigError, match="has a scenario 'test' too; rename one"):
        read_scenarios(tmp_path)


def test_a_network_file_adds_what_telemetry_does_not_show() -> None:
    """Roles, risk groups and delays; nothing else changes."""
    router = NETWORK.routers[1].model_copy(update={"roles": ("edge",)})
    link = NETWORK.links[1].model_copy(update={"srlgs": ("river",), "delay_ms": 5.0})
    file = NETWORK.model_copy(
        update={
            "routers": (NETWORK.routers[0], router, *NETWORK.routers[2:]),
            "links": (NETWORK.links[0], link, *NETWORK.links[2:]),
        }
    )
    found = described(planned(NETWORK), file)

    assert {n.id: n.roles for n in found.what_if.topology.nodes if n.roles} == {"NE": {"edge"}}
    (touched,) = (ln for ln in found.what_if.topology.links if ln.srlgs)
    assert (touched.id, *touched.srlgs, touched.delay_s) == ("NE-SE", "river", 0.005)
    assert described(found, NETWORK).what_if.topology == found.what_if.topology
