"""Trust among predictors."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given
from hypothesis.extra.numpy import arrays

from forecast.mixture import Mixture

_GUESSES = arrays(np.float64, (3, 4), elements=st.floats(-1.5, 1.5))
_TRUTHS = arrays(np.float64, (3,), elements=st.floats(-1.5, 1.5))


@given(st.lists(st.tuples(_GUESSES, _TRUTHS), max_size=30), _GUESSES)
def test_weights_are_shares_and_the_mix_lies_among_the_guesses(
    lessons: list[tuple[np.ndarray, np.ndarray]], guesses: np.ndarray
) -> None:
    """Every row of weights adds up to 1, and no mix leaves the range of its guesses."""
    mixture = Mixture(3, 4)
    for guess, truth in lessons:
        mixture.learn(guess, truth)
    mixed = mixture.combine(guesses)

    assert np.allclose(mixture.weights.sum(axis=1), 1)
    assert (mixture.weights >= 0).all()
    assert (mixed >= guesses.min(axis=1) - 1e-9).all()
    assert (mixed <= guesses.max(axis=1) + 1e-9).all()


def test_the_better_predictor_is_trusted_and_trust_can_return() -> None:
    """Trust follows the recent record, per series."""
    mixture = Mixture(1, 2)
    guesses = np.asarray([[0.0, 1.0]])
    for _ in range(50):
        mixture.learn(guesses, np.zeros(1))
    early = mixture.weights[0, 0]
    for _ in range(200):
        mixture.learn(guesses, np.ones(1))

    assert early > 0.99
    assert mixture.weights[0, 1] > 0.99
