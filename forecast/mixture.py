"""Several predictors at once, each trusted by how well it has done.

Three rules give weights. *Exponential weights* with fading losses (Cesa-Bianchi and Lugosi,
Prediction, Learning and Games, 2006, chapter 2) find the best predictor of late: once by errors in
logarithms, once by errors in the unit of the series, which differ where a series falls silent.
*ML-Poly* with the gradient trick (Gaillard, Stoltz and van Erven, COLT 2014) finds the best blend,
and sets its own pace. Each fails on series where another does not, so the rules are predictors in
their turn, weighted slowly by their errors in the unit of the series.

A predictor that cannot say anything yet sleeps (Freund, Schapire, Singer and Warmuth, STOC 1997):
its weight is shared among those awake, and it is charged what the mixture lost meanwhile.
"""

import numpy as np

from forecast.history import Array, Mask

_ETA = 0.5
_RULE_ETA = 0.03
_FADE = 0.998
_SLOW_FADE = 0.9995
_LEAST = 1e-12
_FURTHEST = 12.0
"""Log units: beyond them the exponential says no more than "far off"."""
_STEEPEST = 4.0
_MOST_LOST = 5.0
"""Usual loads one error may cost: a burst must not decide for days."""
_RULES = 3


class Mixture:
    """Weights for `n_experts` predictors of each of `n_series` series."""

    def __init__(self, n_series: int, n_experts: int) -> None:
        """Begin with equal trust."""
        shape = (n_series, n_experts)
        self._losses: Array = np.zeros(shape)
        self._unit_losses: Array = np.zeros(shape)
        self._regrets: Array = np.zeros(shape)
        self._squares: Array = np.zeros(shape)
        self._largest: Array = np.zeros((n_series, 1))
        self._rule_losses: Array = np.zeros((n_series, _RULES))

    def weights(self, awake: Mask) -> Array:
        """Trust among those awake, shape (n_series, n_experts); every row adds up to 1.

        Args:
            awake: Who has something to say, shape (n_series, n_experts); one in a row at least.
        """
        trust: Array = np.einsum("sr,rse->se", self._rule_trust(), self._by_rule(awake))
        return trust

    def mix(self, guesses: Array, awake: Mask) -> Array:
        """What is said, and what each rule alone would say, shape (n_series, 1 + rules)."""
        rules = np.einsum("rse,se->sr", self._by_rule(awake), guesses)
        said = (self._rule_trust() * rules).sum(axis=1, keepdims=True)
        return np.concatenate([said, rules], axis=1)

    def learn(
        self, guesses: Array, mixed: Array, awake: Mask, truth: Array, *, load: Array
    ) -> None:
        """Judge past predictions by what came.

        Args:
            guesses: Log ratios to the load of then, shape (n_series, n_experts).
            mixed: What `mix` made of them.
            awake: Who had something to say.
            truth: The log ratio that came, shape (n_series,); NaN where nothing is known.
            load: The load of then over the series' usual one, shape (n_series,); above 0.
        """
        is_known = np.isfinite(truth)[:, np.newaxis]
        came = np.where(is_known, truth[:, np.newaxis], 0.0)
        said, rules, unit = mixed[:, :1], mixed[:, 1:], load[:, np.newaxis]
        taught = awake & is_known
        heard = np.where(taught, guesses, said)
        self._losses = _faded(self._losses, np.abs(heard - came), is_known)
        self._unit_losses = _faded(self._unit_losses, _lost(heard, came, unit), is_known)
        self._rule_losses = _faded(self._rule_losses, _lost(rules, came, unit), is_known)
        slope = np.sign(said - came) * np.exp(np.clip(said, -_STEEPEST, _STEEPEST)) * unit
        regret = np.where(taught, slope * (said - guesses), 0.0)
        fade = np.where(is_known, _SLOW_FADE, 1.0)
        self._regrets = fade * self._regrets + regret
        self._squares = fade * self._squares + regret**2
        self._largest = np.maximum(self._largest, (regret**2).max(axis=1, keepdims=True))

    def _rule_trust(self) -> Array:
        return _exponential(self._rule_losses, _RULE_ETA)

    def _by_rule(self, awake: Mask) -> Array:
        """The weights of every rule, shape (rules, n_series, n_experts)."""
        by_logs = _exponential(np.where(awake, self._losses, np.inf), _ETA)
        by_unit = _exponential(np.where(awake, self._unit_losses, np.inf), _ETA)
        return np.stack([by_logs, by_unit, self._polynomial(awake)])

    def _polynomial(self, awake: Mask) -> Array:
        pace = 1 / (self._largest + self._squares + _LEAST)
        trust = np.where(awake, pace * np.maximum(self._regrets, 0.0), 0.0)
        has_any = trust.sum(axis=1, keepdims=True) > 0
        return _shares(np.where(has_any, trust, awake))


def _lost(guesses: Array, came: Array, unit: Array) -> Array:
    """Errors in the unit of the series, over its usual load."""
    guessed, truth = (np.exp(np.clip(it, -_FURTHEST, _FURTHEST)) for it in (guesses, came))
    lost: Array = np.minimum(np.abs(guessed - truth) * unit, _MOST_LOST)
    return lost


def _faded(losses: Array, lost: Array, is_known: Mask) -> Array:
    faded: Array = np.where(is_known, _FADE * losses + lost, losses)
    return faded


def _exponential(losses: Array, eta: float) -> Array:
    return _shares(np.exp(-eta * (losses - losses.min(axis=1, keepdims=True))))


def _shares(trust: Array) -> Array:
    shares: Array = trust / trust.sum(axis=1, keepdims=True)
    return shares
