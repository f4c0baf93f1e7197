"""Several predictors at once, each trusted by how well it has done.

Two rules give weights and the mean of both is used. *Exponential weights* with fading losses
(Cesa-Bianchi and Lugosi, Prediction, Learning and Games, 2006, chapter 2) find the best predictor
of late. *ML-Poly* with the gradient trick (Gaillard, Stoltz and van Erven, COLT 2014) finds the
best blend, and sets its own pace. Each fails on series where the other does not; their mean never
was far from the better one.

A predictor that cannot say anything yet sleeps (Freund, Schapire, Singer and Warmuth, STOC 1997):
its weight is shared among those awake, and it is charged what the mixture lost meanwhile.
"""

import numpy as np

from forecast.history import Array, Mask

_ETA = 0.5
_FADE = 0.998
_SLOW_FADE = 0.9995
_LEAST = 1e-12


class Mixture:
    """Weights for `n_experts` predictors of each of `n_series` series."""

    def __init__(self, n_series: int, n_experts: int) -> None:
        """Begin with equal trust."""
        shape = (n_series, n_experts)
        self._losses: Array = np.zeros(shape)
        self._regrets: Array = np.zeros(shape)
        self._squares: Array = np.zeros(shape)
        self._largest: Array = np.zeros((n_series, 1))

    def weights(self, awake: Mask) -> Array:
        """Trust among those awake, shape (n_series, n_experts); every row adds up to 1.

        Args:
            awake: Who has something to say, shape (n_series, n_experts); one in a row at least.
        """
        return (self._exponential(awake) + self._polynomial(awake)) / 2

    def learn(
        self, guesses: Array, weights: Array, awake: Mask, truth: Array, *, load: Array
    ) -> None:
        """Judge past predictions by what came.

        Args:
            guesses: Log ratios to the load of then, shape (n_series, n_experts).
            weights: With which they were mixed.
            awake: Who had something to say.
            truth: The log ratio that came, shape (n_series,); NaN where nothing is known.
            load: The load of then over the series' usual one, shape (n_series,).
        """
        is_known = np.isfinite(truth)[:, np.newaxis]
        came = np.where(is_known, truth[:, np.newaxis], 0.0)
        mixed = (weights * guesses).sum(axis=1, keepdims=True)
        taught = awake & is_known
        lost = np.where(taught, np.abs(guesses - came), np.abs(mixed - came))
        self._losses = np.where(is_known, _FADE * self._losses + lost, self._losses)
        slope = np.sign(mixed - came) * np.exp(np.clip(mixed, -4, 4)) * load[:, np.newaxis]
        regret = np.where(taught, slope * (mixed - guesses), 0.0)
        fade = np.where(is_known, _SLOW_FADE, 1.0)
        self._regrets = fade * self._regrets + regret
        self._squares = fade * self._squares + regret**2
        self._largest = np.maximum(self._largest, (regret**2).max(axis=1, keepdims=True))

    def _exponential(self, awake: Mask) -> Array:
        losses = np.where(awake, self._losses, np.inf)
        trust = np.exp(-_ETA * (losses - losses.min(axis=1, keepdims=True)))
        return _shares(trust)

    def _polynomial(self, awake: Mask) -> Array:
        pace = 1 / (self._largest + self._squares + _LEAST)
        trust = np.where(awake, pace * np.maximum(self._regrets, 0.0), 0.0)
        has_any = trust.sum(axis=1, keepdims=True) > 0
        return _shares(np.where(has_any, trust, awake))


def _shares(trust: Array) -> Array:
    shares: Array = trust / trust.sum(axis=1, keepdims=True)
    return shares
