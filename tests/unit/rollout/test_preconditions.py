"""What must hold before a rollout may begin, and who must have allowed it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreshadow.candidate import Candidate, Governance
from foreshadow.observed import Stream
from foreshadow.settings import DEMO_TIMES, PRODUCTION_TIMES, RolloutTimes
from foreshadow.topology import Prefix, Topology
from rollout.preconditions import (
    Standing,
    governance_objections,
    moved_share,
    objections,
    plan_s,
)
from tests.unit.rollout.test_journal import AT, candidate
from tests.unit.rollout.triangle import PREFIX, A, observation, wave_of


def standing(**more: Any) -> Standing:
    """Production as the candidate was measured on, unless told otherwise."""
    given: dict[str, Any] = {
        "before": observation(),
        "configs": {A: "0" * 64},
        "untrusted": (),
        "now": AT,
        "times": DEMO_TIMES,
    }
    return Standing(**{**given, **more})


def test_candidate_that_meets_production_as_measured_may_begin() -> None:
    """Nothing is objected to."""
    assert objections(candidate(), standing()) == ()


def two_waves() -> Candidate:
    """Two waves of one prefix."""
    return replace(candidate(), waves=(wave_of(1), wave_of(2)))


OTHER = Prefix("198.51.100.0/24")


@pytest.mark.parametrize(
    ("proposed", "says"),
    [
        (replace(candidate(), waves=()), "has no waves"),
        (replace(candidate(), waves=(wave_of(2),)), "not numbered from 1"),
        (
            replace(two_waves(), waves=(wave_of(1), replace(wave_of(2), prefixes=(OTHER,)))),
            "leaves out prefixes",
        ),
        (replace(candidate(), waves=(replace(wave_of(), changes=()),)), "changes nothing"),
        (
            replace(
                candidate(),
                waves=(replace(wave_of(), changes=(replace(wave_of().changes[0], revert=" "),)),),
            ),
            "has no revert text",
        ),
        (replace(candidate(), precondition=()), "not on which configuration"),
        (replace(candidate(), digest_before="x" * 64), "RIBs are not those"),
        (replace(candidate(), expires_at=AT + timedelta(seconds=5)), "expires"),
        (replace(candidate(), evidence=()), "names no experiment"),
        (replace(candidate(), waves=(replace(wave_of(), tables=()),)), "not measured"),
        (replace(candidate(), load_limit=0.1), "is the limit"),
    ],
)
def test_flaw_is_named(proposed: Candidate, says: str) -> None:
    """One sentence each."""
    assert any(says in said for said in objections(proposed, standing()))


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"configs": {A: "f" * 64}}, "has changed since it was measured"),
        ({"configs": {}}, "could not be read"),
        ({"untrusted": ((A, Stream.FIB),)}, "telemetry is stale"),
        (
            {"times": RolloutTimes(name="rash", settle_s=5, soak_s=5, dead_man_s=9)},
            "dead-man of 9 s would fire",
        ),
        (
            {"before": replace(observation(), topology=Topology(nodes=(), links=()))},
            "no link of known capacity",
        ),
    ],
)
def test_ground_that_has_moved_is_named(found: dict[str, Any], says: str) -> None:
    """Production is not what the candidate was measured on, or cannot be seen."""
    assert any(says in said for said in objections(candidate(), standing(**found)))


def test_override_lifts_the_proof_and_nothing_else() -> None:
    """What protects the way back holds for everybody."""
    forced = replace(candidate(), evidence=(), load_limit=0.1, override="a drill")

    assert objections(forced, standing()) == ()
    assert objections(replace(forced, digest_before="x"), standing()) != ()


def test_share_of_moved_traffic_is_counted_at_the_ingress() -> None:
    """B's and C's traffic to the prefix, four of six hundred megabits."""
    assert moved_share(candidate(), observation().demand) == pytest.approx(4 / 6)
    nothing = replace(observation().demand, keys=(), rates_bps=())
    assert moved_share(candidate(), nothing) == 0.0
    assert PREFIX in wave_of().prefixes


@pytest.mark.parametrize(
    ("governance", "override", "says"),
    [
        (Governance(moved_traffic_cap=0.1), "", "is the cap"),
        (Governance(moved_traffic_cap=0.9), "", "without a name"),
        (Governance(moved_traffic_cap=0.9, raised_by="N. N.", reason="drill"), "", ""),
        (Governance(moved_traffic_cap=0.1), "forced", ""),
    ],
)
def test_cap_is_raised_by_name_and_reason_only(
    governance: Governance, override: str, says: str
) -> None:
    """More than a tenth of all traffic needs somebody who stands for it."""
    proposed = replace(candidate(), governance=governance, override=override)
    found = governance_objections(proposed, observation().demand)

    assert (says in " ".join(found)) if says else not found


def test_plan_counts_every_wave_and_one_way_back() -> None:
    """Two waves in production's times: 2 x 330 s and the budget of the revert."""
    assert plan_s(two_waves(), PRODUCTION_TIMES) == 665
