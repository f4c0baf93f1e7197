"""Taking up a rollout whose controller died: look at the devices, do what the table says."""

from dataclasses import dataclass
from typing import Any

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, DeviceUnreachable, UnsafeRollout
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import RolloutTimes
from rollout.devices.session import Guard, TrialReport
from rollout.passage import Passage
from rollout.preconditions import SETTLE_TRIES
from rollout.recovery import Remedy, remedy
from rollout.steps import Steps
from rollout.watch import CONFIRM_MARGIN_S, Trial

S = RolloutStep
_log = structlog.get_logger()

REFUSALS = (ConfigError, DeviceUnreachable, UnsafeRollout)
"""What a device call may raise without being our bug: the change goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumption:
    """Takes up what a predecessor left in the middle."""

    steps: Steps
    clock: Clock
    times: RolloutTimes

    def take_up(self, passage: Passage) -> None:
        """Look at the devices and decide, as the table in `recovery` says."""
        state = passage.at
        if self.steps.rules.may_configure and _was_dry(passage):
            passage.record(state.step, "the dry run is over: devices may be configured now")
            return
        try:
            reports = passage.crew.reports(passage.wave) if state.wave else ()
        except REFUSALS as error:
            passage.fail(f"after a restart: {error}")
            return
        found = remedy(state.step, reports, needed_s=self._needed_s)
        _log.info(
            "rollout_found",
            txn=state.txn,
            step=state.step,
            wave=state.wave,
            guards=[report.guard for report in reports],
            remedy=found.name,
        )
        match found:
            case Remedy.GO_ON | Remedy.CONFIRM:
                passage.trial = Trial(wave=passage.wave) if state.wave else None
            case Remedy.SOAK_AGAIN:
                self._soak_again(passage, reports)
            case Remedy.ROLL_BACK:
                says, passage.found = _found(state.wave, reports)
                passage.fail(says)
            case Remedy.HOLD:
                says, facts = _found(state.wave, reports)
                passage.record(S.HELD, f"{says}; a person must look", facts=facts)

    def _soak_again(self, passage: Passage, reports: tuple[TrialReport, ...]) -> None:
        """What was not watched does not count: from the flip on, as if it were now."""
        now_s = self.clock.monotonic_s()
        trial = Trial(
            wave=passage.wave,
            deadline_s=now_s + min(report.left_s for report in reports),
            flipped_s=now_s,
        )
        self.steps.read_back(passage, trial)
        passage.trial = trial
        if passage.at.step is S.SOAKING:
            passage.record(S.SETTLING, "the controller was restarted: the soak begins from zero")

    @property
    def _needed_s(self) -> float:
        settle_s = SETTLE_TRIES * self.times.settle_s
        return settle_s + self.times.soak_s + 2 * CONFIRM_MARGIN_S


def _was_dry(passage: Passage) -> bool:
    """Whether nothing but a dry run held it."""
    last = passage.journal.events(passage.txn)[-1]
    return last.step is S.HELD and bool((last.facts or {}).get("dry_run"))


def _found(wave: int, reports: tuple[TrialReport, ...]) -> tuple[str, dict[str, Any]]:
    """What a restarted controller found on the devices, as a sentence and as facts."""
    if not reports:
        return "after a restart the rollout goes back", {}
    alone = [report for report in reports if report.reverted_by == "timer"]
    if alone:
        first = alone[0]
        says = (
            f"{first.device} went back by itself: its dead-man fired and was done "
            f"{first.reverted_after_s:.1f} s after arming, at {first.reverted_at}"
        )
        return says, {
            "reverted_alone": True,
            "device": first.device,
            "reverted_at": first.reverted_at,
            "reverted_after_s": first.reverted_after_s,
            "found_wave": wave,
        }
    first = next((r for r in reports if r.guard is not Guard.NONE), reports[0])
    says = (
        f"after a restart {first.device} says of wave {wave}: {first.guard}, new policy "
        f"{'on' if first.is_attached else 'off'}, {first.left_s:.0f} s left"
    )
    return says, {"reverted_alone": False, "device": first.device, "guard": first.guard}
