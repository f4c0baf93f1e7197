"""What is known beforehand about the days and hours to come, as numbers a model can use.

Holidays make a day count as one of the weekend. Everything else (maintenance, a match, a release)
is told as two numbers: whether it is on now, and whether it will be within the horizon.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOLIDAY = "holiday"
_SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEvent:
    """Something that is known to happen.

    Attributes:
        start: Its first moment, UTC-aware if the forecast's times are.
        end: The first moment after it.
        what: One word for its kind; `holiday` makes its days count as weekend.
    """

    start: datetime
    end: datetime
    what: str


class Calendar:
    """The known events, and what they and the clock say of a moment."""

    def __init__(self, events: Sequence[KnownEvent] = ()) -> None:
        """Keep the events; those that end before they begin never happen."""
        kept = [event for event in events if event.start < event.end]
        self._holidays = [event for event in kept if event.what == HOLIDAY]
        self._others = [event for event in kept if event.what != HOLIDAY]

    def clock(self, at: datetime) -> tuple[float, ...]:
        """Time of day as two waves, and whether it is a day off and follows one."""
        angle = 2 * math.pi * (at.hour + at.minute / 60) / 24
        return (
            math.sin(angle),
            math.cos(angle),
            math.sin(2 * angle),
            math.cos(2 * angle),
            float(self._is_day_off(at)),
            float(self._is_day_off(at - timedelta(days=1))),
        )

    def events(
        self, at: datetime, until: datetime, *, since: datetime | None = None
    ) -> tuple[float, float]:
        """Whether an event is on at a moment, and whether one is from another until a third.

        Args:
            at: Now.
            until: End of the window ahead.
            since: Its begin; now if not given.
        """
        since = since or at
        is_on = any(event.start <= at < event.end for event in self._others)
        is_ahead = any(event.start < until and event.end > since for event in self._others)
        return float(is_on), float(is_ahead)

    def _is_day_off(self, at: datetime) -> bool:
        return at.weekday() >= _SATURDAY or any(
            event.start <= at < event.end for event in self._holidays
        )
