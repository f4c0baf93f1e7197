"""river's Bayesian linear regression, one model per series."""

import numpy as np
from river import linear_model

from forecast.history import Array


class RiverRegression:
    """A river model for each of `n_series` series, taught one lesson at a time.

    It weighs all of the past alike and squares its errors, so it knows what the robust fits forget;
    where that is wrong, the mixture takes its weight.
    """

    def __init__(self, n_series: int, names: tuple[str, ...]) -> None:
        """Begin with models that predict 0: "as now".

        Args:
            n_series: How many models.
            names: Of the columns they are shown.
        """
        self._names = names
        self._models = [_fresh() for _ in range(n_series)]

    def predict(self, columns: Array) -> Array:
        """The prediction per series from columns of shape (n_series, len(names))."""
        found = [
            model.predict_one(dict(zip(self._names, row, strict=True)))  # type: ignore[no-untyped-call]
            for model, row in zip(self._models, columns.tolist(), strict=True)
        ]
        return np.asarray(found)

    def learn(
        self,
        columns: Array,
        truth: Array,
        *,
        is_explained: bool = False,  # noqa: ARG002 - every lesson counts in full here
    ) -> None:
        """Take one lesson per series; those whose truth is NaN learn nothing."""
        rows = np.flatnonzero(np.isfinite(truth)).tolist()
        shown, came = columns[rows].tolist(), truth[rows].tolist()
        for row, values, value in zip(rows, shown, came, strict=True):
            lesson = dict(zip(self._names, values, strict=True))
            self._models[row].learn_one(lesson, value)  # type: ignore[no-untyped-call]

    def reset(self, rows: np.ndarray) -> None:
        """Forget everything about some series."""
        for row in rows.tolist():
            self._models[row] = _fresh()


def _fresh() -> linear_model.BayesianLinearRegression:
    return linear_model.BayesianLinearRegression()
