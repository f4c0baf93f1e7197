"""Forecasts held against what came."""

import numpy as np
import pytest

from forecast.features import NAIVE
from forecast.judgement import HorizonJudge
from forecast.model import Prediction

LEVELS = (0.9, 0.95, 0.99)
LIMIT = 0.8


def _said(median: float, naive: float, n_links: int = 4) -> Prediction:
    """The same of every link: a median, bounds 10, 20 and 40 % above, every naive guess alike."""
    row = np.full(n_links, median)
    return Prediction(
        levels=LEVELS,
        peak=row,
        peak_upper=np.vstack([1.1 * row, 1.2 * row, 1.4 * row]),
        peak_naive=np.full((len(NAIVE), n_links), naive),
    )


def test_errors_are_of_the_peak_a_horizon_later() -> None:
    """The forecast is 10 % off, the naive 50 %; a peak nobody saw counts for nothing."""
    judge = HorizonJudge(2, LIMIT)
    assert judge.wape is None
    for _ in range(10):
        judge.settle(np.asarray([1.0, 1.0, 1.0, np.nan]))
        judge.promise(_said(0.9, 0.5), 4)

    assert judge.wape == pytest.approx((0.1, 0.5, 0.5))


def test_chances_follow_the_distance_to_the_limit_and_what_came() -> None:
    """Above the limit is likely, far below is not; when it never comes, it is believed less."""
    judge = HorizonJudge(1, LIMIT)
    near, far = (judge.promise(_said(median, 0.5), 4)[0] for median in (0.85, 0.2))
    for _ in range(500):
        judge.settle(np.full(4, 0.5))
        judge.promise(_said(0.85, 0.5), 4)
    learnt = judge.promise(_said(0.85, 0.5), 4)[0]

    assert near > 0.5
    assert far < 0.001
    assert learnt < near / 4
    assert judge.scores.brier < judge.scores.brier_baseline


def test_one_day_of_failure_counts_more_than_a_step() -> None:
    """What a chance came to on the day moves it at once."""
    judge = HorizonJudge(1, LIMIT)
    before = judge.promise(_said(0.85, 0.5, 1), 1)[0]
    for _ in range(10):
        judge.feed_back(before, happened=False)

    assert judge.promise(_said(0.85, 0.5, 1), 1)[0] < 0.7 * before


def test_what_waits_for_another_network_is_dropped() -> None:
    """After a change of routing nothing is judged by the wrong series."""
    judge = HorizonJudge(2, LIMIT)
    judge.promise(_said(9.0, 9.0), 4)
    judge.forget_waiting()
    for _ in range(3):
        judge.settle(np.ones(4))
        judge.promise(_said(1.0, 1.0), 4)

    assert judge.wape == pytest.approx((0, 0, 0))
