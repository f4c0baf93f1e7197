"""Realised coverage, and when it is worth an alarm."""

import numpy as np
import pytest

from forecast.coverage import Coverage, CoverageCount, wilson


def _covered(share: float, *, level: float = 0.95, independent: int = 1000) -> Coverage:
    return Coverage(level=level, share=share, outcomes=independent * 12, independent=independent)


@pytest.mark.parametrize(
    ("coverage", "is_off"),
    [
        (_covered(0.95), False),
        (_covered(0.925), False),
        (_covered(0.90), True),
        (_covered(0.99), True),
        (_covered(0.90, independent=10), False),
        (_covered(0.985, level=0.99), False),
        (_covered(0.97, level=0.99), True),
        (_covered(float("nan"), independent=0), False),
    ],
)
def test_coverage_is_off_beyond_its_tolerance_with_enough_outcomes(
    coverage: Coverage, *, is_off: bool
) -> None:
    """3 points, at P99 1 point; and never on a handful of outcomes that chance explains."""
    assert coverage.is_off is is_off


def test_the_window_slides() -> None:
    """Only the newest steps count; truths that did not come do not."""
    count = CoverageCount((0.9, 0.99), window=10, overlap=2)
    margins = np.asarray([[1.0, 2.0], [1.0, 2.0]])
    for _ in range(10):
        count.take(np.asarray([5.0, 5.0]), margins)
    for _ in range(10):
        count.take(np.asarray([1.5, np.nan]), margins)
    low, high = count.found()

    assert (low.share, high.share) == (0.0, 1.0)
    assert (low.outcomes, low.independent) == (10, 5)


def test_wilson_is_wide_for_few_and_whole_for_none() -> None:
    """The interval of 19 of 20 that is quoted with figures."""
    assert wilson(19, 20) == pytest.approx((0.764, 0.991), abs=0.001)
    assert wilson(0, 0) == (0.0, 1.0)
