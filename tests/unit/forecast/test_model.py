"""One horizon's model: calibrated, better than naive, and never stuck in nonsense."""

import math
import pickle
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from forecast.calendar_events import Calendar, KnownEvent
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


def _run(
    values: np.ndarray, calendar: Calendar | None = None
) -> tuple[PeakModel, list[Prediction | None]]:
    history = History(values.shape[1], 7 * DAY + 1)
    model = PeakModel(
        values.shape[1], HORIZON, step=STEP, quantile=0.95, window=1000, calendar=calendar
    )
    out = []
    for index, row in enumerate(values):
        history.append(row)
        out.append(model.step(history, START + index * STEP))
    return model, out


@pytest.mark.slow
def test_upper_bounds_cover_as_often_as_they_say() -> None:
    """On a noisy daily cycle each level holds within 2 points, and the median beats 'as now'."""
    values = _days(40, seed=1)
    model, predictions = _run(values)
    late = range(20 * DAY, len(values) - HORIZON)
    peaks = np.asarray([values[i + 1 : i + 1 + HORIZON].max(axis=0) for i in late])
    found = [prediction for prediction in predictions if prediction is not None]
    assert len(found) == len(predictions)
    upper = np.asarray([found[i].peak_upper for i in late])
    median = np.asarray([found[i].peak for i in late])
    naive = np.abs(values[late.start : late.stop] - peaks).mean()

    for place, level in enumerate(model.levels):
        held = (peaks <= upper[:, place]).mean()
        assert held == pytest.approx(level, abs=0.02 if level < 0.99 else 0.008)
    assert model.coverage == pytest.approx(0.95, abs=0.02)
    assert not any(coverage.is_off for coverage in model.coverages())
    assert np.abs(median - peaks).mean() < 0.5 * naive


def test_a_short_past_gives_a_forecast_that_yesterday_has_no_part_in() -> None:
    """From the second step on there is a forecast; daily guesses join after a day."""
    _, predictions = _run(_days(2, seed=2))
    early, late = predictions[2], predictions[DAY + 1]

    assert early is not None
    assert late is not None
    assert np.isfinite(early.peak).all()
    assert np.isnan(early.peak_naive[1:]).all()
    assert np.isfinite(late.peak_naive[:5]).all()
    assert np.isnan(late.peak_naive[5:]).all()


def test_nothing_seen_is_nothing_said() -> None:
    """Until some series has a value there is no forecast; afterwards there is one for it."""
    values = np.full((10, 2), np.nan)
    values[4:, 1] = 3.0
    _, predictions = _run(values)

    assert predictions[:4] == [None] * 4
    assert predictions[4] is not None
    assert predictions[9] is not None
    assert predictions[9].peak[1] == pytest.approx(3.0, rel=0.05)


@settings(max_examples=20, deadline=None)
@given(
    arrays(
        np.float64,
        (3 * DAY, 2),
        elements=st.one_of(
            st.floats(0, 10),
            st.just(0.0),
            st.just(math.nan),
            st.floats(-1e9, 1e30),
            st.just(1e-200),
        ),
    )
)
def test_whatever_comes_what_is_said_is_finite_and_in_order(values: np.ndarray) -> None:
    """Gaps, zeros, steps of thirty decades and nonsense: bounds are numbers above the median's."""
    _, predictions = _run(values)

    for found in predictions:
        if found is not None:
            assert np.isfinite(found.peak).all()
            assert np.isfinite(found.peak_upper).all()
            assert (found.peak_upper >= 0).all()
            assert (np.diff(found.peak_upper, axis=0) >= 0).all()


def test_a_model_that_went_astray_begins_anew() -> None:
    """NaN in a model costs that series its memory, not its forecast."""
    values = _days(3, seed=4)
    history = History(2, 7 * DAY + 1)
    model = PeakModel(2, HORIZON, step=STEP)
    for index in range(len(values) + 2 * HORIZON):
        if index == len(values):
            for expert in model._experts:
                expert.model.learn(np.full((2, expert.columns.size), np.nan), np.ones(2))
        history.append(values[index % DAY])
        found = model.step(history, START + index * STEP)

    assert found is not None
    assert np.isfinite(found.peak).all()
    assert model.resets > 0


def test_steady_series_are_forecast_as_they_are() -> None:
    """A constant stays, zero stays zero, and their bounds hold."""
    values = np.column_stack([np.full(6 * DAY, 5e9), np.zeros(6 * DAY)])
    model, predictions = _run(values)
    last = predictions[-1]

    assert last is not None
    assert last.peak == pytest.approx([5e9, 0.0], rel=1e-3)
    assert model.coverage == 1.0


def _errors(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean errors of the median and the best naive forecast, and the P95s, of the second half."""
    _, predictions = _run(values)
    late = range(len(values) // 2, len(values) - HORIZON)
    peaks = np.asarray([values[i + 1 : i + 1 + HORIZON].max(axis=0) for i in late])
    found = [predictions[i] for i in late]
    median = np.asarray([it.peak for it in found if it])
    naive = np.asarray([it.peak_naive for it in found if it])
    best = np.abs(naive - peaks[:, np.newaxis]).mean(axis=0).min(axis=0)
    return (
        np.abs(median - peaks).mean(axis=0),
        best,
        np.asarray([it.peak_upper[1] for it in found if it]),
    )


def test_a_link_that_is_idle_by_night_is_forecast_no_worse_than_naively() -> None:
    """What errs by much in logarithms and little in bits does not decide who is trusted."""
    values = _days(20, seed=11)
    hours = np.arange(len(values)) % DAY / 2
    busy = np.random.default_rng(11).random(values.shape) < 0.02
    values = np.where(((hours > 6) & (hours < 18))[:, np.newaxis] | busy, values, 0.0)
    error, best, _ = _errors(values)

    assert (error < 0.95 * best).all()


def test_bounds_of_a_half_idle_link_stay_near_its_highest_load() -> None:
    """A link that is on or off at random: a P95 is no fifty times what it ever carried."""
    rng = np.random.default_rng(12)
    values = _days(20, seed=12) * (rng.random((20 * DAY, 2)) < 0.5)
    _, _, upper = _errors(values)

    assert (upper < 2 * values.max(axis=0)).all()


def test_a_known_event_is_learnt() -> None:
    """Every third night a backup doubles the load: told of it, the forecast errs half as much."""
    rng = np.random.default_rng(7)
    values = np.exp(rng.normal(0, 0.03, (45 * DAY, 1)))
    nights = [START + timedelta(days=day, hours=2) for day in rng.permutation(45)[:20].tolist()]
    events = [
        KnownEvent(start=night, end=night + 6 * STEP, what="backup") for night in sorted(nights)
    ]
    for event in events:
        first = round((event.start - START) / STEP)
        values[first : first + 6] *= 2.0
    peaks = np.asarray(
        [values[i + 1 : i + 1 + HORIZON].max() for i in range(len(values) - HORIZON)]
    )

    def error(calendar: Calendar) -> float:
        _, predictions = _run(values, calendar)
        found = [p.peak[0] if p else math.nan for p in predictions[: len(peaks)]]
        return float(np.abs(np.asarray(found) - peaks)[25 * DAY :].mean())

    assert error(Calendar(events)) < 0.5 * error(Calendar())


def test_a_model_goes_on_where_it_was_saved() -> None:
    """Pickled and read back in the middle, it says what it would have said."""
    values = _days(3, seed=8)
    whole = _run(values)[1][-1]
    history, model = History(2, 7 * DAY + 1), PeakModel(2, HORIZON, step=STEP, window=1000)
    for index, row in enumerate(values):
        if index == 2 * DAY:
            history, model = pickle.loads(pickle.dumps((history, model)))  # noqa: S301 - our own
        history.append(row)
        found = model.step(history, START + index * STEP)

    assert whole is not None
    assert found is not None
    assert found.peak_upper.tolist() == whole.peak_upper.tolist()
