"""Some series with all that predicts them.

Links as the network stands are in one bank, what is chosen to be watched beside them in another: it
may be chosen anew without the links losing what was learnt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecast import features
from forecast.calendar_events import Calendar
from forecast.history import Array, History
from forecast.model import PeakModel, Prediction

_KNOWN_SHARE = 0.5
"""A peak is known if at least this share of its window was observed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a forecast is about: how far, how sure, and what is too much."""

    step: timedelta
    horizons: tuple[int, ...]
    """In steps, ascending."""
    quantile: float
    load_limit: float
    window: int = 2016
    """Steps of past errors the quantiles are read from."""
    warm_up: int = 576
    """Steps seen before the first forecast."""
    pairs: int = 24
    """(failure, link) pairs watched."""
    demands: int = 6
    """Demands watched."""

    @property
    def day_steps(self) -> int:
        """Steps a day."""
        return round(timedelta(days=1) / self.step)

    @property
    def depth(self) -> int:
        """Steps the models look back."""
        return features.DAYS_BACK * self.day_steps + 1


class Bank:
    """The past of some series, and a model for each horizon."""

    def __init__(self, n_series: int, terms: Terms, calendar: Calendar) -> None:
        """Begin knowing nothing.

        Args:
            n_series: How many.
            terms: Of the forecast.
            calendar: Known events.
        """
        self.n_series = n_series
        self._terms = terms
        self.history = self._empty()
        self.models = tuple(
            PeakModel(
                n_series,
                steps,
                step=terms.step,
                quantile=terms.quantile,
                window=terms.window,
                calendar=calendar,
            )
            for steps in terms.horizons
        )

    def advance(self, at: datetime, values: Array) -> dict[int, Prediction] | None:
        """Take the next step, learn what it settles and predict; None before anything is known."""
        self.history.append(values)
        found = {model.horizon_steps: model.step(self.history, at) for model in self.models}
        known = {steps: prediction for steps, prediction in found.items() if prediction is not None}
        return known if len(known) == len(found) else None

    def reread(self, values: Iterable[Array]) -> None:
        """Take it that the past was this; models keep what they have learnt, but not what waits."""
        self.history = self._empty()
        for row in values:
            self.history.append(row)
        for model in self.models:
            model.forget_pending()

    def peaks(self, steps: int) -> Array:
        """The highest value of the last steps per series; NaN where too little was observed."""
        peaks = self.history.loads(self.history.peak(0, steps))
        is_known = self.history.observed_share(0, steps) >= _KNOWN_SHARE
        return np.where(is_known, peaks, np.nan)

    def yesterday(self) -> Array:
        """The course of the longest horizon a day ago, oldest first, shape (longest, n_series).

        Flat where a day ago is not known.
        """
        longest, day = self._terms.horizons[-1], self._terms.day_steps
        if len(self.history) <= day:
            return np.ones((longest, self.n_series))
        return self.history.loads(self.history.window(day - longest, longest))

    def _empty(self) -> History:
        return History(self.n_series, self._terms.depth, patience=self._terms.day_steps)


def joined(parts: Sequence[Prediction]) -> Prediction:
    """Predictions of several banks, series after series."""
    return Prediction(
        levels=parts[0].levels,
        peak=np.concatenate([part.peak for part in parts]),
        peak_upper=np.concatenate([part.peak_upper for part in parts], axis=1),
        peak_naive=np.concatenate([part.peak_naive for part in parts], axis=1),
    )
