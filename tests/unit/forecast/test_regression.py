"""Linear models side by side."""

from collections.abc import Callable

import numpy as np
import pytest

from forecast.history import Array
from forecast.regression import PooledRegression, StackedRegression
from forecast.river_regression import RiverRegression

N, C = 5, 3
TRUE = np.asarray([0.2, -0.5, 0.3])
Make = Callable[[], StackedRegression | PooledRegression | RiverRegression]
MAKERS: dict[str, Make] = {
    "stacked": lambda: StackedRegression(N, C, doubt=1.0, memory=2000),
    "pooled": lambda: PooledRegression(N, C, doubt=1.0, memory=2000),
    "river": lambda: RiverRegression(N, ("a", "b", "c")),
}


def _teach(model: object, steps: int, *, bursts: float = 0.0, seed: int = 3) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        columns = rng.normal(0, 1, (N, C))
        truth = columns @ TRUE + rng.normal(0, 0.02, N)
        truth += np.where(rng.random(N) < bursts, 5.0, 0.0)
        model.learn(columns, truth)  # type: ignore[attr-defined]


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_linear_truth_is_found(make: Make) -> None:
    """After some hundred lessons every series predicts what the true coefficients give."""
    model, columns = make(), np.random.default_rng(1).normal(0, 1, (N, C))
    assert model.predict(columns) == pytest.approx(np.zeros(N))
    _teach(model, 400)

    assert model.predict(columns) == pytest.approx(columns @ TRUE, abs=0.05)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_truth_that_is_not_known_teaches_nothing(make: Make) -> None:
    """NaN leaves a series as it was, and the others learn."""
    model, columns = make(), np.random.default_rng(1).normal(0, 1, (N, C))
    _teach(model, 30)
    before = model.predict(columns)
    model.learn(columns, np.full(N, np.nan))
    unchanged = model.predict(columns)
    model.learn(columns, np.asarray([3.0, *[np.nan] * (N - 1)]))

    assert unchanged == pytest.approx(before)
    assert model.predict(columns)[0] != before[0]


@pytest.mark.parametrize("make", [MAKERS["stacked"], MAKERS["pooled"]], ids=["stacked", "pooled"])
def test_bursts_do_not_carry_a_robust_fit_away(make: Make) -> None:
    """One lesson in ten is far off, always upwards: the median's coefficients come out."""
    model, columns = make(), np.random.default_rng(1).normal(0, 1, (N, C))
    _teach(model, 600, bursts=0.1)

    assert model.predict(columns) == pytest.approx(columns @ TRUE, abs=0.12)


@pytest.mark.parametrize("name", ["stacked", "river"])
def test_a_series_that_begins_anew_forgets_alone(name: str) -> None:
    """The row that is reset says "as now"; the others keep what they know."""
    model, columns = MAKERS[name](), np.ones((N, C))
    _teach(model, 200)
    before = model.predict(columns)
    model.reset(np.asarray([2]))
    after = model.predict(columns)

    assert after[2] == 0
    assert np.delete(after, 2) == pytest.approx(np.delete(before, 2))


def test_doubt_stays_bounded_where_nothing_is_seen() -> None:
    """A column that is always 0 for a month does not make the next lesson explode."""
    model = StackedRegression(1, 2, doubt=1.0, memory=1)
    rng = np.random.default_rng(0)
    for _ in range(20_000):
        value = rng.normal()
        model.learn(np.asarray([[value, 0.0]]), np.asarray([0.5 * value]))
    model.learn(np.asarray([[0.0, 1.0]]), np.asarray([0.4]))
    said: Array = model.predict(np.asarray([[1.0, 1.0]]))

    assert np.isfinite(said).all()
    assert abs(said[0]) < 1.2
