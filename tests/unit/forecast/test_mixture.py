"""Trust among predictors."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from forecast.history import Array, Mask
from forecast.mixture import Mixture

_GUESSES = arrays(np.float64, (3, 4), elements=st.floats(-1.5, 1.5))
_TRUTHS = arrays(np.float64, (3,), elements=st.floats(-4, 4) | st.just(float("nan")))
_AWAKE = arrays(np.bool_, (3, 4)).map(lambda mask: mask | (np.arange(4) == 0))
_ALL = np.ones((1, 2), dtype=np.bool_)


def _learn(mixture: Mixture, guesses: Array, awake: Mask, truth: Array) -> None:
    mixed = mixture.mix(guesses, awake)
    mixture.learn(guesses, mixed, awake, truth, load=np.ones(len(truth)))


@given(st.lists(st.tuples(_GUESSES, _AWAKE, _TRUTHS), max_size=30), _GUESSES, _AWAKE)
def test_weights_are_shares_of_those_awake(
    lessons: list[tuple[Array, Mask, Array]], guesses: Array, awake: Mask
) -> None:
    """Rows add up to 1, who sleeps has none, and no mix leaves the range of its guesses."""
    mixture = Mixture(3, 4)
    for guess, mask, truth in lessons:
        _learn(mixture, guess, mask, truth)
    weights = mixture.weights(awake)
    mixed = (weights * guesses).sum(axis=1)

    assert np.allclose(weights.sum(axis=1), 1)
    assert (weights >= 0).all()
    assert (weights[~awake] == 0).all()
    assert (mixed <= np.where(awake, guesses, -9).max(axis=1) + 1e-9).all()
    assert (mixed >= np.where(awake, guesses, 9).min(axis=1) - 1e-9).all()


def test_the_better_predictor_is_trusted_and_trust_can_return() -> None:
    """Trust follows the record, per series, and old losses fade."""
    mixture, guesses = Mixture(1, 2), np.asarray([[0.0, 1.0]])
    for _ in range(50):
        _learn(mixture, guesses, _ALL, np.zeros(1))
    early = mixture.weights(_ALL)[0, 0]
    for _ in range(400):
        _learn(mixture, guesses, _ALL, np.ones(1))

    assert early > 0.95
    assert mixture.weights(_ALL)[0, 1] > 0.95


def test_a_blend_is_found_where_no_single_one_is_right() -> None:
    """The truth half way between two predictors: the mix is nearer than either."""
    rng = np.random.default_rng(1)
    mixture, errors = Mixture(1, 2), []
    for _ in range(600):
        truth = rng.normal(0, 0.3)
        guesses = truth + np.asarray([[0.4, -0.4]]) * rng.uniform(0.5, 1.5)
        errors.append(abs((mixture.weights(_ALL) * guesses).sum() - truth))
        _learn(mixture, guesses, _ALL, np.asarray([truth]))

    assert np.mean(errors[300:]) < 0.15


def test_who_wakes_late_is_neither_ahead_nor_behind() -> None:
    """While asleep a predictor is charged what the mixture lost; then its record decides."""
    mixture, guesses = Mixture(1, 2), np.asarray([[0.5, 0.0]])
    asleep = np.asarray([[True, False]])
    for _ in range(100):
        _learn(mixture, guesses, asleep, np.zeros(1))
    on_waking = mixture.weights(_ALL)[0, 1]
    for _ in range(30):
        _learn(mixture, guesses, _ALL, np.zeros(1))

    assert 0.2 < on_waking < 0.8
    assert mixture.weights(_ALL)[0, 1] > 0.9


def test_errors_count_in_the_unit_of_the_series() -> None:
    """Silence by night, a guess that is right by day alone: errors of almost nothing weigh less."""
    mixture = Mixture(1, 2)
    for step in range(600):
        is_night = step % 2 == 0
        # The first errs by e^2 in silence (a fiftieth of the load), the second by e^0.5 by day.
        guesses = np.asarray([[2.0, 0.0]]) if is_night else np.asarray([[0.0, 0.5]])
        mixed = mixture.mix(guesses, _ALL)
        load = np.asarray([0.02 if is_night else 1.0])
        mixture.learn(guesses, mixed, _ALL, np.zeros(1), load=load)

    assert mixture.weights(_ALL)[0, 0] > 0.6


@given(st.lists(st.tuples(_GUESSES, _AWAKE, _TRUTHS), max_size=30), _GUESSES, _AWAKE)
def test_what_is_said_is_the_weighted_mean_and_lies_between_the_rules(
    lessons: list[tuple[Array, Mask, Array]], guesses: Array, awake: Mask
) -> None:
    """The mix is what its weights make of the guesses, and no rule is overbid."""
    mixture = Mixture(3, 4)
    for guess, mask, truth in lessons:
        _learn(mixture, guess, mask, truth)
    mixed = mixture.mix(guesses, awake)

    assert np.allclose(mixed[:, 0], (mixture.weights(awake) * guesses).sum(axis=1))
    assert (mixed[:, 0] <= mixed[:, 1:].max(axis=1) + 1e-9).all()
    assert (mixed[:, 0] >= mixed[:, 1:].min(axis=1) - 1e-9).all()
