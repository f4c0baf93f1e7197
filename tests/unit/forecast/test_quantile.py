"""Bounds from past errors."""

import numpy as np
import pytest

from forecast.quantile import UNKNOWN_MARGIN, ErrorQuantiles

LEVELS = (0.9, 0.95, 0.99)


def _live(errors: np.ndarray, *, window: int = 600, overlap: int = 1) -> np.ndarray:
    """Whether each bound held, shape (n_steps, n_levels)."""
    bounds = ErrorQuantiles(errors.shape[1], LEVELS, window=window, overlap=overlap)
    held = []
    for row in errors:
        margins = bounds.margins()
        held.append((row[:, np.newaxis] <= margins).mean(axis=0))
        bounds.learn(row, margins)
    return np.asarray(held)


@pytest.mark.parametrize("shape", ["normal", "skewed", "growing"])
def test_bounds_hold_as_often_as_they_say(shape: str) -> None:
    """Whatever the errors look like, and also while they slowly grow."""
    rng = np.random.default_rng(5)
    errors = rng.normal(0, 1, (4000, 20)) if shape != "skewed" else rng.exponential(1, (4000, 20))
    if shape == "growing":
        errors *= np.linspace(1, 4, 4000)[:, np.newaxis]
    found = _live(errors)[1000:].mean(axis=0)

    assert found[0] == pytest.approx(0.9, abs=0.02)
    assert found[1] == pytest.approx(0.95, abs=0.015)
    assert found[2] == pytest.approx(0.99, abs=0.005)


def test_higher_levels_lie_higher_and_the_unknown_is_wide() -> None:
    """Without errors the margin is the same wide one; with them levels are in order."""
    bounds = ErrorQuantiles(2, LEVELS, window=100, overlap=1)
    assert (bounds.margins() == UNKNOWN_MARGIN).all()
    rng = np.random.default_rng(1)
    for _ in range(300):
        bounds.learn(np.asarray([rng.normal(), np.nan]), bounds.margins())

    assert (np.diff(bounds.margins()[0]) > 0).all()
    assert (bounds.margins()[1] == UNKNOWN_MARGIN).all()


def test_a_restart_forgets_the_old_size_of_errors() -> None:
    """Errors became ten times smaller: after a restart the margin follows at once."""
    rng = np.random.default_rng(2)
    bounds = ErrorQuantiles(2, LEVELS, window=400, overlap=1)
    for step in range(460):
        scale = 1.0 if step < 430 else 0.1
        bounds.learn(rng.normal(0, scale, 2), bounds.margins())
    before = bounds.margins()
    bounds.restart(np.asarray([0]))
    after = bounds.margins()

    assert after[0, 1] < 0.4 * before[0, 1]
    assert after[1].tolist() == before[1].tolist()


def test_a_long_window_keeps_one_error_in_several() -> None:
    """What is kept per series is bounded whatever the window."""
    small, large = (
        ErrorQuantiles(3, LEVELS, window=window, overlap=1)._errors.nbytes
        for window in (512, 1_000_000)
    )

    assert large <= small
