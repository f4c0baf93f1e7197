"""One horizon's model: calibrated, better than naive, and never stuck in nonsense."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecast.history import History
from forecast.model import PeakModel, Prediction

STEP = timedelta(minutes=30)
DAY = 48
HORIZON = 4
START = datetime(2004, 3, 1, tzinfo=UTC)


def _days(count: int, seed: int) -> np.ndarray:
    """A daily cycle with noise, shape (steps, 2)."""
    rng = np.random.default_rng(seed)
    steps = np.arange(count * DAY)
    cycle = 1 + 0.5 * np.sin(2 * math.pi * steps / DAY)
    return np.column_stack([cycle, 3 * cycle]) * np.exp(rng.normal(0, 0.08, (len(steps), 2)))


def _run(values: np.ndarray) -> tuple[PeakModel, list[Prediction | None]]:
    history = History(values.shape[1], 3 * DAY + 1)
    model = PeakModel(values.shape[1], HORIZON, step=STEP, quantile=0.95, window=1000)
    out = []
    for index, row in enumerate(values):
        history.append(row)
        out.append(model.step(history, START + index * STEP))
    return model, out


@pytest.mark.slow
def test_upper_bound_covers_as_often_as_it_says() -> None:
    """On a noisy daily cycle the P95 holds in 93 to 97.5 % of the last days, and beats 'as now'."""
    values = _days(40, seed=1)
    model, predictions = _run(values)
    late = range(20 * DAY, len(values) - HORIZON)
    peaks = np.asarray([values[i + 1 : i + 1 + HORIZON].max(axis=0) for i in late])
    upper, median = (
        np.asarray([values[i] * np.exp(getattr(predictions[i], name)) for i in late])
        for name in ("upper", "median")
    )
    naive = np.abs(values[late.start : late.stop] - peaks).mean()

    assert 0.93 <= (peaks <= upper).mean() <= 0.975
    assert model.coverage == pytest.approx((peaks <= upper).mean(), abs=0.02)
    assert np.abs(median - peaks).mean() < 0.5 * naive


def test_no_prediction_before_a_day_is_known() -> None:
    """Yesterday is part of every forecast."""
    _, predictions = _run(_days(2, seed=2))

    assert all(found is None for found in predictions[:DAY])
    assert all(found is not None for found in predictions[DAY:])


def test_a_silent_link_and_a_sudden_load_stay_within_bounds() -> None:
    """From nothing to full and back: finite, and never more than e^1.5 from now in the median."""
    values = _days(4, seed=3)
    values[2 * DAY : 2 * DAY + 5] = 0
    _, predictions = _run(values)

    for found in predictions:
        if found is not None:
            assert np.isfinite(found.upper).all()
            assert (np.abs(found.median) <= 1.5 + 1e-9).all()


def test_a_regression_that_went_astray_begins_anew() -> None:
    """NaN in a model costs that series its memory, not its forecast."""
    values = _days(3, seed=4)
    history = History(2, 3 * DAY + 1)
    model = PeakModel(2, HORIZON, step=STEP, quantile=0.95, window=1000)
    for index, row in enumerate(values):
        history.append(row)
        model.step(history, START + index * STEP)
    model._regressions[0].learn_one({0: 1.0}, math.nan)  # type: ignore[no-untyped-call]
    history.append(values[-1])
    found = model.step(history, START + len(values) * STEP)

    assert found is not None
    assert np.isfinite(found.median).all()
