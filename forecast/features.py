"""What is known now that says how far the coming peak lies above it.

Everything is relative to the present load (log differences), so links of any size look alike and a
model that knows nothing predicts "as now".
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecast.calendar_events import Calendar
from forecast.history import Array, History, Mask

DAYS_BACK = 7
"""How many days the features look back."""
_DAYS_A_WEEK = 7
_FURTHEST = 4.0
"""Log units a feature may lie from now: what is further off says no more than this."""

NAMES = (
    *("one", "from_quarter", "from_hour", "from_three_hours", "past_peak"),
    *("day_peak", "day_delta", "day_hour"),
    *("sin_day", "cos_day", "sin_half_day", "cos_half_day", "day_off", "after_day_off"),
    *("group_day_hour", "group_day_delta"),
    *("week_peak", "week_delta"),
    *("event_on", "event_ahead"),
)
"""The columns of `Described.columns`; all but the first and the calendar's are log differences."""

NAIVE = ("last", "half_day_delta", "day_delta", "day", "day_hour", "week_delta", "week")
"""The naive forecasts, in the order of `Described.naive`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Described:
    """Every series at one moment.

    Attributes:
        columns: Shape (n_series, len(NAMES)).
        naive: The naive forecasts, log ratios to now, shape (n_series, len(NAIVE)).
        knows_day: Whether a series has lived for more than a day, shape (n_series,).
        knows_week: The same of a week.
        reach: How far above now the highest known peak lies, shape (n_series,).
        fall: How far below now the lowest one lies.
        summit: How far above now the highest load of the last seven days lies.
    """

    columns: Array
    naive: Array
    knows_day: Mask
    knows_week: Mask
    reach: Array
    fall: Array
    summit: Array


def describe(
    history: History, at: datetime, horizon_steps: int, *, step: timedelta, calendar: Calendar
) -> Described:
    """The description of every series at the newest step.

    Args:
        history: At least one step long.
        at: Event time of the newest step.
        horizon_steps: How far ahead the peak is sought.
        step: Length of one interval.
        calendar: What is known of days and hours.
    """
    now = history.lag(0)
    day, hour = (max(1, round(span / step)) for span in (timedelta(days=1), timedelta(hours=1)))
    hour_mean = history.mean(0, hour)
    past_peak = history.peak(0, horizon_steps) - now
    day_peak, day_delta = _back(history, now, day, horizon_steps)
    week_peak, week_delta = _back(history, now, _DAYS_A_WEEK * day, horizon_steps)
    day_hour = history.mean(day, hour) - hour_mean
    until = at + step * (horizon_steps + 1)
    middle = at + step * (horizon_steps / 2)
    columns = [
        np.ones_like(now),
        now - history.mean(0, _quarter(step)),
        now - hour_mean,
        now - history.mean(0, 3 * hour),
        past_peak,
        day_peak,
        day_delta,
        day_hour,
        *(np.full_like(now, value) for value in calendar.clock(middle)),
        np.full_like(now, day_hour.mean()),
        np.full_like(now, day_delta.mean()),
        week_peak,
        week_delta,
        *(np.full_like(now, value) for value in calendar.events(at, until, since=at + step)),
    ]
    known = (np.zeros_like(now), past_peak, day_peak, week_peak)
    shape = _hour_peak(history, day, hour, horizon_steps) - hour_mean
    naive = [np.zeros_like(now), day_delta / 2, day_delta, day_peak, shape, week_delta, week_peak]
    return Described(
        columns=np.clip(np.column_stack(columns), -_FURTHEST, _FURTHEST),
        naive=np.column_stack(naive),
        knows_day=history.ages > day,
        knows_week=history.ages > _DAYS_A_WEEK * day,
        reach=np.maximum.reduce(known),
        fall=-np.minimum.reduce(known),
        summit=history.peak(0, _DAYS_A_WEEK * day) - now,
    )


def _back(history: History, now: Array, steps: int, horizon_steps: int) -> tuple[Array, Array]:
    """The peak of the same window `steps` ago: above now, and above the load of then."""
    peak = history.peak(max(0, steps - horizon_steps), min(horizon_steps, steps))
    return peak - now, peak - history.lag(steps)


def _hour_peak(history: History, day: int, hour: int, horizon_steps: int) -> Array:
    """The highest of the hourly means of yesterday's same window, read once an hour."""
    newest = (day - min(done, day) for done in range(hour, horizon_steps + hour, hour))
    highest: Array = np.maximum.reduce([history.mean(steps, hour) for steps in newest])
    return highest


def _quarter(step: timedelta) -> int:
    """A quarter of an hour in steps, and never fewer than three."""
    return max(3, round(timedelta(minutes=15) / step))
