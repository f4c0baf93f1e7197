"""How far the peak of the next hours will lie above now: one model per horizon for all series.

Direct models, one a horizon, on the log ratio to the present load: a model that knows nothing says
"as now", and nothing is fed back into itself. Beside the naive guesses stand linear models of four
views of the past, kept per series, one learnt from all series together, and river's Bayesian
regression; `mixture` decides whom to trust, so the forecast is never much worse than the best.
Labels come `horizon_steps` later; until then a prediction waits. What was tried, on which data, and
what it gave: `docs/forecasting.md`.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import numpy as np

from forecast.calendar_events import Calendar
from forecast.coverage import Coverage, CoverageCount
from forecast.drift import ErrorDrift
from forecast.features import NAIVE, NAMES, Described, describe
from forecast.guards import SkillGuard
from forecast.history import Array, History, Mask
from forecast.mixture import Mixture
from forecast.quantile import ErrorQuantiles
from forecast.regression import PooledRegression, StackedRegression
from forecast.river_regression import RiverRegression

LEVELS = (0.9, 0.95, 0.99)
"""Upper quantiles that are always given."""
_CLIP = 1.5
"""A peak is believed to be e^1.5 = 4.5 times the present load away, and further only if it was."""
_BEYOND = 0.5
"""Log units by which a peak may pass the highest and the lowest one known, and a bound the highest
load of the week: half idle links err by factors of fifty, and nobody has use for such bounds."""
_ENOUGH = 0.5
"""Share of a window that must have been observed for its peak to teach anything."""

_SHAPE = ("one", "from_quarter", "from_hour", "from_three_hours", "past_peak")
_DAY = (*_SHAPE, "day_peak", "day_delta", "day_hour")
_WAVES = ("sin_day", "cos_day", "sin_half_day", "cos_half_day")
_EVENTS = ("event_on", "event_ahead")
_EVENT_PLACES = [NAMES.index(name) for name in _EVENTS]
_STACKED: tuple[tuple[tuple[str, ...], int, float], ...] = (
    (_SHAPE, 0, 1.0),
    ((*_SHAPE, *_WAVES, "day_off"), 1, 0.3),
    (_DAY, 1, 1.0),
    ((*_DAY, *_WAVES), 1, 0.3),
    ((*_DAY, "week_peak", "week_delta"), 7, 1.0),
)
"""Columns, days a series must have lived, and prior variance of the models kept per series."""


class Regression(Protocol):
    """A linear model of every series."""

    def predict(self, columns: Array) -> Array:
        """The prediction per series."""
        ...

    def learn(self, columns: Array, truth: Array, *, is_explained: bool = False) -> None:
        """One lesson per series; NaN teaches nothing, what has a known reason counts in full."""
        ...

    def reset(self, rows: np.ndarray) -> None:
        """Forget some series."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prediction:
    """The coming peak of every series, in the unit of the series.

    Attributes:
        levels: Of the quantiles.
        peak: The median, shape (n_series,).
        peak_upper: The quantiles, shape (n_levels, n_series).
        peak_naive: The naive forecasts, in the order of `features.NAIVE`; NaN where a series is
            too young for one. Shape (len(NAIVE), n_series).
    """

    levels: tuple[float, ...]
    peak: Array
    peak_upper: Array
    peak_naive: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pending:
    """A prediction that waits for its truth; in single precision, for many wait."""

    columns: np.ndarray
    guesses: np.ndarray
    mixed: np.ndarray
    awake: Mask
    median: Array
    margins: Array
    now: Array
    load: Array
    highest: Array
    lowest: Array
    is_observed: Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Expert:
    """A model, the columns it sees, and what keeps it honest."""

    model: Regression
    columns: np.ndarray
    days: int
    """Days a series must have lived for it to have a say: 0, 1 or 7."""
    guard: SkillGuard

    def predict(self, columns: Array) -> Array:
        """Its guesses; who says no number says nothing now and begins anew."""
        guess = self.model.predict(columns[:, self.columns])
        lost = self.guard.lost(guess)
        if lost.size:
            self.model.reset(lost)
        return guess


class PeakModel:
    """Predicts the peak within one horizon of every series, and learns when it has passed."""

    def __init__(
        self,
        n_series: int,
        horizon_steps: int,
        *,
        step: timedelta,
        quantile: float = 0.95,
        window: int = 2016,
        calendar: Calendar | None = None,
    ) -> None:
        """Begin knowing nothing.

        Args:
            n_series: Columns of the history it will be shown.
            horizon_steps: How far ahead the peak is sought.
            step: Length of one interval.
            quantile: Given beside `LEVELS`, and what `coverage` is about.
            window: Steps of past errors the quantiles are read from.
            calendar: Known events; they are features only if one is given, empty or not.
        """
        self.horizon_steps = horizon_steps
        self.levels = tuple(sorted({*LEVELS, quantile}))
        self._quantile = quantile
        self._step = step
        self.calendar = calendar or Calendar()
        """What is known of days and hours; may be replaced as events become known."""
        self._experts = _experts(
            n_series, horizon_steps, step=step, has_events=calendar is not None
        )
        self._mixture = Mixture(n_series, len(NAIVE) + len(self._experts))
        self._bounds = ErrorQuantiles(
            n_series, self.levels, window=window, overlap=horizon_steps, phase=horizon_steps
        )
        self._drift = ErrorDrift(n_series, every=max(1, horizon_steps // 2))
        self._count = CoverageCount(self.levels, window=window, overlap=horizon_steps)
        self._pending: deque[_Pending | None] = deque()

    @property
    def coverage(self) -> float:
        """Share of recent peaks that stayed at or below the upper bound given for them."""
        return self.coverages()[self.levels.index(self._quantile)].share

    def coverages(self) -> tuple[Coverage, ...]:
        """The realised coverage of every level, all series together."""
        return self._count.found()

    @property
    def drifts(self) -> int:
        """Changes in the size of the errors found so far."""
        return self._drift.seen

    @property
    def resets(self) -> int:
        """Models of single series that went astray and began anew."""
        return sum(expert.guard.resets for expert in self._experts)

    def weights(self, history: History) -> Array:
        """Present trust in each guess, naive ones first, shape (n_series, n_guesses)."""
        day = round(timedelta(days=1) / self._step)
        return self._mixture.weights(self._awake(history.ages > day, history.ages > 7 * day))

    def step(self, history: History, at: datetime) -> Prediction | None:
        """Learn from what the newest step settles, then predict; None before anything is known.

        Args:
            history: Shown once after every step.
            at: Event time of the newest step.
        """
        if len(self._pending) == self.horizon_steps:
            past = self._pending.popleft()
            if past is not None:
                self._learn(past, history)
        if not history.ages.any():
            self._pending.append(None)
            return None
        return self._predict(history, at)

    def forget_pending(self) -> None:
        """Drop predictions whose series mean something else from now on."""
        self._pending.clear()

    def _learn(self, past: _Pending, history: History) -> None:
        grown = history.peak(0, self.horizon_steps) - past.now
        share = history.observed_share(0, self.horizon_steps)
        is_known = past.is_observed & (share >= _ENOUGH)
        truth = np.where(is_known, grown, np.nan)
        lesson = np.clip(truth, past.lowest, past.highest)
        columns = past.columns.astype(np.float64)
        awake = past.awake[:, len(NAIVE) :]
        is_explained = bool(columns[:, _EVENT_PLACES].any())
        for place, expert in enumerate(self._experts):
            taught = np.where(awake[:, place], lesson, np.nan)
            expert.model.learn(columns[:, expert.columns], taught, is_explained=is_explained)
            astray = expert.guard.astray(past.guesses[:, len(NAIVE) + place], taught)
            if astray.size:
                expert.model.reset(astray)
        self._mixture.learn(past.guesses, past.mixed, past.awake, truth, load=past.load)
        errors = truth - past.median
        self._count.take(errors, past.margins)
        self._bounds.learn(errors, past.margins)
        self._bounds.restart(self._drift.take(errors))

    def _predict(self, history: History, at: datetime) -> Prediction:
        described = describe(
            history, at, self.horizon_steps, step=self._step, calendar=self.calendar
        )
        highest = np.maximum(_CLIP, described.reach + _BEYOND)
        lowest = -np.maximum(_CLIP, described.fall + _BEYOND)
        guesses, awake = self._guesses(described, lowest, highest)
        mixed = self._mixture.mix(guesses, awake)
        median = mixed[:, 0]
        margins, now = self._margins(described, median), history.lag(0)
        self._pending.append(
            _Pending(
                columns=described.columns.astype(np.float32),
                guesses=guesses.astype(np.float32),
                mixed=mixed.astype(np.float32),
                awake=awake,
                median=median,
                margins=margins,
                now=now,
                load=history.relative_load(),
                highest=highest,
                lowest=lowest,
                is_observed=history.is_observed(),
            )
        )
        return self._said(history, described, median, margins)

    def _margins(self, described: Described, median: Array) -> Array:
        """What the bounds lie above the median, shape (n_series, n_levels)."""
        room = np.maximum(described.summit + _BEYOND - median, 0.0)
        most = np.where(described.knows_day, room, np.inf)
        margins: Array = np.minimum(self._bounds.margins(), most[:, np.newaxis])
        return margins

    def _guesses(self, described: Described, lowest: Array, highest: Array) -> tuple[Array, Mask]:
        """Every guess within what can be believed, and who has a say."""
        found = [expert.predict(described.columns) for expert in self._experts]
        guesses = np.column_stack([described.naive, *found])
        awake = self._awake(described.knows_day, described.knows_week) & np.isfinite(guesses)
        within = np.clip(
            np.where(awake, guesses, 0.0), lowest[:, np.newaxis], highest[:, np.newaxis]
        )
        return within, awake

    def _awake(self, knows_day: Mask, knows_week: Mask) -> Mask:
        always = np.ones_like(knows_day)
        by_days = {0: always, 1: knows_day, 7: knows_week}
        naive = [always, knows_day, knows_day, knows_day, knows_day, knows_week, knows_week]
        return np.column_stack([*naive, *(by_days[expert.days] for expert in self._experts)])

    def _said(
        self, history: History, described: Described, median: Array, margins: Array
    ) -> Prediction:
        now = history.lag(0)
        knows = [np.ones_like(described.knows_day), *[described.knows_day] * 4]
        knows += [described.knows_week] * 2
        naive = np.where(np.column_stack(knows), described.naive, np.nan)
        return Prediction(
            levels=self.levels,
            peak=history.loads(now + median),
            peak_upper=history.loads((now + median)[np.newaxis] + margins.T),
            peak_naive=history.loads((now[:, np.newaxis] + naive).T),
        )


def _experts(
    n_series: int, horizon_steps: int, *, step: timedelta, has_events: bool
) -> tuple[_Expert, ...]:
    """The models beside the naive guesses; see `docs/forecasting.md` for the choice."""
    memory = round(timedelta(days=7) / step)
    events = _EVENTS if has_events else ()

    def expert(model: Regression, columns: tuple[str, ...], days: int) -> _Expert:
        places = np.asarray([NAMES.index(name) for name in columns])
        guard = SkillGuard(n_series, overlap=horizon_steps)
        return _Expert(model=model, columns=places, days=days, guard=guard)

    def stacked(columns: tuple[str, ...], days: int, doubt: float) -> _Expert:
        seen = (*columns, *events)
        model = StackedRegression(n_series, len(seen), doubt=doubt, memory=memory)
        return expert(model, seen, days)

    pooled = (*_DAY, "group_day_hour", "group_day_delta", *events)
    clock = (*_DAY, *_WAVES, *events)
    together = PooledRegression(n_series, len(pooled), doubt=1.0, memory=memory)
    return (
        *(stacked(columns, days, doubt) for columns, days, doubt in _STACKED),
        expert(together, pooled, 1),
        expert(RiverRegression(n_series, clock), clock, 1),
    )
