"""Stated chances against what came of them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from forecast.calibration import Calibration


def _taught(worth: float, steps: int = 3000) -> Calibration:
    """One who was told chances of which each is worth a share of itself."""
    rng, calibration = np.random.default_rng(1), Calibration()
    for _ in range(steps):
        stated = rng.random(8)
        happened = (rng.random(8) < worth * stated).astype(float)
        calibration.learn(stated, calibration.calibrated(stated), happened)
    return calibration


def test_nothing_is_changed_before_anything_came() -> None:
    """Chances are taken as they are stated."""
    stated = np.asarray([0.0, 0.3, 1.0])

    assert (Calibration().calibrated(stated) == stated).all()


def test_who_is_right_is_left_alone_and_who_boasts_is_corrected() -> None:
    """A boaster's chances are halved, and the Brier score says that it helped."""
    honest, boaster = _taught(1.0), _taught(0.5)
    stated = np.asarray([0.15, 0.45, 0.75])

    assert honest.calibrated(stated) == pytest.approx(stated, abs=0.06)
    assert boaster.calibrated(stated) == pytest.approx(stated / 2, abs=0.06)
    assert boaster.scores.brier < 0.9 * boaster.scores.brier_baseline


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=200), st.floats(0, 1))
def test_order_is_kept(outcomes: list[tuple[float, bool]], chance: float) -> None:
    """Whatever came, a higher chance stays the higher one, from 0 to 1."""
    calibration = Calibration()
    for stated, happened in outcomes:
        said = np.asarray([stated])
        calibration.learn(said, calibration.calibrated(said), np.asarray([float(happened)]))
    found = calibration.calibrated(np.sort(np.asarray([0.0, chance, 0.5, 1.0])))

    assert (np.diff(found) >= 0).all()
    assert found[0] >= 0
    assert found[-1] <= 1
