"""Several predictors at once, each trusted by how well it has done of late.

Exponentially weighted averaging (Cesa-Bianchi and Lugosi, Prediction, Learning and Games, 2006,
chapter 2) with fading losses, so that trust can be regained.
"""

import numpy as np

from forecast.history import Array

_ETA = 0.5
_FADE = 0.998
"""Both as tried on two weeks of Abilene; results differ little from 0.3 to 1."""


class Mixture:
    """Weights for `n_experts` predictors of each of `n_series` series."""

    def __init__(self, n_series: int, n_experts: int) -> None:
        """Begin with equal trust."""
        self._losses: Array = np.zeros((n_series, n_experts))

    @property
    def weights(self) -> Array:
        """Trust, shape (n_series, n_experts); every row adds up to 1."""
        ahead = self._losses - self._losses.min(axis=1, keepdims=True)
        trust = np.exp(-_ETA * ahead)
        shares: Array = trust / trust.sum(axis=1, keepdims=True)
        return shares

    def combine(self, predictions: Array) -> Array:
        """The weighted prediction per series from predictions of shape (n_series, n_experts)."""
        combined: Array = (self.weights * predictions).sum(axis=1)
        return combined

    def learn(self, predictions: Array, truth: Array) -> None:
        """Judge past predictions by what came, shape (n_series,)."""
        self._losses = _FADE * self._losses + np.abs(predictions - truth[:, np.newaxis])
