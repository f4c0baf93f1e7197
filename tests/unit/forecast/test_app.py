"""The forecast process on the bus: it warns live only, once, and survives being killed."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from forecast.app import run
from foreshadow.checkpoint import checkpoint, load, save
from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json, to_json
from foreshadow.delta import StateDelta
from foreshadow.errors import ConfigError
from foreshadow.incident import Incident, IncidentKind
from foreshadow.meter import SILENT, Meter, Metric
from foreshadow.settings import ForecastSettings
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.warning import ForecastStep, SpikeWarning
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands, flow_samples
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.planned_network import planned, planned_deltas
from tests.production_state import ABILENE, abilene

LIVE_FROM = datetime(2004, 3, 3, 18, tzinfo=UTC)
SETTINGS = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=4,
    watched_demands=2,
    warm_up_steps=48,
    warn_from=LIVE_FROM,
)
LIMIT = 0.6
ROUTERS = tuple(NodeId(router.name) for router in abilene().routers)

pytestmark = pytest.mark.slow


def _hourly() -> DemandSeries:
    profile = profile_matrices(
        ABILENE.with_name("abilene_profile.yaml"), abilene(), until=LIVE_FROM + timedelta(hours=4)
    )
    series = demands(profile, abilene())
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


class _Production:
    """Writes the state topic as ingest would."""

    def __init__(self, bus: MemoryBus) -> None:
        self._bus, self._owner, self._seq = bus, StateOwner(1), 0
        self._series = _hourly()
        for delta in planned_deltas(abilene()):
            self._publish(delta)

    def demand_until(self, until: datetime) -> None:
        """The intervals not yet sent, up to and with the one of `until`."""
        for matrix in list(self._series)[self._seq :]:
            if matrix.at > until:
                return
            self._seq += 1
            for sample in flow_samples(
                matrix, epoch=1, seq=self._seq, observed_at_ns=to_ns(matrix.at)
            ):
                reading = normalize(sample)
                assert not isinstance(reading, Refused)
                for delta in self._owner.take(reading):
                    self._publish(delta)

    def _publish(self, delta: StateDelta) -> None:
        self._bus.append(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))


@contextmanager
def _running(
    bus: MemoryBus,
    checkpoint_file: Path | None = None,
    *,
    settings: ForecastSettings = SETTINGS,
    meter: Meter = SILENT,
) -> Iterator[None]:
    stop = threading.Event()
    told = {"load_limit": LIMIT, "routers": ROUTERS, "checkpoint_file": checkpoint_file}
    process = threading.Thread(
        target=run, args=(bus, settings, SystemClock(), stop), kwargs={**told, "meter": meter}
    )
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _hour_later(bus: MemoryBus) -> None:
    """One more interval, as the same production would have sent it."""
    later = MemoryBus()
    production = _Production(later)
    production.demand_until(LIVE_FROM)
    before = later.end(Topic.STATE)
    production.demand_until(LIVE_FROM + timedelta(hours=1))
    for record in later.read(Topic.STATE, before, 1000):
        bus.append(Topic.STATE, record.key, record.value)


def _steps(bus: MemoryBus) -> list[ForecastStep]:
    return [from_json(r.value, ForecastStep) for r in bus.read(Topic.FORECAST, 0, 10_000)]


def _warnings(bus: MemoryBus) -> list[SpikeWarning]:
    return [from_json(r.value, SpikeWarning) for r in bus.read(Topic.WARNING, 0, 10_000)]


def _await_step(bus: MemoryBus, at: datetime) -> ForecastStep:
    found = eventually(lambda: [s for s in _steps(bus) if s.made_at == at], within_s=60)
    return found[-1]


def _live_steps(bus: MemoryBus, at_least: int) -> list[ForecastStep]:
    live = [step for step in _steps(bus) if step.is_live]
    return live if len(live) >= at_least else []


def test_history_is_learnt_from_and_only_the_present_is_warned_of() -> None:
    """However high the load was in history, the first warning is of the first live interval."""
    bus = MemoryBus()
    production = _Production(bus)
    with _running(bus):
        production.demand_until(LIVE_FROM - timedelta(hours=1))
        past = _await_step(bus, LIVE_FROM - timedelta(hours=1))
        before = _warnings(bus)
        production.demand_until(LIVE_FROM)
        live = _await_step(bus, LIVE_FROM)

    assert (past.is_live, past.forecasts, before) == (False, (), [])
    assert live.is_live
    assert {forecast.made_at for forecast in live.forecasts} == {LIVE_FROM}
    assert {warning.made_at for warning in _warnings(bus)} == {LIVE_FROM}
    assert len({step.made_at for step in _steps(bus)}) == live.steps_seen


def test_a_killed_process_goes_on_and_repeats_nothing() -> None:
    """A successor reads everything back: the same forecast, and no warning twice."""
    bus = MemoryBus()
    production = _Production(bus)
    production.demand_until(LIVE_FROM)
    with _running(bus):
        (first,) = eventually(lambda: _live_steps(bus, at_least=1), within_s=60)
    said = _warnings(bus)
    with _running(bus):
        again = eventually(lambda: _live_steps(bus, at_least=2), within_s=60)[-1]
        repeated = _warnings(bus)
        production.demand_until(LIVE_FROM + timedelta(hours=1))
        _await_step(bus, LIVE_FROM + timedelta(hours=1))

    assert said
    assert repeated == said
    assert again.forecasts == first.forecasts


def test_with_a_checkpoint_it_goes_on_where_it_was(tmp_path: Path) -> None:
    """The successor reads only what came since, and foresees what an uninterrupted one does."""
    bus, whole = MemoryBus(), MemoryBus()
    for each in (bus, whole):
        _Production(each).demand_until(LIVE_FROM)
    with _running(bus, tmp_path / "checkpoint"):
        _await_step(bus, LIVE_FROM)
    taken = len(_steps(bus))
    _hour_later(bus)
    with _running(bus, tmp_path / "checkpoint"):
        resumed = _await_step(bus, LIVE_FROM + timedelta(hours=1))
    with _running(whole):
        _await_step(whole, LIVE_FROM)
        _hour_later(whole)
        uninterrupted = _await_step(whole, LIVE_FROM + timedelta(hours=1))

    assert len(_steps(bus)) == taken + 1
    assert resumed == uninterrupted
    assert _warnings(bus) == _warnings(whole)


@pytest.mark.parametrize("damage", ["flipped", "foreign", "gone"])
def test_a_checkpoint_that_will_not_do_costs_time_only(tmp_path: Path, damage: str) -> None:
    """Damaged, of another topic, or of other code: everything is read anew, with the same end."""
    bus, file = MemoryBus(), tmp_path / "checkpoint"
    _Production(bus).demand_until(LIVE_FROM)
    with _running(bus, file):
        first = _await_step(bus, LIVE_FROM)
    raw = file.read_bytes()
    if damage == "flipped":
        file.write_bytes(raw[:-9] + bytes([raw[-9] ^ 1]) + raw[-8:])
    elif damage == "foreign":
        saved = load(file)
        assert saved is not None
        save(file, checkpoint({(Topic.STATE, 0): 10}, own=bytes(32) + saved.own[32:]))
    else:
        save(file, checkpoint({(Topic.STATE, 0): 10**9}))
    with _running(bus, file):
        again = eventually(lambda: _live_steps(bus, at_least=2), within_s=30)[-1]

    assert (again.forecasts, again.quality) == (first.forecasts, first.quality)


def test_what_is_no_delta_or_warning_goes_to_the_dead_letters() -> None:
    """Bad records are counted elsewhere and stop nothing."""
    bus = MemoryBus()
    for topic in (Topic.WARNING, Topic.INCIDENT, Topic.CONTROL, Topic.VERDICT, Topic.FEEDBACK):
        bus.append(topic, "x", b"{}")
    for topic in (Topic.STATE, Topic.METRICS):
        bus.append(topic, "x", b"\x93junk")
    production = _Production(bus)
    with _running(bus):
        production.demand_until(LIVE_FROM)
        _await_step(bus, LIVE_FROM)
    rejected = [from_json(r.value, Rejected) for r in bus.read(Topic.REJECT, 0, 10)]

    assert {record.origin for record in rejected} == {
        *("warning.v1/0/0", "state.v1/0/0", "metrics.v1/0/0", "incident.v1/0/0"),
        *("control.v1/0/0", "verdict.v1/0/0", "feedback.v1/0/0"),
    }
    assert all(record.reason.startswith("forecast: ") for record in rejected)


class _Numbers:
    """A meter that keeps the latest of each number."""

    def __init__(self) -> None:
        self.of: dict[str, float] = {}

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        name = "/".join((metric.name, *labels.values()))
        self.of[name] = self.of.get(name, 0) + by

    def total(self, metric: Metric, value: float, **labels: str) -> None:
        self.of["/".join((metric.name, *labels.values()))] = value

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        self.of["/".join((metric.name, *labels.values()))] = value


def test_incidents_are_heard_and_numbers_are_told(tmp_path: Path) -> None:
    """A link that flapped leads the list of what may fail; quality and counts are published."""
    bus, numbers = MemoryBus(), _Numbers()
    link = next(link for link in planned(abilene()).what_if.topology.links if not link.is_external)
    for minutes in (5, 15, 25):
        incident = Incident(
            device=link.a.node,
            what=IncidentKind.LINK_DOWN,
            subject=link.a.interface,
            at_ns=to_ns(LIVE_FROM - timedelta(minutes=minutes)),
            heard_at_ns=0,
            source="test",
        )
        bus.append(Topic.INCIDENT, link.a.node, to_json(incident))
    _Production(bus).demand_until(LIVE_FROM)
    events = tmp_path / "events.yaml"
    events.write_text(
        "version: 1\nevents:\n  - {name: match, kind: calendar, "
        "begin: 2004-03-03T19:00:00Z, end: 2004-03-03T21:00:00Z}\n"
    )
    settings = SETTINGS.model_copy(update={"events_file": events})
    with _running(bus, settings=settings, meter=numbers):
        (live,) = eventually(lambda: _live_steps(bus, at_least=1), within_s=30)
        eventually(lambda: "foreshadow_forecast_warnings_sent_total" in numbers.of, within_s=30)

    assert live.likelihoods[0].name == link.id
    assert live.likelihoods[0].because == "3 failures in the last hour"
    assert [quality.horizon_s for quality in live.quality] == [10_800, 21_600]
    assert all(quality.wape_pct and quality.limit_brier for quality in live.quality)
    assert live.warnings_sent == len(_warnings(bus))
    assert live.events == ('calendar "match" 19:00-21:00',)
    assert numbers.of["foreshadow_forecast_steps_total"] == live.steps_seen
    assert numbers.of["foreshadow_forecast_warnings_sent_total"] == live.warnings_sent
    assert 0 < numbers.of["foreshadow_forecast_coverage_ratio/10800s/0.95"] <= 1


def test_a_bad_events_file_is_one_clear_error(tmp_path: Path) -> None:
    """Nothing is read or said before."""
    settings = SETTINGS.model_copy(update={"events_file": tmp_path / "none.yaml"})

    with pytest.raises(ConfigError, match="cannot be read"):
        run(MemoryBus(), settings, SystemClock(), threading.Event(), load_limit=LIMIT)


def test_warnings_survive_the_wire() -> None:
    """What is published is what a reader gets."""
    bus = MemoryBus()
    _Production(bus).demand_until(LIVE_FROM)
    with _running(bus):
        eventually(lambda: _warnings(bus), within_s=60)
    (first, *_) = bus.read(Topic.WARNING, 0, 1)

    assert to_json(from_json(first.value, SpikeWarning)) == first.value
