"""What keeps one model that went astray from being believed."""

import numpy as np

from forecast.history import Array, Mask

_LEAST_LESSONS = 100
_HORIZONS = 6
"""Independent outcomes the running skill looks back on; fewer are chance."""
_WORST = 2.0
"""Twice the naive error: a skill of -1."""
_LEAST_NAIVE = 1e-3
"""Log units: on a series that does not move nobody is judged by less."""


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

    def lost(self, guess: Array) -> np.ndarray:
        """The rows whose guess is no number: nothing comes back from that by itself."""
        return self._begun_anew(~np.isfinite(guess))

    def astray(self, guess: Array, truth: Array) -> np.ndarray:
        """The rows whose running skill fell below -1; rows whose truth is NaN are not judged."""
        fresh = np.isfinite(truth)
        rate = 1 / self._memory
        error, naive = np.abs(guess[fresh] - truth[fresh]), np.abs(truth[fresh])
        self._errors[fresh] += rate * (error - self._errors[fresh])
        self._naive[fresh] += rate * (naive - self._naive[fresh])
        self._lessons += fresh
        return self._begun_anew(
            (self._lessons > self._memory)
            & (self._errors > _WORST * np.maximum(self._naive, _LEAST_NAIVE))
        )

    def _begun_anew(self, which: Mask) -> np.ndarray:
        rows = np.flatnonzero(which)
        self._errors[rows] = self._naive[rows] = 0.0
        self._lessons[rows] = 0
        self.resets += rows.size
        return rows
