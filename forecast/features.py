"""What is known now that says how far the coming peak lies above it.

Everything is relative to the present load (log differences), so links of any size look alike and a
model that knows nothing predicts "as now".
"""

import math
from datetime import datetime, timedelta

import numpy as np

from forecast.history import Array, History

DAYS_BACK = 3
"""How many days the features look back."""
_SATURDAY = 5


def day_delta(history: History, horizon_steps: int, day_steps: int) -> Array:
    """How far yesterday's peak of the same window lay above yesterday's same time (log)."""
    return _past_peak(history, 1, horizon_steps, day_steps) - history.lag(day_steps)


def day_peak(history: History, horizon_steps: int, day_steps: int) -> Array:
    """How far yesterday's peak of the same window lies above now (log)."""
    return _past_peak(history, 1, horizon_steps, day_steps) - history.lag(0)


def features(
    history: History, at: datetime, horizon_steps: int, *, day_steps: int, step: timedelta
) -> Array:
    """The description of every series at the newest step, shape (n_series, n_features)."""
    now = history.lag(0)
    hour = 3600 / step.total_seconds()
    columns = [
        np.ones_like(now),
        now - history.lag(1),
        now - history.window(0, 3).mean(axis=0),
        now - history.window(0, round(hour)).mean(axis=0),
        now - history.window(0, round(3 * hour)).mean(axis=0),
        history.peak(0, round(hour)) - now,
        history.peak(0, horizon_steps) - now,
        history.lag(day_steps) - now,
        *(
            _past_peak(history, days, horizon_steps, day_steps) - now
            for days in range(1, DAYS_BACK + 1)
        ),
        day_delta(history, horizon_steps, day_steps),
        *(np.full_like(now, value) for value in _calendar(at + step * (horizon_steps / 2))),
    ]
    return np.column_stack(columns)


def _past_peak(history: History, days: int, horizon_steps: int, day_steps: int) -> Array:
    return history.peak(days * day_steps - horizon_steps, horizon_steps)


def _calendar(at: datetime) -> tuple[float, ...]:
    angle = 2 * math.pi * (at.hour + at.minute / 60) / 24
    is_weekend = float(at.weekday() >= _SATURDAY)
    follows_weekend = float((at - timedelta(days=1)).weekday() >= _SATURDAY)
    return (
        math.sin(angle),
        math.cos(angle),
        math.sin(2 * angle),
        math.cos(2 * angle),
        is_weekend,
        follows_weekend,
    )
