"""The recent past of every watched series, side by side, in log scale.

Logarithms make links of any size look alike, and silence has none. So each value is taken with a
small share of its own series' level added: nothing at all then reads as a deep but finite low, and
what happens near zero weighs as little in the logarithm as it does in bits per second.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

FLOOR_SHARE = 0.02
"""Share of a series' level that is added before the logarithm is taken."""
_LEAST = 1e-300
"""Stands for nothing at all where a series never had anything."""
_MOST = 1e300
"""Values from here on are nonsense, and the room above them is needed for sums."""
_LEVEL_RATE = 1e-3
"""How fast the level follows; slower than a day of 5-minute steps."""
_GROWN = 2.0
"""Growth of a series' level at which its past is looked at again."""
_SPARE = 8
"""The buffer is an eighth longer than what can be looked back at, so that it seldom moves."""


class History:
    """A sliding window over the last steps of `n_series` series; rows are steps, oldest first.

    A value that is missing (NaN), infinite or negative counts as not observed; the one before it
    stands in. A series that begins late reads as if it had always been at its first value, and one
    that was silent for longer than `patience` steps begins anew.
    """

    def __init__(self, n_series: int, depth: int, *, patience: int | None = None) -> None:
        """Begin empty.

        Args:
            n_series: Columns.
            depth: Steps that can be looked back at.
            patience: Steps without a value after which the past of a series is forgotten; `depth`
                if not given.
        """
        self.depth = depth
        self.n_series = n_series
        self.ages = np.zeros(n_series, dtype=np.int64)
        """Steps since each series began; 0 while nothing was observed."""
        self._patience = depth if patience is None else patience
        self._rows = np.zeros((depth + max(1, depth // _SPARE), n_series), dtype=np.float32)
        self._observed = np.zeros(self._rows.shape, dtype=np.bool_)
        self._level: Array = np.zeros(n_series)
        self._floor: Array = np.full(n_series, _LEAST)
        self._silent = np.zeros(n_series, dtype=np.int64)
        self._end = 0
        self._seen = 0

    def __len__(self) -> int:
        """Steps that can be looked back at now."""
        return min(self._seen, self.depth)

    @property
    def offset(self) -> Array:
        """What is added to the values of each series before the logarithm, shape (n_series,)."""
        offset: Array = np.maximum(self._level * FLOOR_SHARE, _LEAST)
        return offset

    def append(self, values: Array) -> None:
        """Add one step of raw values, shape (n_series,)."""
        values = np.asarray(values, dtype=np.float64)
        is_observed = np.isfinite(values) & (values >= 0) & (values < _MOST)
        begins = is_observed & ((self.ages == 0) | (self._silent > self._patience))
        self._follow_level(values, is_observed, begins)
        self._make_room()
        self._raise_floor()
        kept = np.where(is_observed, values, 0.0) + self.offset
        before = self._rows[self._end - 1] if self._seen else self._rows[0]
        self._rows[self._end] = np.where(is_observed, np.log(kept), before)
        self._observed[self._end] = is_observed
        if begins.any():
            self._rows[: self._end, begins] = self._rows[self._end, begins]
        self._silent = np.where(is_observed, 0, self._silent + 1)
        self.ages = np.where(begins, 1, np.where(self.ages > 0, self.ages + 1, 0))
        self._end += 1
        self._seen += 1

    def lag(self, steps: int) -> Array:
        """Log values `steps` ago (0: the newest), or the oldest known; shape (n_series,)."""
        row: Array = self._rows[self._end - 1 - min(steps, len(self) - 1)].astype(np.float64)
        return row

    def window(self, newest: int, length: int) -> Array:
        """Log values of `length` steps ending `newest` steps ago, shape (<= length, n_series)."""
        rows: Array = self._rows[self._span(newest, length)].astype(np.float64)
        return rows

    def mean(self, newest: int, length: int) -> Array:
        """The mean of a window of log values per series, shape (n_series,)."""
        mean: Array = self._rows[self._span(newest, length)].mean(axis=0, dtype=np.float64)
        return mean

    def peak(self, newest: int, length: int) -> Array:
        """The highest of a window per series, shape (n_series,)."""
        highest: Array = self._rows[self._span(newest, length)].max(axis=0).astype(np.float64)
        return highest

    def observed_share(self, newest: int, length: int) -> Array:
        """Which share of a window was observed rather than filled in, shape (n_series,)."""
        share: Array = self._observed[self._span(newest, length)].mean(axis=0)
        return share

    def is_observed(self) -> Mask:
        """Whether the newest value of each series is one, shape (n_series,)."""
        newest: Mask = self._observed[self._end - 1].copy()
        return newest

    def relative_load(self) -> Array:
        """The newest value with its offset over the series' level; 1 where there is no level.

        Never 0: an error made in silence counts by what it is off, as one made under load does.
        """
        load = np.exp(self.lag(0))
        return np.where(self._level > 0, load / np.maximum(self._level, _LEAST), 1.0)

    def loads(self, logs: Array) -> Array:
        """The raw values behind log values, never below 0."""
        with np.errstate(over="ignore"):
            found: Array = np.maximum(np.exp(logs) - self.offset, 0.0)
        return found

    def _span(self, newest: int, length: int) -> slice:
        last = min(newest, len(self) - 1)
        first = min(last + length - 1, len(self) - 1)
        return slice(self._end - 1 - first, self._end - last)

    def _follow_level(self, values: Array, is_observed: Mask, begins: Mask) -> None:
        rate = np.maximum(_LEVEL_RATE, 1.0 / (self.ages + 1.0))
        drift = np.where(is_observed, values - self._level, 0.0) * rate
        self._level = np.where(begins, np.where(is_observed, values, 0.0), self._level + drift)

    def _raise_floor(self) -> None:
        """Lows of a time when a series was far smaller are no deeper than silence is now."""
        grown = np.flatnonzero(self.offset > _GROWN * self._floor)
        if grown.size:
            self._floor[grown] = self.offset[grown]
            least = np.log(self._floor[grown]).astype(np.float32)
            self._rows[: self._end, grown] = np.maximum(self._rows[: self._end, grown], least)

    def _make_room(self) -> None:
        if self._end == len(self._rows):
            kept = self.depth - 1
            self._rows[:kept] = self._rows[self._end - kept : self._end].copy()
            self._observed[:kept] = self._observed[self._end - kept : self._end].copy()
            self._end = kept
