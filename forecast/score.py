"""How good chances were that were given for things to happen, once it is known whether they did.

Two proper scores (Gneiting and Raftery, JASA 102(477), 2007): the Brier score, the mean squared
difference of chance and outcome, and the log score, which forgives no certainty that was wrong.
Both beside those of a baseline, over the recent past.
"""

from dataclasses import dataclass

import numpy as np

from forecast.history import Array

_MEMORY = 20_000.0
"""Outcomes after which an earlier one counts little (1/e)."""
_LEAST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Means over the recent past; lower is better. NaN before the first outcome."""

    brier: float
    brier_baseline: float
    log_loss: float
    outcomes: float
    """How many stand behind the means; old ones count less."""

    @property
    def skill(self) -> float:
        """1 - Brier score over the baseline's: above 0 is better than it."""
        return 1 - self.brier / self.brier_baseline if self.brier_baseline else 0.0


class ScoreKeeper:
    """Running scores of one kind of chance."""

    def __init__(self) -> None:
        """Begin without outcomes."""
        self._sums: Array = np.zeros(4)

    def take(self, chances: Array, baseline: Array, happened: Array) -> None:
        """Judge chances by what came; all of one shape, `happened` 0 or 1."""
        if not chances.size:
            return
        told = np.where(happened > 0, chances, 1 - chances)
        fresh = [
            float(((chances - happened) ** 2).sum()),
            float(((baseline - happened) ** 2).sum()),
            float(-np.log(np.maximum(told, _LEAST)).sum()),
            float(chances.size),
        ]
        self._sums = self._sums * np.exp(-chances.size / _MEMORY) + np.asarray(fresh)

    @property
    def scores(self) -> Scores:
        """As they stand."""
        brier, baseline, log_loss, outcomes = (float(value) for value in self._sums)
        if not outcomes:
            nan = float("nan")
            return Scores(brier=nan, brier_baseline=nan, log_loss=nan, outcomes=0.0)
        return Scores(
            brier=brier / outcomes,
            brier_baseline=baseline / outcomes,
            log_loss=log_loss / outcomes,
            outcomes=outcomes,
        )
