"""What to do about a rollout that its controller left in the middle, pure.

journal says        device says                          remedy
before ARMED        nothing armed, nothing attached      go on from there
FLIPPED to SOAKING  armed, enough time left              soak from zero
same, or ARMED      armed, too little time left          revert now
any                 reverted, or the old policy is on    roll back the waves before it
GATE_PASSED         armed                                confirm
GATE_PASSED         confirmed, new policy on             confirm again (saves the start-up)
any                 anything else                        hold, and call a person
"""

from collections.abc import Sequence
from enum import IntEnum

from foreshadow.rollout_event import RolloutStep
from rollout.devices.session import Guard, TrialReport

S = RolloutStep
_UNTOUCHED = frozenset({S.LOCKED, S.STAGED})
_WATCHED = frozenset({S.FLIPPED, S.SETTLING, S.SOAKING})


class Remedy(IntEnum):
    """What is done, the more careful the higher: of several devices the highest counts."""

    GO_ON = 0
    SOAK_AGAIN = 1
    CONFIRM = 2
    ROLL_BACK = 3
    HOLD = 4


def remedy(step: RolloutStep, reports: Sequence[TrialReport], *, needed_s: float) -> Remedy:
    """What to do, by the last step journalled and what the wave's devices say.

    Args:
        step: The rollout's last step.
        reports: One per device of the wave begun last; none where no wave was.
        needed_s: Time the dead-man must leave for settling and soaking from zero.
    """
    if step is S.REVERTING:
        return Remedy.ROLL_BACK
    return max((_of_one(step, report, needed_s) for report in reports), default=Remedy.GO_ON)


def _of_one(step: RolloutStep, report: TrialReport, needed_s: float) -> Remedy:
    match report.guard:
        case Guard.REVERTED | Guard.REVERTING:
            return Remedy.ROLL_BACK
        case Guard.ARMED:
            return _of_armed(step, report, needed_s)
        case Guard.CONFIRMED if step is S.CONFIRMED and report.is_attached:
            return Remedy.GO_ON
        case Guard.CONFIRMED:
            is_ours = step is S.GATE_PASSED and report.is_attached
            return Remedy.CONFIRM if is_ours else Remedy.HOLD
        case Guard.NONE:
            return _of_unguarded(step, report)


def _of_armed(step: RolloutStep, report: TrialReport, needed_s: float) -> Remedy:
    if step is S.GATE_PASSED and report.is_attached and report.left_s > 0:
        return Remedy.CONFIRM
    if step in _WATCHED and report.is_attached and report.left_s > needed_s:
        return Remedy.SOAK_AGAIN
    return Remedy.ROLL_BACK


def _of_unguarded(step: RolloutStep, report: TrialReport) -> Remedy:
    if report.is_attached:
        return Remedy.HOLD
    if step in _UNTOUCHED:
        return Remedy.GO_ON
    return Remedy.ROLL_BACK if report.is_reverted else Remedy.HOLD
