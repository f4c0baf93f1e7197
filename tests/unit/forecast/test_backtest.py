"""Living through a past: nothing from the future, and figures that can be checked by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from forecast.backtest import Past, backtest, coming_peaks, usual_warm_up

STEP = timedelta(minutes=30)
DAY = 48


def _past(days: int, *, seed: int = 1, names: tuple[str, ...] = ("a", "b")) -> Past:
    rng = np.random.default_rng(seed)
    steps = np.arange(days * DAY)[:, np.newaxis]
    values = (2 + np.sin(2 * np.pi * steps / DAY)) * np.exp(
        rng.normal(0, 0.05, (len(steps), len(names)))
    )
    return Past(names=names, start=datetime(2024, 1, 1, tzinfo=UTC), step=STEP, values=values)


def test_the_naive_errors_are_those_anyone_would_count() -> None:
    """Last value and yesterday's window, recomputed from the values alone."""
    past = _past(6)
    judged = backtest(past, (4,), warm_up=3 * DAY)
    score = judged.scores[0]
    numbers = range(3 * DAY, 6 * DAY - 4)
    values = past.values[:, 0]
    truth = np.asarray([values[t + 1 : t + 5].max() for t in numbers])
    last = np.asarray([values[t] for t in numbers])
    day = np.asarray([values[t - DAY + 1 : t - DAY + 5].max() for t in numbers])

    def wape(said: np.ndarray) -> float:
        return float(100 * np.abs(said - truth).sum() / truth.sum())

    assert score.n == len(truth)
    assert score.mean_peak == pytest.approx(truth.mean())
    assert score.wape_naive_pct["last"] == pytest.approx(wape(last), rel=1e-3)
    assert score.wape_naive_pct["day"] == pytest.approx(wape(day), rel=1e-3)
    assert score.wape_pct == pytest.approx(wape(judged.medians[4][3 * DAY : -4, 0]))
    held = truth <= judged.uppers[4][3 * DAY : -4, 0]
    assert score.coverage_pct[0.95] == pytest.approx(100 * held.mean())


def test_the_future_changes_no_forecast() -> None:
    """Turning everything after a moment upside down leaves every forecast before it as is."""
    past, cut = _past(6), 4 * DAY
    other = past.values.copy()
    other[cut:] = 10 - other[cut:]
    before = backtest(past, (2, 6), warm_up=2 * DAY)
    after = backtest(replace(past, values=other), (2, 6), warm_up=2 * DAY)

    for steps in (2, 6):
        assert np.array_equal(
            before.medians[steps][:cut], after.medians[steps][:cut], equal_nan=True
        )
        assert np.array_equal(before.uppers[steps][:cut], after.uppers[steps][:cut], equal_nan=True)
    assert not np.array_equal(before.medians[2][cut:], after.medians[2][cut:])


@pytest.mark.slow
def test_a_daily_cycle_is_forecast_better_than_naively() -> None:
    """After two weeks the forecast beats the best naive one, and its bounds hold."""
    judged = backtest(_past(24), (4,), warm_up=12 * DAY)

    for score in judged.scores:
        assert score.wape_pct is not None
        assert score.wape_best_naive_pct is not None
        assert score.wape_pct < score.wape_best_naive_pct
        assert score.coverage_pct[0.95] == pytest.approx(95, abs=3.5)


def test_what_was_not_observed_is_not_judged() -> None:
    """A gap takes the predictions from it and those whose window it fills by half."""
    past = _past(6)
    values = past.values.copy()
    values[4 * DAY : 4 * DAY + 10, 0] = np.nan
    judged = backtest(replace(past, values=values), (4,), warm_up=3 * DAY)
    gappy, whole = judged.scores

    assert whole.n - gappy.n == 10 + 2


def test_a_series_of_nothing_has_no_error_and_breaks_nothing() -> None:
    """Neither one that is always 0 nor one that was never observed."""
    past = _past(4)
    past.values[:, 0], past.values[:, 1] = 0.0, np.nan
    zero, never = backtest(past, (4,), warm_up=2 * DAY).scores

    assert (zero.wape_pct, zero.wape_best_naive_pct) == (None, None)
    assert zero.coverage_pct[0.95] == 100
    assert (never.n, never.mean_peak, never.coverage_pct[0.95]) == (0, None, None)


def test_the_peak_is_that_of_the_steps_to_come() -> None:
    """Now is no part of the window; half of it must have been observed."""
    values = np.asarray([[9.0], [1.0], [3.0], [np.nan], [np.nan], [np.nan], [2.0]])

    assert coming_peaks(values, 2)[:, 0] == pytest.approx(
        [3, 3, np.nan, np.nan, 2, np.nan, np.nan], nan_ok=True
    )


def test_half_is_warm_up_and_fourteen_days_at_most() -> None:
    """Two weeks of 5-minute steps: the first one; a year: the first two weeks."""
    step = timedelta(minutes=5)

    assert usual_warm_up(14 * 288, step) == 7 * 288
    assert usual_warm_up(365 * 288, step) == 14 * 288
