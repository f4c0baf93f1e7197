"""What a rollout tells the world: its journal, and what production did against the forecast."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from foreshadow.experiment import Verdict


class RolloutStep(StrEnum):
    """States of a rollout and of its waves, in the order of a good day."""

    PROPOSED = "proposed"
    VERIFIED = "verified"
    APPROVED = "approved"
    LOCKED = "locked"
    STAGED = "staged"
    ARMED = "armed"
    FLIPPED = "flipped"
    SETTLING = "settling"
    SOAKING = "soaking"
    GATE_PASSED = "gate-passed"
    CONFIRMED = "confirmed"
    COMPLETE = "complete"
    HELD = "held"
    REVERTING = "reverting"
    REVERTED = "reverted"
    REVERT_FAILED = "revert-failed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """One gate's judgement of a wave."""

    gate: str
    """`G0` device, `G1` route-diff, `G2` invariants, `G3` capacity."""
    verdict: Verdict
    says: str
    """One sentence with the number that decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutEvent:
    """One line of the journal.

    `seq` counts from 1 within a transaction; `wave` is 0 for what concerns the whole change.
    """

    txn: str
    seq: int
    at: datetime
    step: RolloutStep
    wave: int = 0
    device: str = ""
    says: str = ""
    gates: tuple[GateResult, ...] = ()
    facts: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """Predicted against what came: goes back into the forecast and into learning."""

    link: str
    under_failure: str | None
    made_at: datetime
    at: datetime
    forecast_upper_ratio: float
    shadow_ratio: float | None
    observed_ratio: float
    txn: str = ""
