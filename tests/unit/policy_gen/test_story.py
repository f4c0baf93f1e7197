"""The reference drill's figures, from the real matrices: what candidates are estimated to do."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policy_gen.candidates import Situation, estimates
from tests.planned_network import CUT, measured, planned
from tests.production_state import abilene

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def situation(shared_data: Path) -> Situation:
    """2004-03-11 20:10 UTC, demand times 2.5, CHINng-NYCMng cut, the demo's cap."""
    return Situation(
        network=planned(abilene()),
        demand=measured(shared_data, growth=2.5).at(datetime(2004, 3, 11, 20, 10, tzinfo=UTC)),
        cut=CUT,
        load_limit=0.85,
        moved_traffic_cap=0.15,
    )


def test_doing_nothing_overloads_and_moving_all_is_best(situation: Situation) -> None:
    """101.1 % without policy, 73.8 % with all six prefixes moved: 13.4 % of all traffic."""
    nothing, best, *_ = estimates(situation)

    assert nothing.score.worst_failure == "ATLAng->IPLSng"
    assert round(100 * nothing.score.worst_failure_ratio, 1) == 101.1
    assert round(100 * nothing.score.worst_no_failure_ratio, 1) == 24.4
    assert len(best.score.prefixes) == 6
    assert round(100 * best.score.worst_failure_ratio, 1) == 73.8
    assert round(100 * best.score.moved_share, 1) == 13.4
    assert best.is_feasible


def test_default_cap_forbids_the_best_and_leaves_some(situation: Situation) -> None:
    """Under the default cap of 10 % the best set is ruled out by name, smaller ones are not."""
    capped = estimates(replace(situation, moved_traffic_cap=0.10))

    six = next(each for each in capped if len(each.score.prefixes) == 6)
    assert "moves 13.4% of all traffic; the cap is 10%" in six.score.rejected_because
    assert capped[1].is_feasible
    assert round(100 * capped[1].score.worst_failure_ratio, 1) == 81.4
