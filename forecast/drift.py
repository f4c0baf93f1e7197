"""Whether a series has begun to be predicted differently well than before.

river's ADWIN (Bifet and Gavalda, SDM 2007) watches the size of the errors. On raw load it would
fire with every sunrise.
"""

import numpy as np
from river import drift

from forecast.history import Array


class ErrorDrift:
    """An ADWIN per series on the absolute error."""

    def __init__(self, n_series: int, *, every: int) -> None:
        """Begin without errors.

        Args:
            n_series: How many are watched.
            every: Only one error in so many is looked at: errors of overlapping windows repeat
                each other, which a detector would take for change.
        """
        self._detectors = [_detector() for _ in range(n_series)]
        self._every, self._count = max(1, every), 0
        self.seen = 0
        """Changes found so far."""

    def take(self, errors: Array) -> np.ndarray:
        """The rows whose errors have changed in size with this one; NaN is not looked at."""
        self._count += 1
        if self._count % self._every:
            return np.empty(0, dtype=np.int64)
        changed = []
        for row, size in enumerate(np.abs(errors).tolist()):
            if size == size:  # noqa: PLR0124 - false for NaN, and this loop is hot
                detector = self._detectors[row]
                detector.update(size)  # type: ignore[no-untyped-call]
                if detector.drift_detected:
                    changed.append(row)
        self.seen += len(changed)
        return np.asarray(changed, dtype=np.int64)


def _detector() -> drift.ADWIN:
    return drift.ADWIN()  # type: ignore[no-untyped-call]
