"""What must hold before a rollout may begin, and who must have allowed it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from foreshadow.candidate import Candidate, Governance
from foreshadow.clock import SystemClock
from foreshadow.codec import to_json
from foreshadow.experiment import ExperimentResult, Purpose, Verdict, evidence_sha256
from foreshadow.observed import Stream
from foreshadow.settings import DEMO_TIMES, PRODUCTION_TIMES, RolloutTimes
from foreshadow.topics import Topic
from foreshadow.topology import Prefix, Topology
from rollout.lookout import Lookout
from rollout.preconditions import (
    Standing,
    governance_objections,
    moved_share,
    objections,
    plan_s,
)
from rollout.proof import Proof
from rollout.rules import Rules
from tests.fakes.bus import MemoryBus
from tests.unit.rollout.test_journal import AT, candidate
from tests.unit.rollout.triangle import PREFIX, A, observation, wave_of

RULES = Rules(may_configure=True, allow_override=False, moved_traffic_cap=0.9, load_limit=0.85)
LENIENT = replace(RULES, allow_override=True)


def proof(
    verdict: Verdict = Verdict.PASSED,
    *,
    revert_verified: bool | None = True,
    fidelity: float = 1.0,
) -> Proof:
    """What the bench said of the experiment that the candidate cites."""
    return Proof(id="proof", verdict=verdict, revert_verified=revert_verified, fidelity=fidelity)


def standing(**more: Any) -> Standing:
    """Production as the candidate was measured on, unless told otherwise."""
    given: dict[str, Any] = {
        "before": observation(),
        "configs": {A: "0" * 64},
        "untrusted": (),
        "now": AT,
        "times": DEMO_TIMES,
        "proofs": {("proof", "1" * 64): proof()},
        "rules": RULES,
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
        (replace(candidate(), load_limit=0.1), "10% is the limit"),
        (replace(candidate(), evidence=(("proof", "2" * 64),)), "another result of proof"),
        (replace(candidate(), evidence=(("other", "1" * 64),)), "no result of other"),
        (replace(candidate(), override="a drill"), "FORESHADOW_ROLLOUT__ALLOW_OVERRIDE"),
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
        ({"proofs": {}}, "published no result of proof"),
        ({"proofs": {("proof", "1" * 64): proof(Verdict.INCONCLUSIVE)}}, "ended INCONCLUSIVE"),
        ({"proofs": {("proof", "1" * 64): proof(revert_verified=None)}}, "way back was not"),
        ({"proofs": {("proof", "1" * 64): proof(fidelity=0.98)}}, "is void: the bench reproduced"),
        ({"rules": replace(RULES, load_limit=0.2)}, "20% is the limit"),
    ],
)
def test_ground_that_has_moved_is_named(found: dict[str, Any], says: str) -> None:
    """Production is not what the candidate was measured on, or cannot be seen."""
    assert any(says in said for said in objections(candidate(), standing(**found)))


def test_result_is_known_as_candidates_cite_it() -> None:
    """By id and the hash that the policy binds to; nothing else of it is kept."""
    result = ExperimentResult(
        id="proof",
        purpose=Purpose.PROOF,
        cause="drill",
        cut=(),
        demand=observation().demand,
        load_limit=0.85,
        verdict=Verdict.FAILED,
        reasons=("too full",),
        phases=(),
        convergence=None,
        undo_verified=True,
        revert_verified=True,
        fidelity=1.0,
        vector=(),
        took_s=1.25,
    )
    bus, clock = MemoryBus(), SystemClock()
    bus.publisher().publish(Topic.VERDICT, result.id, to_json(result))
    lookout = Lookout(bus, bus.publisher(), clock)
    lookout.poll(0)

    cited = ("proof", evidence_sha256(result))
    assert lookout.proofs == {cited: proof(Verdict.FAILED)}


def test_override_lifts_the_proof_and_nothing_else() -> None:
    """What protects the way back holds for everybody."""
    forced = replace(candidate(), evidence=(), load_limit=0.1, override="a drill")

    assert objections(forced, standing(rules=LENIENT)) == ()
    assert objections(replace(forced, digest_before="x"), standing(rules=LENIENT)) != ()


def test_override_that_is_not_allowed_lifts_nothing() -> None:
    """It is refused for itself, and for all it should have lifted."""
    forced = replace(candidate(), evidence=(), load_limit=0.1, override="a drill")
    found = " ".join(objections(forced, standing()))

    assert "override (a drill)" in found
    assert "names no experiment" in found
    assert "10% is the limit" in found


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
    found = governance_objections(proposed, observation().demand, LENIENT)

    assert (says in " ".join(found)) if says else not found


def test_own_cap_holds_whoever_raised_the_candidates() -> None:
    """A name on the bus is no operator; nor does an override help that nobody allows."""
    raised = Governance(moved_traffic_cap=0.9, raised_by="N. N.", reason="drill")
    proposed = replace(candidate(), governance=raised, override="forced")
    mine = replace(RULES, moved_traffic_cap=0.15)
    found = governance_objections(proposed, observation().demand, mine)

    assert found == (
        "it moves 66.7% of all traffic, 15% is the cap (FORESHADOW_ROLLOUT__MOVED_TRAFFIC_CAP)",
    )


def test_plan_counts_every_wave_and_one_way_back() -> None:
    """Two waves in production's times: 2 x 330 s and the budget of the revert."""
    assert plan_s(two_waves(), PRODUCTION_TIMES) == 665


def test_how_faithful_a_bench_must_be_is_the_operators_word() -> None:
    """A proof that is void by default counts where the operator settled for less."""
    lenient = replace(RULES, least_fidelity=0.97)
    proofs = {("proof", "1" * 64): proof(fidelity=0.98)}

    assert objections(candidate(), standing(proofs=proofs, rules=lenient)) == ()
