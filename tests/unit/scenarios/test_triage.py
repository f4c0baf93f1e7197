"""Ranking failures: against the loads that were measured, and complete."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foreshadow.present import Present
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands
from scenarios.triage import NamedDemand, triage
from tests.planned_network import CUT, measured, planned
from tests.production_state import ABILENE, abilene


@pytest.mark.shared_data
def test_the_reference_drill_is_ranked_as_measured(shared_data: Path) -> None:
    """101.1 % for CHINng-NYCMng, then 85.3 % for WASHng-NYCMng and 72.6 % for IPLSng-CHINng."""
    demand = measured(shared_data, growth=2.5).at(Story().failure_at)
    found = triage(planned(abilene()), (NamedDemand(name="P95", matrix=demand),), limit_ratio=0.85)
    rows = [(row.failure, row.worst_link, round(row.worst_ratio * 100, 1)) for row in found.rows]

    assert rows[:3] == [
        ("CHINng-NYCMng", "ATLAng->IPLSng", 101.1),
        ("NYCMng-WASHng", "ATLAng->IPLSng", 85.3),
        ("CHINng-IPLSng", "IPLSng->ATLAng", 72.6),
    ]
    assert found.without_failure.worst_ratio == pytest.approx(0.244, abs=5e-4)
    urgent = found.by_urgency()
    assert (urgent[0].failure, urgent[0].cut) == ("CHINng-NYCMng", ("CHINng-NYCMng",))
    assert urgent[0].worst.over_bps == pytest.approx(399.8e6, rel=1e-3)


def test_every_link_that_is_up_is_tried_once() -> None:
    """15 links, one down: 14 rows, fullest first; what cuts someone off strands traffic."""
    until = datetime(2004, 3, 1, tzinfo=UTC) + timedelta(minutes=5)
    profile = profile_matrices(ABILENE.with_name("abilene_profile.yaml"), abilene(), until=until)
    series = demands(profile, abilene())
    network = Present(what_if=planned(abilene()).what_if, down=CUT)
    demand = NamedDemand(name="now", matrix=series.matrix(0))
    rows = triage(network, (demand,), limit_ratio=0.85).rows

    assert len(rows) == len({row.failure for row in rows} - CUT) == 14
    assert [row.worst_ratio for row in rows] == sorted((r.worst_ratio for r in rows), reverse=True)
    assert {row.failure for row in rows if row.lost_bps > 0} == {
        "ATLAM5-ATLAng",
        "ATLAng-WASHng",
        "CHINng-IPLSng",
        "NYCMng-WASHng",
    }
