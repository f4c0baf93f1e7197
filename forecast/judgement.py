"""How good the forecasts of one horizon turned out: errors against the naive, chances against fate.

Every forecast waits here for its peak. What came teaches the calibration of the chances to pass the
limit, and keeps the running errors that are published.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from forecast.calibration import Calibration
from forecast.exceedance import exceedance
from forecast.features import NAIVE
from forecast.history import Array
from forecast.model import Prediction
from forecast.score import Scores

_FADE = 0.9995
"""Of errors, per step."""
_SAYS_NOTHING = 1e-3
"""Chances below this are not counted into the calibration: there are too many of them."""
_LEAST_LOAD = 1e-9
_FEEDBACK_WEIGHT = 20.0
"""One failure that really came counts as this many steps."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Waiting:
    """One step's forecasts of every link; single precision, for many wait."""

    guesses: np.ndarray
    """Median first, then the naive ones, shape (1 + len(NAIVE), n_links)."""
    stated: Array
    chances: Array


class HorizonJudge:
    """Judges one horizon's forecasts of link loads."""

    def __init__(self, horizon_steps: int, limit: float) -> None:
        """Begin without forecasts.

        Args:
            horizon_steps: After how many steps a forecast's peak is known.
            limit: Load ratio a link may reach.
        """
        self.horizon_steps = horizon_steps
        self._limit = limit
        self._calibration = Calibration()
        self._waiting: deque[_Waiting] = deque()
        self._errors: Array = np.zeros(1 + len(NAIVE))
        self._peaks: Array = np.zeros(1 + len(NAIVE))

    def promise(self, prediction: Prediction, n_links: int) -> Array:
        """Keep the forecasts of the first so many series; their calibrated chances."""
        levels = (0.5, *prediction.levels)
        values = np.vstack([prediction.peak, prediction.peak_upper])[:, :n_links]
        logs = np.log(np.maximum(values, _LEAST_LOAD))
        stated = exceedance(levels, logs, float(np.log(self._limit)))
        chances = self._calibration.calibrated(stated)
        guesses = np.vstack([prediction.peak[:n_links], prediction.peak_naive[:, :n_links]])
        waiting = _Waiting(guesses=guesses.astype(np.float32), stated=stated, chances=chances)
        self._waiting.append(waiting)
        return chances

    def settle(self, peaks: Array) -> None:
        """Judge the forecasts made a horizon ago by the peaks that came, NaN where not known.

        To be called at every step, before it is forecast from.
        """
        if len(self._waiting) < self.horizon_steps:
            return
        past = self._waiting.popleft()
        came = np.isfinite(peaks)
        matters = came & (past.stated > _SAYS_NOTHING)
        happened = (peaks[matters] > self._limit).astype(np.float64)
        self._calibration.learn(past.stated[matters], past.chances[matters], happened)
        is_known = np.isfinite(past.guesses) & came
        off = np.where(is_known, np.abs(past.guesses - peaks), 0.0).sum(axis=1)
        self._errors = _FADE * self._errors + off
        self._peaks = _FADE * self._peaks + np.where(is_known, peaks, 0.0).sum(axis=1)

    def feed_back(self, chance: float, *, happened: bool) -> None:
        """Take note of what a chance that was warned of came to, on the day of the failure."""
        stated = np.asarray([chance])
        came = np.asarray([float(happened)])
        self._calibration.learn(stated, stated, came, weight=_FEEDBACK_WEIGHT)

    def forget_waiting(self) -> None:
        """Drop forecasts whose series mean something else from now on."""
        self._waiting.clear()

    @property
    def scores(self) -> Scores:
        """Of the chances: calibrated, with the stated ones for a baseline."""
        return self._calibration.scores

    @property
    def wape(self) -> tuple[float, float, float] | None:
        """Error of the median, of the last value, of the best naive forecast; None before any."""
        if not self._peaks[0] > 0:
            return None
        shares = self._errors / np.where(self._peaks > 0, self._peaks, np.nan)
        last = float(shares[1 + NAIVE.index("last")])
        return float(shares[0]), last, float(np.nanmin(shares[1:]))
