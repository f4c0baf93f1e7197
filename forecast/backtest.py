"""What the forecast would have been worth on a past: predict, wait, learn, and count.

Every prediction is made from what lies before it alone and is judged when its window is over. The
first part of the past, the warm-up, teaches and is not judged: the first half, fourteen days at
most. After it every prediction counts whose present was observed and whose window was observed for
at least one half of its steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from forecast.calendar_events import Calendar
from forecast.features import NAIVE
from forecast.history import Array, History
from forecast.model import LEVELS, PeakModel, Prediction
from forecast.spikes import SpikeScore, SpikeTerms, find_spikes, judge

_LONGEST_WARM_UP = timedelta(days=14)
_WINDOW = timedelta(days=7)
_LEAST_WINDOW = 512
"""Steps of past errors the bounds are read from: a week, and enough for a P99."""
_ENOUGH = 0.5
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Past:
    """Series over consecutive intervals.

    Attributes:
        names: One per series.
        start: Of the first interval.
        step: Length of an interval.
        values: Shape (n_steps, n_series); NaN where nothing was observed.
    """

    names: tuple[str, ...]
    start: datetime
    step: timedelta
    values: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesScore:
    """One series and horizon, judged; errors in percent of the summed peaks, None without any.

    Attributes:
        n: Predictions judged.
        wape_naive_pct: By name of the naive forecast; None where it was not there to the end.
        coverage_pct: Share of peaks at or below the quantile, by level.
        pinball_pct: Mean pinball loss, by level.
    """

    series: str
    horizon: timedelta
    n: int
    mean_peak: float | None
    wape_pct: float | None
    wape_naive_pct: dict[str, float | None]
    coverage_pct: dict[float, float | None]
    pinball_pct: dict[float, float | None]
    spikes: SpikeScore
    spikes_last: SpikeScore
    spikes_day_delta: SpikeScore

    @property
    def wape_best_naive_pct(self) -> float | None:
        """The lowest of the naive errors."""
        known = [error for error in self.wape_naive_pct.values() if error is not None]
        return min(known) if known else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A whole backtest.

    Attributes:
        warm_up: Steps that were not judged.
        scores: Horizon by horizon, in the order of the series.
        medians: Forecast peaks by horizon in steps, shape (n_steps, n_series).
        uppers: Their P95.
    """

    past: Past
    warm_up: int
    scores: tuple[SeriesScore, ...]
    medians: dict[int, Array]
    uppers: dict[int, Array]


def usual_warm_up(n_steps: int, step: timedelta) -> int:
    """The steps that are not judged: the first half, fourteen days at most."""
    return min(n_steps // 2, round(_LONGEST_WARM_UP / step))


def backtest(
    past: Past,
    horizons: Sequence[int],
    *,
    warm_up: int,
    calendar: Calendar | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Judged:
    """Live through a past.

    Args:
        past: At least one step longer than the longest horizon.
        horizons: In steps, ascending.
        warm_up: Steps at the beginning that teach and are not judged.
        calendar: Known events.
        progress: Called with the number of each step when it is done.
    """
    n_steps, n_series = past.values.shape
    history = History(n_series, 7 * round(timedelta(days=1) / past.step) + 1)
    window = max(_LEAST_WINDOW, round(_WINDOW / past.step))
    models = [
        PeakModel(n_series, steps, step=past.step, window=window, calendar=calendar)
        for steps in horizons
    ]
    tallies = [_Tally(past, model, warm_up) for model in models]
    for number in range(n_steps):
        history.append(past.values[number])
        for tally in tallies:
            tally.take(number, history)
        progress(number)
    return Judged(
        past=past,
        warm_up=warm_up,
        scores=tuple(score for tally in tallies for score in tally.scores()),
        medians={tally.model.horizon_steps: tally.medians for tally in tallies},
        uppers={tally.model.horizon_steps: tally.uppers for tally in tallies},
    )


def coming_peaks(values: Array, horizon: int) -> Array:
    """The peak of the `horizon` steps after each; NaN where too little of them was observed."""
    n_steps, n_series = values.shape
    found = np.full((n_steps, n_series), np.nan)
    for number in range(n_steps - horizon):
        window = values[number + 1 : number + 1 + horizon]
        is_known = np.isfinite(window)
        highest = np.where(is_known, window, -np.inf).max(axis=0)
        found[number] = np.where(is_known.mean(axis=0) >= _ENOUGH, highest, np.nan)
    return found


class _Tally:
    """Counts one horizon of all series."""

    def __init__(self, past: Past, model: PeakModel, warm_up: int) -> None:
        self.model = model
        self._past, self._warm_up = past, warm_up
        self._peaks = coming_peaks(past.values, model.horizon_steps)
        n_steps, n_series = past.values.shape
        self.medians = np.full((n_steps, n_series), np.nan)
        self.uppers = self.medians.copy()
        self._delta = self.medians.copy()
        self._n = np.zeros(n_series, dtype=np.int64)
        self._sum: Array = np.zeros(n_series)
        self._error: Array = np.zeros(n_series)
        self._naive: Array = np.zeros((len(NAIVE), n_series))
        self._held: Array = np.zeros((len(LEVELS), n_series))
        self._pinball: Array = np.zeros((len(LEVELS), n_series))

    def take(self, number: int, history: History) -> None:
        """Predict after one step, and count at once what will only be known later."""
        at = self._past.start + number * self._past.step
        found = self.model.step(history, at)
        if found is None:
            return
        self.medians[number] = found.peak
        self.uppers[number] = found.peak_upper[found.levels.index(0.95)]
        self._delta[number] = found.peak_naive[NAIVE.index("day_delta")]
        if number >= self._warm_up:
            self._count(number, found)

    def scores(self) -> list[SeriesScore]:
        """One per series."""
        return [self._score(row, name) for row, name in enumerate(self._past.names)]

    def _count(self, number: int, found: Prediction) -> None:
        came = self._peaks[number]
        rows = np.flatnonzero(np.isfinite(came) & np.isfinite(self._past.values[number]))
        truth = came[rows]
        self._n[rows] += 1
        self._sum[rows] += truth
        self._error[rows] += np.abs(found.peak[rows] - truth)
        self._naive[:, rows] += np.abs(found.peak_naive[:, rows] - truth)
        places = np.asarray([found.levels.index(it) for it in LEVELS])
        above = truth - found.peak_upper[np.ix_(places, rows)]
        level = np.asarray(LEVELS)[:, np.newaxis]
        self._held[:, rows] += above <= 0
        self._pinball[:, rows] += np.where(above > 0, level * above, (level - 1) * above)

    def _score(self, row: int, name: str) -> SeriesScore:
        n, summed = int(self._n[row]), float(self._sum[row])

        def pct(part: float) -> float | None:
            return 100 * float(part) / summed if summed > 0 and np.isfinite(part) else None

        spikes, last, delta = self._spikes(row)
        return SeriesScore(
            series=name,
            horizon=self.model.horizon_steps * self._past.step,
            n=n,
            mean_peak=summed / n if n else None,
            wape_pct=pct(self._error[row]),
            wape_naive_pct={it: pct(self._naive[place, row]) for place, it in enumerate(NAIVE)},
            coverage_pct={
                it: 100 * float(self._held[place, row]) / n if n else None
                for place, it in enumerate(LEVELS)
            },
            pinball_pct={it: pct(self._pinball[place, row]) for place, it in enumerate(LEVELS)},
            spikes=spikes,
            spikes_last=last,
            spikes_day_delta=delta,
        )

    def _spikes(self, row: int) -> tuple[SpikeScore, SpikeScore, SpikeScore]:
        values, terms = self._past.values[:, row], self._terms()
        spikes = find_spikes(values, warm_up=self._warm_up, terms=terms)
        by_forecast, by_last, by_delta = (
            judge(spikes, score, warm_up=self._warm_up, terms=terms)
            for score in (self.medians[:, row], values, self._delta[:, row])
        )
        return by_forecast, by_last, by_delta

    def _terms(self) -> SpikeTerms:
        """A sixth of the horizon is the least lead, a quarter of an hour at least."""
        horizon = self.model.horizon_steps * self._past.step
        step = self._past.step
        lead = max(horizon / 6, min(timedelta(minutes=15), horizon / 2))
        quiet = min(max(horizon, _HOUR), 2 * _HOUR)
        return SpikeTerms(
            horizon=self.model.horizon_steps,
            lead=max(1, round(lead / step)),
            quiet=max(1, round(quiet / step)),
            trailing=max(1, round(_LONGEST_WARM_UP / step)),
        )
