"""Which forecasts are worth waking someone: what is new, in time to act on, and worth most.

A pair of link and failure that has been warned of stays quiet until the warned window is over,
however its forecast moves around the limit; only one that is clearly worse (`ESCALATION`) is said
earlier. It is over before that where the bound falls well below the limit (hysteresis); then a
while must pass until it may be said again (cool-down). What leaves no time for a drill is of no use
to anybody. Of what is left the dearest go out, so many an hour. Whatever is held back is counted.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from foreshadow.topology import LinkId
from foreshadow.warning import SpikeWarning

ESCALATION = 0.10
"""Load ratio by which a forecast must exceed the one that was warned of to be said again."""

_REMEMBERED = timedelta(days=30)
"""After the warned window; feedback may come that much later."""

Pair = tuple[str, LinkId | None]


class Held(StrEnum):
    """Why a warning was not sent."""

    WARNED = "warned already"
    COOLING = "cooling down"
    LEAD = "too late for a drill"
    BUDGET = "over the hour's budget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restraint:
    """How much is said at most; all times are event time."""

    cool_down: timedelta = timedelta(0)
    per_hour: int = 1000
    clear_ratio: float = 0.95


@dataclass(slots=True)
class _Raised:
    """What was last said of a pair; without the warning's demand, which is large."""

    id: str
    made_at: datetime
    window_end: datetime
    upper_ratio: float
    probability: float | None
    cleared_at: datetime | None = None

    @classmethod
    def of(cls, warning: SpikeWarning) -> "_Raised":
        return cls(
            id=warning.id,
            made_at=warning.made_at,
            window_end=warning.window_end,
            upper_ratio=warning.upper_ratio,
            probability=warning.probability,
        )


class Alarm:
    """What has been warned of; rebuilt from published warnings, so a restart repeats nothing."""

    def __init__(self, restraint: Restraint | None = None) -> None:
        """Begin with nothing warned of."""
        self._restraint = restraint or Restraint()
        self._raised: dict[Pair, _Raised] = {}
        self._sent_at: dict[str, datetime] = {}
        self.sent = 0
        self.held_back: Counter[str] = Counter()

    def remember(self, warning: SpikeWarning) -> None:
        """Take note of a warning that is out."""
        pair = (warning.link, warning.under_failure)
        known = self._raised.get(pair)
        if known is not None and known.id == warning.id:
            return
        if known is None or warning.made_at >= known.made_at:
            self._raised[pair] = _Raised.of(warning)
        if warning.id not in self._sent_at:
            self._sent_at[warning.id] = warning.made_at
            self.sent += 1

    def probability(self, pair: Pair) -> float | None:
        """The chance that was last stated of a pair; None where nothing was said of it."""
        known = self._raised.get(pair)
        return known.probability if known else None

    def look(self, pair: Pair, upper_ratio: float, limit: float, at: datetime) -> None:
        """Take note of how a pair stands now: one well below its limit is quiet again."""
        known = self._raised.get(pair)
        is_low = upper_ratio < self._restraint.clear_ratio * limit
        if known and is_low and known.cleared_at is None and at > known.made_at:
            known.cleared_at = at

    def reason_to_hold(self, warning: SpikeWarning) -> Held | None:
        """Why this warning says nothing new; None where it does."""
        known = self._raised.get((warning.link, warning.under_failure))
        if known is None:
            return None
        at = warning.made_at
        if known.cleared_at is not None:
            return Held.COOLING if at < known.cleared_at + self._restraint.cool_down else None
        if at >= known.window_end:
            return None
        escalates = at > known.made_at and warning.upper_ratio > known.upper_ratio + ESCALATION
        return None if escalates else Held.WARNED

    def choose(
        self, found: Iterable[SpikeWarning], least_lead_s: float
    ) -> tuple[SpikeWarning, ...]:
        """What goes out now, dearest first; each is remembered as said.

        Args:
            found: Of one step.
            least_lead_s: What a drill takes, and a margin.
        """
        due = []
        for warning in found:
            held = self.reason_to_hold(warning)
            if held is None and warning.lead_s <= least_lead_s:
                held = Held.LEAD
            if held is None:
                due.append(warning)
            else:
                self.held_back[held] += 1
        due.sort(key=_dearest_first)
        left = self._left(due[0].made_at) if due else 0
        self.held_back[Held.BUDGET] += max(0, len(due) - left)
        for warning in due[:left]:
            self.remember(warning)
        return tuple(due[:left])

    def _left(self, at: datetime) -> int:
        """Warnings the hour still has room for."""
        self._sent_at = {
            name: sent for name, sent in self._sent_at.items() if sent > at - timedelta(hours=1)
        }
        self._raised = {
            pair: raised
            for pair, raised in self._raised.items()
            if raised.window_end > at - _REMEMBERED
        }
        return max(0, self._restraint.per_hour - len(self._sent_at))


def _dearest_first(warning: SpikeWarning) -> tuple[float, float, str]:
    return -(warning.expected_loss_bps or 0.0), -warning.upper_ratio, warning.id


def warning_id(pair: Pair, made_at: datetime) -> str:
    """The name of a warning: the same forecast always gets the same one."""
    link, under_failure = pair
    minute = f"{made_at:%Y%m%dT%H%M}" + (f"{made_at:%S}" if made_at.second else "")
    return f"w-{minute}-{under_failure or 'intact'}-{link.replace('->', '-')}"
