"""What a restarted controller does, line by line of the table."""

import pytest

from foreshadow.rollout_event import RolloutStep
from rollout.devices.session import Guard, TrialReport
from rollout.recovery import Remedy, remedy
from tests.unit.rollout.triangle import A

S, G, R = RolloutStep, Guard, Remedy


def report(guard: Guard, *, is_attached: bool, left_s: float = 0.0) -> TrialReport:
    """What a device says."""
    return TrialReport(
        device=A,
        guard=guard,
        is_attached=is_attached,
        is_reverted=not is_attached,
        left_s=left_s,
    )


@pytest.mark.parametrize(
    ("step", "said", "expected"),
    [
        (S.LOCKED, report(G.NONE, is_attached=False, left_s=0), R.GO_ON),
        (S.STAGED, report(G.NONE, is_attached=False, left_s=0), R.GO_ON),
        (S.STAGED, report(G.ARMED, is_attached=False, left_s=500), R.ROLL_BACK),
        (S.ARMED, report(G.ARMED, is_attached=False, left_s=500), R.ROLL_BACK),
        (S.ARMED, report(G.ARMED, is_attached=True, left_s=500), R.ROLL_BACK),
        (S.FLIPPED, report(G.ARMED, is_attached=True, left_s=500), R.SOAK_AGAIN),
        (S.SETTLING, report(G.ARMED, is_attached=True, left_s=500), R.SOAK_AGAIN),
        (S.SOAKING, report(G.ARMED, is_attached=True, left_s=500), R.SOAK_AGAIN),
        (S.SOAKING, report(G.ARMED, is_attached=True, left_s=59), R.ROLL_BACK),
        (S.SOAKING, report(G.ARMED, is_attached=False, left_s=500), R.ROLL_BACK),
        (S.SOAKING, report(G.REVERTING, is_attached=True, left_s=0), R.ROLL_BACK),
        (S.SOAKING, report(G.REVERTED, is_attached=False, left_s=0), R.ROLL_BACK),
        (S.SOAKING, report(G.NONE, is_attached=False, left_s=0), R.ROLL_BACK),
        (S.SOAKING, report(G.NONE, is_attached=True, left_s=0), R.HOLD),
        (S.SOAKING, report(G.CONFIRMED, is_attached=True, left_s=0), R.HOLD),
        (S.GATE_PASSED, report(G.ARMED, is_attached=True, left_s=5), R.CONFIRM),
        (S.GATE_PASSED, report(G.ARMED, is_attached=True, left_s=-1), R.ROLL_BACK),
        (S.GATE_PASSED, report(G.CONFIRMED, is_attached=True, left_s=0), R.CONFIRM),
        (S.GATE_PASSED, report(G.CONFIRMED, is_attached=False, left_s=0), R.HOLD),
        (S.GATE_PASSED, report(G.REVERTED, is_attached=False, left_s=0), R.ROLL_BACK),
        (S.CONFIRMED, report(G.CONFIRMED, is_attached=True, left_s=0), R.GO_ON),
        (S.CONFIRMED, report(G.CONFIRMED, is_attached=False, left_s=0), R.HOLD),
        (S.REVERTING, report(G.CONFIRMED, is_attached=True, left_s=0), R.ROLL_BACK),
    ],
)
def test_remedy_follows_the_table(step: RolloutStep, said: TrialReport, expected: Remedy) -> None:
    """Journal and device decide together."""
    assert remedy(step, (said,), needed_s=60) is expected


def test_rollout_that_reached_no_device_goes_on() -> None:
    """There is nothing to look at."""
    assert remedy(S.APPROVED, (), needed_s=60) is Remedy.GO_ON


def test_neither_policy_in_force_needs_a_person() -> None:
    """Somebody else was there."""
    strange = TrialReport(device=A, guard=Guard.NONE, is_attached=False, is_reverted=False)

    assert remedy(S.SOAKING, (strange,), needed_s=60) is Remedy.HOLD


def test_most_careful_device_decides() -> None:
    """Of several devices of a wave."""
    well = report(Guard.ARMED, is_attached=True, left_s=500)
    gone = report(Guard.REVERTED, is_attached=False)

    assert remedy(S.SOAKING, (well, gone), needed_s=60) is Remedy.ROLL_BACK
