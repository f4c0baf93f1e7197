"""The sliding window: what is looked back at is what was put in."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from forecast.history import FLOOR_SHARE, History

ANYTHING = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(0.0))


@given(st.integers(1, 6), st.lists(st.floats(1, 40), min_size=1, max_size=40), st.data())
def test_every_look_back_is_what_was_appended(
    depth: int, values: list[float], data: st.DataObject
) -> None:
    """Lags, windows and peaks agree with the plain list, also after the buffer has moved."""
    history, known = History(1, depth), []
    for value in values:
        history.append(np.asarray([value]))
        known.append(float(np.float32(np.log(value + history.offset[0]))))
    known = known[-depth:]
    newest = data.draw(st.integers(0, len(known) - 1))
    length = data.draw(st.integers(1, len(known) - newest))
    window = known[len(known) - newest - length : len(known) - newest]

    assert len(history) == len(known)
    assert history.lag(newest)[0] == known[-1 - newest]
    assert history.window(newest, length)[:, 0].tolist() == window
    assert history.peak(newest, length)[0] == max(window)
    assert history.mean(newest, length)[0] == pytest.approx(np.mean(window))


@given(st.lists(st.tuples(ANYTHING, ANYTHING), min_size=1, max_size=30))
def test_whatever_comes_the_past_is_finite(rows: list[tuple[float, float]]) -> None:
    """No number that a broken counter may send leaves a trace that cannot be computed with."""
    history = History(2, 5)
    for row in rows:
        history.append(np.asarray(row))

    assert np.isfinite(history.window(0, 5)).all()
    assert (history.loads(history.lag(0)) >= 0).all()


def test_values_come_back_from_their_logarithms() -> None:
    """What was put in is what `loads` gives back, zero included."""
    history = History(3, 4)
    for value in (5.0, 0.0, 7.0):
        history.append(np.asarray([value, value * 1e12, value * 1e-15]))
        scale = np.asarray([1, 1e12, 1e-15])

        assert history.loads(history.lag(0)) / scale == pytest.approx([value] * 3, abs=1e-4)


def test_what_was_not_observed_is_filled_and_told() -> None:
    """The value before stands in; missing, negative and infinite values are not observed."""
    history = History(1, 10)
    for value in (4.0, np.nan, -1.0, np.inf, 4.0):
        history.append(np.asarray([value]))

    assert np.allclose(history.window(0, 5), history.lag(0))
    assert history.observed_share(0, 5)[0] == pytest.approx(2 / 5)
    assert history.is_observed().tolist() == [True]


def test_a_late_series_begins_at_its_first_value() -> None:
    """Its age counts from there, and before it the series reads as it began."""
    history = History(2, 10)
    for step in range(6):
        history.append(np.asarray([1.0, np.nan if step < 4 else 9.0]))

    assert history.ages.tolist() == [6, 2]
    assert history.loads(history.window(0, 6))[:, 1] == pytest.approx([9.0] * 6, rel=1e-5)


def test_a_series_silent_for_too_long_begins_anew() -> None:
    """What it was long ago says nothing any more."""
    history = History(1, 10, patience=3)
    for value in (100.0, *[np.nan] * 4, 1.0):
        history.append(np.asarray([value]))

    assert history.ages.tolist() == [1]
    assert history.peak(0, 6)[0] == pytest.approx(np.log(1 + FLOOR_SHARE), rel=1e-5)


def test_lows_of_a_smaller_time_are_no_deeper_than_silence() -> None:
    """A series that grew a millionfold has a past near zero, not one that drowns what is new."""
    history = History(1, 10)
    for value in (1e-3, 1e-3, 1e3, 1e3, 1e3):
        history.append(np.asarray([value]))

    assert np.ptp(history.window(0, 5)) < 6
