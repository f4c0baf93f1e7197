"""What a spike would cost."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecast.drill_length import DrillLength
from forecast.ranking import TriageCosts, excess_bps
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageReport, TriageRow
from foreshadow.whatif import NO_CUT
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import demands
from tests.planned_network import planned
from tests.production_state import ABILENE, abilene

AT = datetime(2004, 3, 1, tzinfo=UTC)


def _report(made_at: datetime, over_bps: float, lost_bps: float = 0.0) -> TriageReport:
    row = TriageRow(
        failure=LinkId("C-D"),
        worst_link="A->B",
        worst_ratio=1.0,
        lost_bps=lost_bps,
        over_bps=over_bps,
    )
    return TriageReport(warning="w", made_at=made_at, rows=(row,))


def test_the_latest_triage_counts_while_it_is_recent() -> None:
    """What is over the limit and what is lost; an old report or none is nothing."""
    costs, hour = TriageCosts(), timedelta(hours=1)
    costs.hear(_report(AT, 2e8, 5e6))
    costs.hear(_report(AT - hour, 9e9))

    assert costs.of(LinkId("C-D"), AT, hour) == 2.05e8
    assert costs.of(LinkId("C-D"), AT + 2 * hour, hour) == 0
    assert costs.of(LinkId("A-B"), AT, hour) == 0


def test_the_excess_of_a_demand_is_what_is_over_the_limits() -> None:
    """Nothing below them, and above them what a loop over the links adds up."""
    profile = profile_matrices(
        ABILENE.with_name("abilene_profile.yaml"), abilene(), until=AT + timedelta(hours=1)
    )
    demand = demands(profile, abilene()).matrix(3)
    matrix = planned(abilene()).under(NO_CUT, demand.keys)
    loads = matrix.loads_bps(demand)
    fullest = max(matrix.load_ratios(demand).values())
    over = [
        load - 0.5 * fullest * capacity
        for load, capacity in zip(loads.values(), matrix.capacity_bps, strict=True)
    ]

    assert excess_bps(matrix, demand, fullest) == pytest.approx(0, abs=1)
    assert excess_bps(matrix, demand, 0.5 * fullest) == pytest.approx(
        float(np.maximum(over, 0).sum())
    )


def test_drills_teach_how_long_they_take() -> None:
    """The setting until there were some; then nine of ten took no longer; nonsense is ignored."""
    length = DrillLength(120)
    before = length.typical_s
    for took_s in (*range(10, 20), float("nan"), -1.0):
        length.hear(took_s)

    assert (before, length.typical_s) == (120, 18)
