"""How much must be added to a prediction so that the truth stays below it, say, 95 times in 100.

The answer is read off the predictor's own past errors, per series, over one sliding window that
serves every quantile. Where bounds have been passed more often than they should, a higher place of
the window is read from then on (adaptive conformal inference: Gibbs and Candes, NeurIPS 2021), so
coverage comes out right also on series whose errors change. Quantile loss and Gaussian posteriors
were tried and are miscalibrated on real links.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from forecast.history import Array

_MOST = 512
"""Errors kept per series: one in several where the window is longer in steps."""
_KEPT = 24
"""Newest errors that survive a restart of the window."""
_RESTRAINT = 0.05
"""How far one independent outcome moves the place that is read."""
_SPAN = 0.6
"""The place that is read stays within this share of the way from the nominal one to 1, and as far
below as that leaves above."""
_ROUNDING = 2e-4
"""What single precision and many small steps may cost a prediction, in log units."""
_LARGEST = 10.0
"""Log units an error may be large: a factor of 20,000."""
UNKNOWN_MARGIN = 0.5
"""What is added while no error is known at all, in log units."""


class ErrorQuantiles:
    """Upper quantiles of recent errors of `n_series` predictors."""

    def __init__(
        self, n_series: int, levels: Sequence[float], *, window: int, overlap: int, phase: int = 0
    ) -> None:
        """Begin without errors.

        Args:
            n_series: Predictors.
            levels: E.g. 0.9, 0.95, 0.99.
            window: How many steps are looked back.
            overlap: Steps after which an outcome is a new one: the horizon.
            phase: Shifts the steps at which an error is kept, so that windows take turns.
        """
        self._levels: Array = np.asarray(levels, dtype=np.float64)
        self._stride = max(1, ceil(window / _MOST))
        depth = max(2, ceil(window / self._stride))
        self._errors = np.full((n_series, depth), np.nan, dtype=np.float32)
        self._sorted = self._errors.copy()
        self._known = np.zeros(n_series, dtype=np.int64)
        self._places: Array = np.repeat(self._levels[np.newaxis], n_series, axis=0)
        self._pace = _RESTRAINT / max(overlap, 10)
        self._count, self._next = phase % self._stride, 0

    def margins(self) -> Array:
        """What to add per series and level, shape (n_series, n_levels)."""
        known = self._known[:, np.newaxis]
        at = np.clip(self._places * (known + 1) - 1, 0, np.maximum(known - 1, 0))
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, np.maximum(known - 1, 0))
        low, high = (np.take_along_axis(self._sorted, place, axis=1) for place in (below, above))
        found = low + (high - low) * (at - below)
        margins = np.where(known > 0, found + _ROUNDING, UNKNOWN_MARGIN).astype(np.float64)
        # Each level corrects itself; a higher one must not end up below a lower one.
        ordered: Array = np.maximum.accumulate(margins, axis=1)
        return ordered

    def learn(self, errors: Array, margins: Array) -> None:
        """Take what came minus what was predicted, and the margins that were given then.

        Args:
            errors: Shape (n_series,); NaN where nothing came.
            margins: Shape (n_series, n_levels).
        """
        errors = np.clip(errors, -_LARGEST, _LARGEST)
        self._correct(errors, margins)
        self._count += 1
        if self._count % self._stride:
            return
        gone = self._errors[:, self._next]
        self._known += np.isfinite(errors).astype(np.int64) - np.isfinite(gone)
        self._errors[:, self._next] = errors
        self._next = (self._next + 1) % self._errors.shape[1]
        self._forget_first_errors()
        self._sorted = np.sort(self._errors, axis=1)

    def restart(self, rows: np.ndarray) -> None:
        """Forget all but the newest errors of some series."""
        if not rows.size:
            return
        depth = self._errors.shape[1]
        old = (self._next + np.arange(max(0, depth - _KEPT))) % depth
        self._errors[np.ix_(rows, old)] = np.nan
        self._known[rows] = np.isfinite(self._errors[rows]).sum(axis=1)
        self._sorted[rows] = np.sort(self._errors[rows], axis=1)

    def _forget_first_errors(self) -> None:
        """While the window fills only the newer half of all errors is kept.

        The first ones are those of models that knew nothing yet.
        """
        kept = self._count // self._stride
        if kept > self._errors.shape[1] or kept % 2 or kept <= 2 * _KEPT:
            return
        first = self._errors[:, : kept // 2]
        self._known -= np.isfinite(first).sum(axis=1)
        first[:] = np.nan

    def _correct(self, errors: Array, margins: Array) -> None:
        is_known = np.isfinite(errors)[:, np.newaxis]
        is_passed = errors[:, np.newaxis] > margins
        rate = self._pace * (1 - self._levels) / (1 - self._levels).max()
        moved = self._places + np.where(is_known, rate * (is_passed - (1 - self._levels)), 0.0)
        reach = _SPAN * (1 - self._levels)
        self._places = np.clip(moved, self._levels - reach, self._levels + reach)
