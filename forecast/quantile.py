"""How much must be added to a prediction so that the truth stays below it, say, 95 times in 100.

The answer is read off the predictor's own past errors, per series, over a sliding window. Quantile
loss and Gaussian posteriors were tried and are miscalibrated on real links.
"""

from collections import deque

import numpy as np
from river import stats

from forecast.history import Array


class ErrorQuantile:
    """The upper quantile of recent errors of `n_series` predictors, and how well it has held."""

    def __init__(self, n_series: int, quantile: float, window: int) -> None:
        """Begin without errors.

        Args:
            n_series: Predictors.
            quantile: E.g. 0.95.
            window: Errors remembered per series.
        """
        self._errors = [stats.RollingQuantile(quantile, window) for _ in range(n_series)]
        self._held: deque[float] = deque(maxlen=window)

    def margins(self) -> Array:
        """What to add per series, shape (n_series,); 0 where nothing is known yet."""
        return np.asarray([error.get() or 0.0 for error in self._errors])

    def learn(self, errors: Array, margins: Array) -> None:
        """Take what came minus what was predicted, and the margins that were given then."""
        for known, error in zip(self._errors, errors.tolist(), strict=True):
            known.update(error)
        self._held.append(float((errors <= margins).mean()))

    @property
    def coverage(self) -> float:
        """Share of recent truths that were at or below their bound; NaN before the first."""
        return sum(self._held) / len(self._held) if self._held else float("nan")
