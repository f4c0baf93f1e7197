"""The recent past of every watched series, side by side, in log scale."""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_FLOOR = 1e-6
"""Loads below a millionth of the scale count as that: silence has no logarithm."""


class History:
    """A sliding window over the last steps of `n_series` series; rows are steps, oldest first."""

    def __init__(self, n_series: int, depth: int) -> None:
        """Begin empty.

        Args:
            n_series: Columns.
            depth: Steps that can be looked back at.
        """
        self.depth = depth
        self._rows: Array = np.empty((2 * depth, n_series))
        self._end = 0
        self._seen = 0

    def __len__(self) -> int:
        """Steps that can be looked back at now."""
        return min(self._seen, self.depth)

    def append(self, values: Array) -> None:
        """Add one step of raw values, shape (n_series,)."""
        if self._end == len(self._rows):
            self._rows[: self.depth] = self._rows[self.depth :]
            self._end = self.depth
        self._rows[self._end] = np.log(np.maximum(values, _FLOOR))
        self._end += 1
        self._seen += 1

    def lag(self, steps: int) -> Array:
        """Log values `steps` ago (0: the newest), or the oldest known; shape (n_series,)."""
        row: Array = self._rows[self._end - 1 - min(steps, len(self) - 1)]
        return row

    def window(self, newest: int, length: int) -> Array:
        """Log values of `length` steps ending `newest` steps ago, shape (<= length, n_series)."""
        last = min(newest, len(self) - 1)
        first = min(last + length - 1, len(self) - 1)
        return self._rows[self._end - 1 - first : self._end - last]

    def peak(self, newest: int, length: int) -> Array:
        """The highest of a window per series, shape (n_series,)."""
        highest: Array = self.window(newest, length).max(axis=0)
        return highest
