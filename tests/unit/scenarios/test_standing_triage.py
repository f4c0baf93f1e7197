"""The ranking nobody asked for: when it is made, at which demands, and how seldom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import NodeId
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands
from scenarios.standing_triage import RecentDemand, StandingTriage
from tests.fakes.clock import FakeClock
from tests.planned_network import CUT, planned
from tests.production_state import ABILENE, abilene

STEP = timedelta(minutes=5)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def matrix() -> DemandMatrix:
    """Traffic of the demo's network."""
    at = Story().failure_at
    profile = profile_matrices(ABILENE.with_name("abilene_profile.yaml"), abilene(), until=at)
    return demands(profile, abilene()).at(at)


def _scaled(matrix: DemandMatrix, number: int) -> DemandMatrix:
    return replace(
        matrix,
        at=matrix.at + number * STEP,
        rates_bps=tuple(rate * (number + 1) / 20 for rate in matrix.rates_bps),
    )


def test_quantiles_are_of_the_last_day_demand_by_demand(matrix: DemandMatrix) -> None:
    """Twenty intervals that grow evenly: now is the last, P50 the middle, in that order."""
    recent = RecentDemand()
    for number in range(20):
        recent.add(_scaled(matrix, number))
    found = {demand.name: demand.matrix for demand in recent.demands()}

    assert list(found) == ["now", "P50", "P95", "P99"]
    assert found["now"].total_bps == pytest.approx(matrix.total_bps)
    assert found["P50"].total_bps == pytest.approx(matrix.total_bps * 10.5 / 20)


def test_too_few_intervals_give_no_quantile(matrix: DemandMatrix) -> None:
    """Before an hour of five minutes there is only the traffic of now."""
    recent = RecentDemand()
    for number in range(11):
        recent.add(_scaled(matrix, number))

    assert [demand.name for demand in recent.demands()] == ["now"]


def test_prefixes_that_come_and_go_keep_the_day_they_are_of(matrix: DemandMatrix) -> None:
    """One that is new was 0 before, one that is gone is 0 now, one that was 0 all day is let go."""
    recent, keys = RecentDemand(), matrix.keys
    silent = replace(matrix, rates_bps=(0.0, *matrix.rates_bps[1:]))
    for number in range(20):
        recent.add(_scaled(silent, number))
    recent.add(replace(matrix, keys=keys[1:-1], rates_bps=matrix.rates_bps[1:-1]))
    widened = (*keys[1:], replace(keys[-1], ingress=NodeId("zzz")))
    recent.add(DemandMatrix(at=matrix.at, keys=widened, rates_bps=(1e6,) * len(widened)))
    found = {demand.name: demand.matrix for demand in recent.demands()}

    assert list(found) == ["now", "P50", "P95", "P99"]
    assert found["P99"].keys == widened
    assert found["P50"].rates_bps[-1] == 0.0
    assert found["P50"].rates_bps[0] == pytest.approx(matrix.rates_bps[1] * 10.5 / 20, rel=0.1)


def test_it_ranks_when_something_changed_and_there_is_time(matrix: DemandMatrix) -> None:
    """Once a change of traffic or routing, and not before its share of a core allows it."""
    clock, network = FakeClock(NOW), planned(abilene())
    standing = StandingTriage(clock, limit_ratio=0.85)
    assert standing.look(network) is None

    standing.recent.add(matrix)
    first = standing.look(network)
    clock.sleep(1.0)
    standing.recent.add(_scaled(matrix, 1))
    too_soon = standing.look(network)
    clock.sleep(60.0)
    other_traffic, same = standing.look(network), standing.look(network)
    clock.sleep(60.0)
    still_same = standing.look(network)
    other_routing = standing.look(Present(what_if=network.what_if, down=CUT))

    assert first is not None
    assert (too_soon, same, still_same) == (None, None, None)
    assert other_traffic is not None
    assert other_traffic.made_at == matrix.at + STEP
    assert other_routing is not None
    assert len(other_routing.rows) == len(first.rows) - 1


def test_its_report_holds_costs_of_every_kind_and_asks_for_nothing(matrix: DemandMatrix) -> None:
    """No warning, no drill; links, routers and pairs, the dearest first."""
    standing = StandingTriage(FakeClock(NOW), limit_ratio=0.85)
    standing.recent.add(matrix)
    report = standing.look(planned(abilene()))

    assert report is not None
    assert (report.warning, report.drill) == ("", "")
    assert {"link", "node", "pair"} <= {cost.kind for cost in report.costs}
    costs = [cost.worst.cost_bps for cost in report.costs]
    assert costs == sorted(costs, reverse=True)
    assert report.tried == 15 + 12 + 105
