"""Models that went astray, and errors that changed in size."""

import numpy as np

from forecast.drift import ErrorDrift
from forecast.guards import SkillGuard


def test_a_model_much_worse_than_as_now_is_found_astray() -> None:
    """Twice the naive error for long enough; a good one and a new one are left alone."""
    guard, rng = SkillGuard(2, overlap=1), np.random.default_rng(1)
    found = [
        guard.astray(np.asarray([truth + 1.0, truth]), np.asarray([truth, truth])).tolist()
        for truth in rng.normal(0, 0.2, 150)
    ]

    assert not any(found[:100])
    assert [0] in found
    assert all(1 not in rows for rows in found)
    assert guard.resets >= 1


def test_a_guess_that_is_no_number_is_astray_at_once() -> None:
    """Nothing comes back from NaN by itself."""
    guard = SkillGuard(3, overlap=12)

    assert guard.lost(np.asarray([0.0, np.nan, np.inf])).tolist() == [1, 2]
    assert guard.resets == 2


def test_errors_that_change_in_size_are_noticed_and_steady_ones_are_not() -> None:
    """ADWIN fires on the row whose errors grew fivefold, and on no other."""
    drift, rng = ErrorDrift(2, every=1), np.random.default_rng(3)
    found: list[int] = []
    for step in range(1200):
        scale = np.asarray([5.0 if step > 600 else 1.0, 1.0])
        found += drift.take(rng.normal(0, 0.1, 2) * scale).tolist()

    assert 0 in found
    assert 1 not in found
    assert drift.seen == len(found)


def test_missing_errors_are_not_looked_at() -> None:
    """A series without truths never drifts."""
    drift = ErrorDrift(1, every=2)

    assert not any(drift.take(np.asarray([np.nan])).size for _ in range(50))
