"""How often bounds have held of late, and whether that is what was promised."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from forecast.history import Array

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The share of recent truths at or below one upper quantile.

    Attributes:
        level: What was promised, e.g. 0.95.
        share: What came; NaN before the first.
        outcomes: Truths behind it.
        independent: As many as would say the same if they did not overlap.
    """

    level: float
    share: float
    outcomes: int
    independent: int

    @property
    def tolerance(self) -> float:
        """How far the share may be off: 3 points, and 1 point from P99 on."""
        return 0.01 if self.level >= 0.99 else 0.03

    @property
    def is_off(self) -> bool:
        """Whether it is further off than that, with enough outcomes to say so."""
        if not self.independent or abs(self.share - self.level) <= self.tolerance:
            return False
        low, high = wilson(round(self.share * self.independent), self.independent)
        return not low <= self.level <= high


class CoverageCount:
    """Counts over a sliding window, all series together."""

    def __init__(self, levels: Sequence[float], *, window: int, overlap: int) -> None:
        """Begin without outcomes.

        Args:
            levels: E.g. 0.9, 0.95, 0.99.
            window: How many steps are looked back.
            overlap: Steps after which an outcome is a new one: the horizon.
        """
        self._levels = tuple(levels)
        self._overlap = max(1, overlap)
        self._steps: deque[tuple[int, ...]] = deque(maxlen=window)
        self._sums = np.zeros(len(self._levels) + 1, dtype=np.int64)

    def take(self, errors: Array, margins: Array) -> None:
        """Judge one step; arguments as of `ErrorQuantiles.learn`."""
        is_known = np.isfinite(errors)
        held = (errors[:, np.newaxis] <= margins)[is_known].sum(axis=0)
        step = (*held.tolist(), int(is_known.sum()))
        if len(self._steps) == self._steps.maxlen:
            self._sums -= self._steps[0]
        self._steps.append(step)
        self._sums += step

    def found(self) -> tuple[Coverage, ...]:
        """One per level."""
        *held, outcomes = self._sums.tolist()
        return tuple(
            Coverage(
                level=level,
                share=count / outcomes if outcomes else float("nan"),
                outcomes=outcomes,
                independent=outcomes // self._overlap,
            )
            for level, count in zip(self._levels, held, strict=True)
        )


def wilson(count: int, of: int) -> tuple[float, float]:
    """The Wilson score interval of a share at 95 %; 0 to 1 where nothing was counted."""
    if of <= 0:
        return 0.0, 1.0
    interval = binomtest(count, of).proportion_ci(_CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)
