"""Warnings with their price: what is likely, likely to fail and dear comes first."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from forecast.forecaster import Forecaster
from forecast.known_events import Announced, EventKind, KnownEvents
from forecast.memory import freeze, identity, thaw
from forecast.outlook import Outlook
from forecast.ranking import excess_bps
from foreshadow.clock import to_ns
from foreshadow.incident import Incident, IncidentKind
from foreshadow.present import Present
from foreshadow.rollout_event import Feedback
from foreshadow.settings import ForecastSettings
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageReport, TriageRow
from foreshadow.warning import SpikeWarning
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, demands
from tests.planned_network import planned
from tests.production_state import ABILENE, abilene

LIMIT = 0.5
COARSE = ForecastSettings(
    horizons_s=(10_800, 21_600),
    step_s=3600,
    residual_window=60,
    watched_pairs=6,
    watched_demands=2,
    warm_up_steps=48,
)
ME = identity("test")

pytestmark = pytest.mark.slow


@cache
def _series() -> DemandSeries:
    until = datetime(2004, 3, 3, 18, tzinfo=UTC)
    profile = ABILENE.with_name("abilene_profile.yaml")
    series = demands(profile_matrices(profile, abilene(), until=until), abilene())
    return replace(series, starts=series.starts[::12], rates_bps=series.rates_bps[::12])


def _network() -> Present:
    return planned(abilene())


@cache
def _lived() -> bytes:
    """One who has seen all but the last interval, and said nothing; to be woken as often."""
    forecaster = Forecaster(COARSE, load_limit=LIMIT)
    forecaster.reroute(_network())
    for matrix in [*_series()][:-1]:
        forecaster.observe(matrix)
    return freeze(forecaster, ME)


def _forecaster() -> Forecaster:
    woken: Forecaster = thaw(_lived(), ME)
    return woken


def _outlook(forecaster: Forecaster) -> Outlook:
    found = forecaster.observe([*_series()][-1])
    assert found is not None
    return found


def _warnings(forecaster: Forecaster) -> tuple[SpikeWarning, ...]:
    return forecaster.warn(_outlook(forecaster))


def _by_failure(warnings: tuple[SpikeWarning, ...]) -> Iterator[tuple[str, SpikeWarning]]:
    for warning in warnings:
        yield str(warning.under_failure), warning


def test_the_expected_loss_is_the_product_and_the_order() -> None:
    """P(overload) x P(failure) x cost, the cost being what the model says at the warned demand."""
    warnings = _warnings(_forecaster())
    losses = [warning.expected_loss_bps or 0 for warning in warnings]

    assert len(warnings) > 2
    assert losses == sorted(losses, reverse=True)
    for warning in warnings:
        cut = frozenset({warning.under_failure} if warning.under_failure else ())
        cost = excess_bps(_network().under(cut, warning.demand.keys), warning.demand, LIMIT)
        assert warning.cost_bps == pytest.approx(cost)
        assert warning.probability is not None
        assert warning.failure_probability is not None
        assert 0.05 <= warning.probability <= 1
        assert warning.expected_loss_bps == pytest.approx(
            warning.probability * warning.failure_probability * cost
        )
        assert f"if {warning.under_failure} fails" in warning.reason


def test_a_flapping_link_is_warned_of_first() -> None:
    """Three falls within the hour move its failure to the top, and are the reason given."""
    before = _warnings(_forecaster())
    last, forecaster = before[-1], _forecaster()
    at = _series().starts[-1]
    assert last.under_failure is not None
    link = _network().what_if.topology.link(last.under_failure)
    for minutes in (50, 35, 20):
        forecaster.warner.hear(
            Incident(
                device=link.a.node,
                what=IncidentKind.LINK_DOWN,
                subject=link.a.interface,
                at_ns=to_ns(at - timedelta(minutes=minutes)),
                heard_at_ns=0,
                source="test",
            )
        )
    after = _warnings(forecaster)

    assert after[0].under_failure == last.under_failure
    assert "3 failures in the last hour" in after[0].reason
    assert (after[0].failure_probability or 0) > 10 * (last.failure_probability or 1)


def test_a_planned_outage_is_as_good_as_certain_and_named() -> None:
    """Maintenance within the horizon makes the failure it causes the first thing to say."""
    last = _warnings(_forecaster())[-1]
    forecaster, at = _forecaster(), _series().starts[-1]
    assert last.under_failure is not None
    forecaster.warner.events = KnownEvents(
        (
            Announced(
                name="new optics",
                kind=EventKind.MAINTENANCE,
                begin=at + timedelta(hours=1),
                end=at + timedelta(hours=3),
                elements=(last.under_failure,),
            ),
        )
    )
    first = _warnings(forecaster)[0]

    assert first.under_failure == last.under_failure
    assert first.failure_probability == 0.99
    assert 'maintenance "new optics"' in first.reason


def test_what_triage_says_counts_where_it_is_dearer() -> None:
    """A failure that loses traffic elsewhere is dearer than its one link shows."""
    last, forecaster = _warnings(_forecaster())[-1], _forecaster()
    assert last.under_failure is not None
    row = TriageRow(
        failure=LinkId(last.under_failure), worst_link=last.link, worst_ratio=0.1, lost_bps=5e12
    )
    report = TriageReport(warning="w", made_at=last.made_at, rows=(row,))
    forecaster.warner.hear_triage(report)
    first = _warnings(forecaster)[0]

    assert first.under_failure == last.under_failure
    assert first.cost_bps == pytest.approx(5e12)


@pytest.mark.parametrize(("took_s", "is_sent"), [(300.0, True), (30 * 3600.0, False)])
def test_a_lead_shorter_than_drills_take_is_of_no_use(took_s: float, *, is_sent: bool) -> None:
    """What drills have taken decides, whatever the setting was."""
    forecaster = _forecaster()
    forecaster.warner.hear_drill(took_s)
    warnings = _warnings(forecaster)

    assert bool(warnings) is is_sent
    assert bool(forecaster.warner.alarm.held_back["too late for a drill"]) is not is_sent


def test_what_came_on_the_day_corrects_the_link_and_the_chance() -> None:
    """Production carried a fifth less than the bench's tables say: the pair's series shrinks."""
    forecaster = _forecaster()
    first = _warnings(forecaster)[0]
    for _ in range(30):
        forecaster.feed_back(
            Feedback(
                link=first.link,
                under_failure=first.under_failure,
                made_at=first.made_at,
                at=first.window_start,
                forecast_upper_ratio=first.upper_ratio,
                shadow_ratio=0.5,
                observed_ratio=0.4,
            )
        )
    brier = forecaster.judges[-1].scores
    later = replace([*_series()][-1], at=_series().starts[-1] + timedelta(hours=1))
    outlook = forecaster.observe(later)

    assert outlook is not None
    pair = next(
        row
        for row, it in enumerate(outlook.watched.links)
        if (str(it.link), it.under_failure) == (first.link, first.under_failure)
    )
    routed = outlook.watched.links[pair]
    loads = _network().under(routed.cut, later.keys).load_ratios(later)
    assert outlook.now[pair] == pytest.approx(0.8 * loads[routed.link], rel=0.01)
    assert brier.outcomes > 30
