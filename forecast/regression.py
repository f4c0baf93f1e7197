"""Linear models of many series at once: recursive least squares that is not carried away.

Squared errors let one burst outweigh a quiet day. Here an error of more than half the usual one
counts less the larger it is (Huber, Annals of Mathematical Statistics 35, 1964, as weights in
every step), which brings the fit near the median that absolute errors ask for. Measured on real
links it makes more difference than any other choice (`docs/forecasting.md`).

All series are updated together by numpy: one small covariance matrix per series, stacked.
"""

import numpy as np

from forecast.history import Array

_ROBUSTNESS = 0.5
"""Errors above this share of the usual one count less."""
_USUAL_RATE = 0.005
_FIRST_USUAL = 0.1
_LEAST_USUAL = 1e-6
_MEMORY_STEPS = 2000
"""Lessons after which one counts 1/e, or a week where that is more lessons."""
_MOST_DOUBT = 1e3
"""Mean variance at which forgetting stops: nothing new is being seen (covariance wind-up)."""


class StackedRegression:
    """One robust recursive least squares fit per series.

    Source: Ljung, System Identification, 1999, section 11.2, with weights and forgetting.
    """

    def __init__(self, n_series: int, n_columns: int, *, doubt: float, memory: int) -> None:
        """Begin with all coefficients at 0: "as now".

        Args:
            n_series: How many fits.
            n_columns: Coefficients of each.
            doubt: Prior variance of a coefficient; smaller holds it nearer to 0.
            memory: Lessons after which one counts 1/e.
        """
        self._doubt = doubt
        self._fade = 1 - 1 / max(memory, _MEMORY_STEPS)
        self._coefficients: Array = np.zeros((n_series, n_columns))
        self._covariance: Array = np.repeat(np.eye(n_columns)[np.newaxis] * doubt, n_series, axis=0)
        self._usual: Array = np.full(n_series, _FIRST_USUAL)

    def predict(self, columns: Array) -> Array:
        """The fitted value per series from columns of shape (n_series, n_columns)."""
        found: Array = np.einsum("sc,sc->s", self._coefficients, columns)
        return found

    def learn(self, columns: Array, truth: Array, *, is_explained: bool = False) -> None:
        """Take one lesson per series; those whose truth is NaN learn nothing.

        Args:
            columns: Shape (n_series, n_columns).
            truth: Shape (n_series,).
            is_explained: An unusual truth has a known reason among the columns: it counts in full.
        """
        rows = np.flatnonzero(np.isfinite(truth))
        if rows.size == len(truth):
            self._learn(slice(None), columns, truth, is_explained=is_explained)
        elif rows.size:
            self._learn(rows, columns[rows], truth[rows], is_explained=is_explained)

    def reset(self, rows: np.ndarray) -> None:
        """Forget everything about some series."""
        self._coefficients[rows] = 0.0
        self._covariance[rows] = np.eye(self._coefficients.shape[1]) * self._doubt
        self._usual[rows] = _FIRST_USUAL

    def _learn(
        self, rows: slice | np.ndarray, columns: Array, truth: Array, *, is_explained: bool
    ) -> None:
        covariance, coefficients = self._covariance[rows], self._coefficients[rows]
        error = truth - np.einsum("sc,sc->s", coefficients, columns)
        weight = robust_weight(error, self._usual[rows])
        if is_explained:
            weight = np.ones_like(weight)
        else:
            self._usual[rows] += _USUAL_RATE * (np.abs(error) - self._usual[rows])
        along = np.matmul(covariance, columns[:, :, np.newaxis])[:, :, 0]
        doubt = np.einsum("sc,sc->s", along, columns)
        variance = np.einsum("scc->s", covariance) / columns.shape[1]
        fade = np.where(variance < _MOST_DOUBT * self._doubt, self._fade, 1.0)
        gain = along / (fade / weight + doubt)[:, np.newaxis]
        self._coefficients[rows] = coefficients + gain * error[:, np.newaxis]
        shrunk = covariance - gain[:, :, np.newaxis] * along[:, np.newaxis, :]
        self._covariance[rows] = shrunk / fade[:, np.newaxis, np.newaxis]


class PooledRegression:
    """One robust fit for all series together: what is the same everywhere is learnt sooner."""

    def __init__(self, n_series: int, n_columns: int, *, doubt: float, memory: int) -> None:
        """Begin with all coefficients at 0; arguments as of `StackedRegression`."""
        self._prior = 1 / doubt
        self._fade = 1 - 1 / max(memory, _MEMORY_STEPS)
        self._precision: Array = np.eye(n_columns) * self._prior
        self._moment: Array = np.zeros(n_columns)
        self._coefficients: Array = np.zeros(n_columns)
        self._usual: Array = np.full(n_series, _FIRST_USUAL)

    def predict(self, columns: Array) -> Array:
        """The fitted value per series."""
        found: Array = columns @ self._coefficients
        return found

    def learn(self, columns: Array, truth: Array, *, is_explained: bool = False) -> None:
        """Take one lesson from every series whose truth is known; arguments as of the above."""
        rows = np.flatnonzero(np.isfinite(truth))
        if not rows.size:
            return
        known, came = columns[rows], truth[rows]
        error = came - known @ self._coefficients
        weight = robust_weight(error, self._usual[rows])
        if is_explained:
            weight = np.ones_like(weight)
        else:
            self._usual[rows] += _USUAL_RATE * (np.abs(error) - self._usual[rows])
        weighted = known * weight[:, np.newaxis]
        fresh = np.eye(len(self._moment)) * ((1 - self._fade) * self._prior)
        self._precision = self._fade * self._precision + weighted.T @ known + fresh
        self._moment = self._fade * self._moment + weighted.T @ came
        self._coefficients = np.linalg.solve(self._precision, self._moment).astype(np.float64)

    def reset(self, rows: np.ndarray) -> None:
        """Some series went astray, which says nothing of the others; no number says it of all."""
        self._usual[rows] = _FIRST_USUAL
        if not np.isfinite(self._coefficients).all():
            self._precision = np.eye(len(self._moment)) * self._prior
            self._moment = np.zeros(len(self._moment))
            self._coefficients = np.zeros(len(self._moment))
            self._usual[:] = _FIRST_USUAL


def robust_weight(error: Array, usual: Array) -> Array:
    """How much a lesson counts: 1 up to half the usual error, then the less the larger."""
    limit = _ROBUSTNESS * np.maximum(usual, _LEAST_USUAL)
    weight: Array = limit / np.maximum(np.abs(error), limit)
    return weight
