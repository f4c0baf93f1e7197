"""What keeps one model that went astray from being believed."""

import numpy as np

from forecast.history import Array

_LEAST_LESSONS = 100
_HORIZONS = 6
"""Independent outcomes the running skill looks back on; fewer are chance."""
_WORST = 2.0
"""Twice the naive error: a skill of -1."""


class SkillGuard:
    """Compares a model of every series with "as now", and says when to begin anew."""

    def __init__(self, n_series: int, *, overlap: int) -> None:
        """Begin without lessons.

        Args:
            n_series: How many models.
            overlap: Lessons after which one is a new one: the horizon.
        """
        self._memory = max(_LEAST_LESSONS, _HORIZONS * overlap)
        self._errors: Array = np.zeros(n_series)
        self._naive: Array = np.zeros(n_series)
        self._lessons = np.zeros(n_series, dtype=np.int64)
        self.resets = 0
        """How often a model was found astray."""

    def astray(self, guess: Array, truth: Array) -> np.ndarray:
        """The rows whose running skill fell below -1, or whose guess was no number."""
        is_known = np.isfinite(truth)
        is_nan = ~np.isfinite(guess)
        fresh = is_known & ~is_nan
        error, naive = np.abs(np.where(fresh, guess - truth, 0.0)), np.abs(truth)
        rate = 1 / self._memory
        self._errors[fresh] += rate * (error[fresh] - self._errors[fresh])
        self._naive[fresh] += rate * (naive[fresh] - self._naive[fresh])
        self._lessons += fresh
        is_worse = (self._lessons > self._memory) & (
            self._errors > _WORST * np.maximum(self._naive, 1e-6)
        )
        rows = np.flatnonzero(is_nan | is_worse)
        self._errors[rows] = self._naive[rows] = 0.0
        self._lessons[rows] = 0
        self.resets += rows.size
        return rows
