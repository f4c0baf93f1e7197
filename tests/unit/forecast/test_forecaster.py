"""The forecaster as a whole: it knows no future, warns of what it says, and follows the routing."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from forecast.forecaster import Forecaster
from forecast.outlook import Outlook
from foreshadow.demand import DemandMatrix
from foreshadow.exits import Exit
from foreshadow.present import Present
from foreshadow.settings import ForecastSettings
from foreshadow.topology import LinkId
from foreshadow.warning import Forecast, SpikeWarning
from foreshadow.whatif import NO_CUT, single_cuts
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, Story, demands
from tests.planned_network import CUT, measured, planned
from tests.production_state import ABILENE, abilene

LIMIT = 0.85
COARSE = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=4,
    watched_demands=2,
    warm_up_steps=48,
)
"""Hourly steps: four days are a hundred of them."""

Told = tuple[tuple[Forecast, ...] | None, tuple[SpikeWarning, ...]]


@cache
def _network() -> Present:
    return planned(abilene())


def _hourly(days: int) -> DemandSeries:
    """The built-in profile, one interval in twelve."""
    until = datetime(2004, 3, 1, tzinfo=UTC) + timedelta(days=days)
    profile = ABILENE.with_name("abilene_profile.yaml")
    series = demands(profile_matrices(profile, abilene(), until=until), abilene())
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


def _told(matrices: Iterable[DemandMatrix], forecaster: Forecaster | None = None) -> list[Told]:
    """What is published after each interval."""
    if forecaster is None:
        forecaster = Forecaster(COARSE, load_limit=LIMIT)
        forecaster.reroute(_network())
    told: list[Told] = []
    for matrix in matrices:
        outlook = forecaster.observe(matrix)
        told.append((outlook.forecasts(), forecaster.warn(outlook)) if outlook else (None, ()))
    return told


@pytest.mark.slow
@pytest.mark.parametrize("present", [49, 60, 85])
def test_the_future_changes_nothing_that_was_said(present: int, rng: random.Random) -> None:
    """Shuffling everything after the present leaves every earlier forecast and warning as is."""
    series = _hourly(4)
    future = list(range(present, len(series)))
    rng.shuffle(future)
    shuffled = replace(series, rates_bps=series.rates_bps[[*range(present), *future]])
    before, after = _told(series), _told(shuffled)

    assert before[present - 1][0] is not None
    assert before[:present] == after[:present]
    assert before[present:] != after[present:]


def _warnings(series: DemandSeries) -> tuple[Forecaster, list[tuple[Outlook, SpikeWarning]]]:
    forecaster = Forecaster(COARSE, load_limit=0.5)
    forecaster.reroute(_network())
    found = []
    for matrix in series:
        outlook = forecaster.observe(matrix)
        if outlook is not None:
            found += [(outlook, warning) for warning in forecaster.warn(outlook)]
    return forecaster, found


@pytest.mark.slow
def test_a_warnings_demand_gives_the_load_it_warns_of() -> None:
    """Loads computed from the warning's demand under its failure read its upper ratio."""
    _, found = _warnings(_hourly(4))
    network = _network()

    assert found
    for _, warning in found:
        cut = NO_CUT if warning.under_failure is None else frozenset({warning.under_failure})
        ratios = network.under(cut, warning.demand.keys).load_ratios(warning.demand)
        load = next(ratio for link, ratio in ratios.items() if str(link) == warning.link)
        assert load == pytest.approx(warning.upper_ratio)
        assert warning.made_at < warning.window_start <= warning.window_end
        assert warning.lead_s == (warning.window_start - warning.made_at).total_seconds()


@pytest.mark.slow
def test_a_rerouted_link_reads_as_if_it_had_always_been_so() -> None:
    """After a link went down, every series' present value is the one under the new routing."""
    series = _hourly(3)
    forecaster = Forecaster(COARSE, load_limit=LIMIT)
    forecaster.reroute(_network())
    *past, last = series
    for matrix in past:
        forecaster.observe(matrix)
    broken = Present(what_if=_network().what_if, down=CUT)
    forecaster.reroute(broken)
    outlook = forecaster.observe(last)

    assert outlook is not None
    for row, pair in enumerate(outlook.watched.links):
        ratios = broken.under(pair.cut, last.keys).load_ratios(last)
        assert outlook.now[row] == pytest.approx(ratios[pair.link])


def test_a_prefix_that_moves_and_loads_nothing_costs_no_forecast() -> None:
    """Exits of small prefixes change all day long: what is under way goes on, as if none had."""
    series = _hourly(4)
    small = series.keys[int(series.rates_bps.max(axis=0).argmin())].prefix
    keys, rates = series.keys, series.rates_bps.copy()
    rates[:, [key.prefix == small for key in keys]] *= 1e-6
    series = replace(series, rates_bps=rates)
    exits = _network().what_if.exits
    elsewhere = next(node.id for node in _network().what_if.topology.nodes)
    moved = [planned(abilene(), {**exits, small: (Exit(router=elsewhere),)}), _network()]
    steady, churning = (Forecaster(COARSE, load_limit=LIMIT) for _ in range(2))
    for forecaster in (steady, churning):
        forecaster.reroute(_network())
    told = []
    for number, matrix in enumerate(series):
        churning.reroute(moved[number % 2])
        told.append((steady.observe(matrix), churning.observe(matrix)))
    one, other = told[-1]

    assert one is not None
    assert other is not None
    assert [f.median for f in other.forecasts()] == pytest.approx(
        [f.median for f in one.forecasts()], rel=1e-3
    )
    assert churning.coverage == pytest.approx(steady.coverage, abs=0.01)
    assert churning.judges[0].wape == pytest.approx(steady.judges[0].wape, rel=0.01)


def test_demands_come_and_go() -> None:
    """A prefix that appears late or is missing for an interval counts as 0, and breaks nothing."""
    series = _hourly(3)
    matrices = [
        m if at >= 60 and at % 2 else _first(m, len(m.keys) - 5) for at, m in enumerate(series)
    ]
    told = _told(matrices)

    assert len(matrices[-1].keys) != len(matrices[-2].keys)
    assert all(said for said, _ in told[50:])


def test_missing_intervals_read_like_the_one_before() -> None:
    """Yesterday stays yesterday: after a gap, naive forecasts are those of the steps repeated."""
    series = [*_hourly(3)]
    gap = [m for index, m in enumerate(series) if index not in {50, 51}]
    repeated = [
        replace(series[49], at=m.at) if index in {50, 51} else m for index, m in enumerate(series)
    ]
    with_gap, without = _told(gap)[-1][0], _told(repeated)[-1][0]

    assert with_gap is not None
    assert without is not None
    assert [f.naive_last for f in with_gap] == pytest.approx([f.naive_last for f in without])
    assert [f.naive_day for f in with_gap] == pytest.approx(
        [f.naive_day for f in without], rel=0.05, abs=1e-3
    )


def test_an_interval_that_comes_again_changes_nothing() -> None:
    """Told twice, or late: the forecasts are those of the intervals told once."""
    series = [*_hourly(3)]
    again = [m for index, m in enumerate(series) for m in (m, m, series[max(0, index - 3)])]

    assert [said for said in _told(again) if said[0]] == [said for said in _told(series) if said[0]]


def test_a_day_of_silence_starts_over() -> None:
    """Nothing is forecast from a past that is too old, until there is enough of a new one."""
    series = [*_hourly(6)]
    told = _told([*series[:60], *series[90:]])

    assert told[59][0] is not None
    assert [said is not None for said, _ in told[60:]] == [False] * 47 + [True] * (len(told) - 107)


def _first(matrix: DemandMatrix, count: int) -> DemandMatrix:
    return replace(matrix, keys=matrix.keys[:count], rates_bps=matrix.rates_bps[:count])


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_storys_peak_is_seen_hours_ahead(shared_data: Path) -> None:
    """With a week of history the P95 of the peak in 3 h reads about 99 % at 17:00.

    The first live interval, ten minutes later, is warned of: its window holds the real peak, and
    triage at the warned demand is led by the story's cut.
    """
    series, story = measured(shared_data, growth=2.5), Story()
    # One horizon and few pairs: a week of five-minute steps is 2,000 lessons for each model.
    settings = ForecastSettings(horizons_s=(10_800,), watched_pairs=3, watched_demands=1)
    forecaster = Forecaster(settings, load_limit=LIMIT)
    forecaster.reroute(_network())
    live = series.index(story.live_from)
    pair = ("ATLAng->IPLSng", "CHINng-NYCMng")
    read: dict[datetime, float] = {}
    for index in range(live - 7 * 288, live + 1):
        outlook = forecaster.observe(series.matrix(index))
        if outlook is not None and outlook.matrix.at.hour == story.live_from.hour:
            read[outlook.matrix.at] = next(
                f.upper
                for f in outlook.forecasts()
                if (f.series, f.under_failure, f.horizon_s) == (*pair, 10_800)
            )
    assert outlook is not None
    first, *_ = forecaster.warn(outlook)

    assert read[datetime(2004, 3, 11, 17, 0, tzinfo=UTC)] == pytest.approx(0.99, abs=0.04)
    assert all(0.93 <= share <= 0.98 for share in forecaster.coverage.values())
    assert (first.link, first.under_failure) == pair
    assert first.lead_s >= 1800
    assert first.window_start <= story.failure_at <= first.window_end
    assert _worst_cut(first) == CUT


def _worst_cut(warning: SpikeWarning) -> frozenset[LinkId]:
    network, demand = _network(), warning.demand

    def fullest(cut: frozenset[LinkId]) -> float:
        return max(network.under(cut, demand.keys).load_ratios(demand).values())

    return max(single_cuts(network.what_if.topology), key=fullest)
