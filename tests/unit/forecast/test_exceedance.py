"""A chance read off quantiles."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from scipy.stats import norm

from forecast.exceedance import LEAST, MOST, exceedance

LEVELS = (0.5, 0.9, 0.95, 0.99)


@given(st.floats(-2, 2), st.floats(0.01, 1), st.floats(-3, 3))
def test_a_normal_distribution_is_met_exactly(mean: float, spread: float, score: float) -> None:
    """Between the quantiles and beyond them."""
    values = norm.ppf(LEVELS, mean, spread)[:, np.newaxis]
    (found,) = exceedance(LEVELS, values, mean + score * spread)

    assert found == pytest.approx(norm.sf(score), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3), st.floats(-3, 3), st.floats(0, 2))
def test_a_higher_limit_is_passed_no_more_often(
    margins: list[float], limit: float, more: float
) -> None:
    """Whatever the quantiles, also where they all are one; and nothing is certain."""
    values = np.cumsum([0.0, *margins])[:, np.newaxis]
    (low,), (high,) = exceedance(LEVELS, values, limit), exceedance(LEVELS, values, limit + more)

    assert LEAST <= high <= low <= MOST


def test_a_limit_at_a_quantile_is_passed_as_often_as_it_says() -> None:
    """The P95 is passed in 5 of 100, series by series."""
    values = np.asarray([[0.0, 1.0], [0.2, 1.5], [0.3, 1.6], [0.9, 1.7]])

    assert exceedance(LEVELS, values, values[2]) == pytest.approx([0.05, 0.05])
