"""Verdicts: over the limit fails, what could not be verified is inconclusive, never passed."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.experiment import (
    DeviceChange,
    Experiment,
    LinkLoad,
    Phase,
    Purpose,
    Verdict,
)
from foreshadow.topology import NodeId
from scenarios.drills.judgement import judge, loads
from tests.planned_network import planned
from tests.square_story import CUT, demand, square

DRILL = Experiment(
    id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
)
CHANGE = DeviceChange(
    device=NodeId("SW"), generation=1, stage="", flip="", revert="", gc="", clear=""
)
PROOF = replace(DRILL, purpose=Purpose.PROOF, treatments=(CHANGE,))


def _phase(name: str, ratio: float, lost_bps: float = 0.0) -> Phase:
    return Phase(
        name=name,
        loads=(LinkLoad(link="SW->NW", load_bps=2.5e9 * ratio, load_ratio=ratio),),
        lost_bps=lost_bps,
        rib_digest="",
        tables=(),
        settle_ms=0.0,
    )


def test_a_link_over_its_limit_fails_with_the_number() -> None:
    """The reason names the link, the load, the failure and the limit."""
    verdict, reasons = judge(DRILL, [_phase("before", 0.3), _phase("failed", 1.2)], [])

    assert verdict is Verdict.FAILED
    assert reasons == ("SW->NW is at 120.0% with NE-SE cut; the limit is 85%",)


def test_lost_traffic_fails() -> None:
    """Traffic that does not arrive is worse than a full link."""
    verdict, reasons = judge(DRILL, [_phase("before", 0.3), _phase("failed", 0.1, 7e8)], [])

    assert verdict is Verdict.FAILED
    assert reasons == ("700.0 Mbit/s (20.0%) do not arrive with NE-SE cut",)


def test_everything_under_the_limit_passes_with_the_fullest_link() -> None:
    """A pass says how near it was."""
    verdict, reasons = judge(DRILL, [_phase("before", 0.3), _phase("failed", 0.8)], [])

    assert verdict is Verdict.PASSED
    assert "80.0%" in reasons[-1]


def test_a_proof_is_not_judged_by_the_network_without_its_change() -> None:
    """What was wrong before the change is why it is proposed."""
    phases = [_phase("before", 0.9), _phase("treated-1", 0.3), _phase("failed", 0.5)]

    assert judge(PROOF, [*phases, _phase("reverted", 0.9)], [])[0] is Verdict.PASSED


def test_a_wave_over_the_limit_fails_a_proof() -> None:
    """Every intermediate state counts, not only the last."""
    phases = [_phase("before", 0.3), _phase("treated-1", 0.9), _phase("failed", 0.5)]

    assert judge(PROOF, phases, [])[0] is Verdict.FAILED


def test_a_change_that_cannot_be_taken_back_fails() -> None:
    """Without a way back there is no proof, however good the loads."""
    phases = [_phase("before", 0.3), _phase("treated-1", 0.3), _phase("failed", 0.5)]

    verdict, reasons = judge(PROOF, phases, [], is_irreversible=True)

    assert verdict is Verdict.FAILED
    assert "did not restore" in reasons[-1]


def test_no_failure_phase_is_no_evidence() -> None:
    """A drill that never came to its fault says nothing about it."""
    assert judge(DRILL, [_phase("before", 0.3)], [])[0] is Verdict.INCONCLUSIVE


def test_no_load_is_no_evidence() -> None:
    """Without a link, a phase or any demand nothing can be over a limit, and nothing passes."""
    idle = replace(demand(), rates_bps=(0.0,) * len(demand().keys))
    nowhere = replace(_phase("failed", 0.1), loads=())
    measured = [_phase("before", 0.3), _phase("failed", 0.1)]

    assert judge(DRILL, [_phase("before", 0.3), nowhere], [])[0] is Verdict.INCONCLUSIVE
    assert judge(replace(DRILL, demand=idle), measured, [])[0] is Verdict.INCONCLUSIVE
    assert judge(replace(DRILL, cut=()), [], [])[0] is Verdict.INCONCLUSIVE


@given(st.floats(0, 2), st.lists(st.text(min_size=1), min_size=1, max_size=3))
def test_any_doubt_voids_whatever_was_measured(ratio: float, doubts: list[str]) -> None:
    """Good or bad, numbers that could not be verified are not a verdict."""
    verdict, reasons = judge(DRILL, [_phase("before", 0.3), _phase("failed", ratio)], doubts)

    assert verdict is Verdict.INCONCLUSIVE
    assert reasons[: len(doubts)] == tuple(doubts)


def test_loads_come_fullest_first() -> None:
    """Every direction of every link is there, the fullest leads."""
    network = planned(square())

    found, lost_bps = loads(network.what_if.topology, network.what_if.fibs(), demand())

    ratios = [load.load_ratio for load in found]
    assert ratios == sorted(ratios, reverse=True)
    assert len(found) == 8
    assert found[0].link == "SE->NE"
    assert lost_bps == 0.0
