"""Networks whose links are counted: without flow export, and beside it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import numpy as np
import pytest

from forecast.forecaster import Forecaster
from forecast.intake import Intake, Loads
from foreshadow.bus import Record
from foreshadow.clock import to_ns
from foreshadow.demand import DemandMatrix
from foreshadow.follower import Follower
from foreshadow.present import Present
from foreshadow.rates import RATE_COLUMNS, RateFrame
from foreshadow.settings import ForecastSettings
from foreshadow.topics import Topic
from foreshadow.topology import DirectedLink, NodeId
from foreshadow.warning import SpikeWarning
from foreshadow.whatif import NO_CUT
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock
from tests.planned_network import CUT, planned, planned_deltas
from tests.production_state import ABILENE, abilene

COARSE = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=4,
    watched_demands=2,
    warm_up_steps=48,
)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.slow


@cache
def _hourly() -> DemandSeries:
    until = datetime(2004, 3, 3, 12, tzinfo=UTC)
    profile = ABILENE.with_name("abilene_profile.yaml")
    series = demands(profile_matrices(profile, abilene(), until=until), abilene())
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


def _loads(matrix: DemandMatrix, factor: float = 1.0) -> dict[DirectedLink, float]:
    loads = _network().under(NO_CUT, matrix.keys).loads_bps(matrix)
    return {link: factor * load for link, load in loads.items()}


@cache
def _network() -> Present:
    return planned(abilene())


def _nobody_exports(at: datetime) -> DemandMatrix:
    return DemandMatrix(at=at, keys=(), rates_bps=())


def test_counters_alone_give_every_link_its_forecast() -> None:
    """No flow export: the links' forecasts are those that flows would have given."""
    counted = Forecaster(COARSE, load_limit=0.85)
    exported = Forecaster(COARSE, load_limit=0.85)
    for each in (counted, exported):
        each.reroute(_network())
    for matrix in _hourly():
        by_counters = counted.observe(_nobody_exports(matrix.at), _loads(matrix))
        by_flows = exported.observe(matrix)

    assert by_counters is not None
    assert by_flows is not None
    links = len(by_counters.watched.links)
    assert links == len(by_counters.watched.intact) == 30
    told = [forecast.upper for forecast in by_counters.forecasts()[:links]]
    assert told == pytest.approx([f.upper for f in by_flows.forecasts()[:links]], rel=1e-3)


def test_without_flows_a_spike_is_warned_of_all_the_same() -> None:
    """The warning has no demand, and its cost is not known."""
    forecaster = Forecaster(COARSE, load_limit=0.3)
    forecaster.reroute(_network())
    found: list[SpikeWarning] = []
    for matrix in _hourly():
        outlook = forecaster.observe(_nobody_exports(matrix.at), _loads(matrix))
        found += forecaster.warn(outlook) if outlook else ()

    assert found
    assert all(warning.under_failure is None for warning in found)
    assert all(warning.demand.keys == () for warning in found)


def test_what_is_counted_corrects_what_is_projected() -> None:
    """Links carry a fifth more than flows say: seen as they stand, and believed under failures."""
    forecaster = Forecaster(COARSE, load_limit=0.85)
    forecaster.reroute(_network())
    for matrix in _hourly():
        outlook = forecaster.observe(matrix, _loads(matrix, 1.2))

    assert outlook is not None
    for row, pair in enumerate(outlook.watched.links):
        load = _network().under(pair.cut, matrix.keys).load_ratios(matrix)[pair.link]
        if load > 0.02:
            assert outlook.now[row] == pytest.approx(1.2 * load, rel=0.15)


def test_counters_of_another_routing_are_not_taken_for_this_one() -> None:
    """After a link went down, the past reads as the model has it, the present as it is counted."""
    forecaster = Forecaster(COARSE, load_limit=0.85)
    forecaster.reroute(_network())
    *past, last = _hourly()
    for matrix in past:
        forecaster.observe(matrix, _loads(matrix))
    broken = Present(what_if=_network().what_if, down=CUT)
    forecaster.reroute(broken)
    after = broken.under(NO_CUT, last.keys).loads_bps(last)
    outlook = forecaster.observe(last, after)

    assert outlook is not None
    history = forecaster.banks[0].history
    for row, pair in enumerate(outlook.watched.intact):
        ratios = broken.under(NO_CUT, past[-1].keys).load_ratios(past[-1])
        assert history.loads(history.lag(1))[row] == pytest.approx(
            ratios[pair.link], rel=1e-3, abs=1e-6
        )


def _frames(at: datetime, loads: dict[DirectedLink, float], seq: int) -> list[RateFrame]:
    """What every router says of its interfaces after an hour."""
    topology = _network().what_if.topology
    ports: dict[NodeId, dict[str, float]] = {}
    for (node, interface), link in topology.egress().items():
        if link in loads:
            ports.setdefault(node, {})[interface] = loads[link]
    frames = []
    for node, rates in ports.items():
        columns = np.full((len(RATE_COLUMNS), len(rates)), np.nan)
        columns[RATE_COLUMNS.index("out_bps")] = [*rates.values()]
        frames.append(
            RateFrame(
                device=node,
                epoch=1,
                seq=seq,
                observed_at_ns=to_ns(at),
                is_whole=True,
                interfaces=tuple(rates),
                columns=tuple(column.astype("<f8").tobytes() for column in columns),
            )
        )
    return frames


def test_frames_become_intervals_of_their_own_where_nobody_exports_flows() -> None:
    """From the metrics topic to link loads, hour by hour, once the network is known."""
    clock = FakeClock(datetime(2004, 3, 1, tzinfo=UTC))
    intake = Intake(Follower("test", MemoryBus().publisher(), clock), step=HOUR)
    for delta in planned_deltas(abilene()):
        raw = msgspec.msgpack.encode(delta)
        intake.take(Record(topic=Topic.STATE, key=delta.device, value=raw, partition=0, offset=0))
    intake.settle()
    matrices = [*_hourly()][:6]
    found: list[tuple[DemandMatrix, Loads]] = []
    for number, matrix in enumerate(matrices):
        for frame in _frames(matrix.at + HOUR, _loads(matrix), number + 1):
            intake.count(frame)
        found += intake.intervals(())

    assert [matrix.at for matrix, _ in found] == [matrix.at for matrix in matrices[1:]]
    for (_, loads), matrix in zip(found, matrices[1:], strict=True):
        assert loads == pytest.approx(_loads(matrix))
