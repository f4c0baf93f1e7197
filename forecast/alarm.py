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
    """A pair that has been warned of."""

    warning: SpikeWarning
    cleared_at: datetime | None = None


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
        is_newer = known is None or warning.made_at >= known.warning.made_at
        if known is None or (is_newer and known.warning.id != warning.id):
            self._raised[pair] = _Raised(warning)
        if warning.id not in self._sent_at:
            self._sent_at[warning.id] = warning.made_at
            self.sent += 1

    def latest(self, pair: Pair) -> SpikeWarning | None:
        """What was last said of a pair."""
        known = self._raised.get(pair)
        return known.warning if known else None

    def look(self, pair: Pair, upper_ratio: float, limit: float, at: datetime) -> None:
        """Take note of how a pair stands now: one well below its limit is quiet again."""
        known = self._raised.get(pair)
        is_low = upper_ratio < self._restraint.clear_ratio * limit
        if known and is_low and known.cleared_at is None and at > known.warning.made_at:
            known.cleared_at = at

    def reason_to_hold(self, warning: SpikeWarning) -> Held | None:
        """Why this warning says nothing new; None where it does."""
        known = self._raised.get((warning.link, warning.under_failure))
        if known is None:
            return None
        said, at = known.warning, warning.made_at
        if known.cleared_at is not None:
            return Held.COOLING if at < known.cleared_at + self._restraint.cool_down else None
        if at >= said.window_end:
            return None
        escalates = at > said.made_at and warning.upper_ratio > said.upper_ratio + ESCALATION
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
        return max(0, self._restraint.per_hour - len(self._sent_at))


def _dearest_first(warning: SpikeWarning) -> tuple[float, float, str]:
    return -(warning.expected_loss_bps or 0.0), -warning.upper_ratio, warning.id


def warning_id(pair: Pair, made_at: datetime) -> str:
    """The name of a warning: the same forecast always gets the same one."""
    link, under_failure = pair
    return f"w-{made_at:%Y%m%dT%H%M}-{under_failure or 'intact'}-{link.replace('->', '-')}"
