"""A past as somebody else wrote it down: a CSV of one series, of several, or of traffic matrices.

A header and a time column are there or not; both are found by what the first lines hold. Columns
named `A->B` are the cells of a matrix, in which blank means 0; anywhere else it means missing.
Several columns of numbers are taken as a whole unless one is asked for. Times are put on a regular
grid: what lacks is missing, what shares an interval is averaged.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from console.series_table import Table
from foreshadow.errors import ConfigError

DEFAULT_STEP = timedelta(minutes=5)
_UNDATED = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday: where the first interval is put if nobody says when it was."""
_ROUND_S = tuple(
    count * unit
    for unit, counts in (
        (1, (1, 2, 5, 10, 15, 20, 30)),
        (60, (1, 2, 3, 5, 10, 15, 20, 30)),
        (3600, (1, 2, 3, 4, 6, 8, 12, 24)),
    )
    for count in counts
)
"""Lengths of intervals people choose."""
_NEAR = 0.05
"""Clocks that jitter: an interval so near to a round one, or to the one asked for, is that."""
_LONGEST_GAP = 20
"""A grid is at most so many times as long as the file."""

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeriesFile:
    """The columns of numbers of a file over consecutive intervals.

    Attributes:
        values: Shape (n_steps, n_columns); NaN where nothing was observed.
        is_matrix: Its columns are demands between routers.
        notes: What was taken for granted, one sentence each.
    """

    path: Path
    names: tuple[str, ...]
    start: datetime
    step: timedelta
    values: Array
    is_matrix: bool
    notes: tuple[str, ...]

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """From and to router of each column of a matrix."""
        return tuple(tuple(part.strip() for part in name.split("->", 1)) for name in self.names)  # type: ignore[misc]

    def column(self, name: str) -> Array:
        """One column, shape (n_steps, 1).

        Raises:
            ConfigError: There is none of that name.
        """
        if name not in self.names:
            near = ", ".join(self.names[:5]) + (", ..." if len(self.names) > 5 else "")
            raise ConfigError(f"has no column {name!r} of numbers; it has {near}", path=self.path)
        return self.values[:, [self.names.index(name)]]

    def total(self) -> Array:
        """All columns together, shape (n_steps, 1); missing where every one is."""
        is_known = np.isfinite(self.values)
        summed = np.where(is_known, self.values, 0.0).sum(axis=1, keepdims=True)
        return np.where(is_known.any(axis=1, keepdims=True), summed, np.nan)


def read_series(path: Path, *, step: timedelta | None = None) -> SeriesFile:
    """The series of a CSV file (`.gz` too).

    Args:
        path: The file.
        step: Length of an interval; the file's own if not given, 5 minutes if it has no times.

    Raises:
        ConfigError: Names file, line and column, and what was expected.
    """
    table = Table.read(path)
    numbers = table.numbers()
    is_matrix = len(table.names) > 0 and all("->" in name for name in table.names)
    if is_matrix:
        numbers[np.isnan(numbers) & np.isfinite(numbers).any(axis=1, keepdims=True)] = 0.0
    notes = []
    wrong = np.isinf(numbers) | (numbers < 0)
    if wrong.any():
        notes.append(f"{int(wrong.sum())} values are negative or infinite and count as missing")
        numbers[wrong] = np.nan
    times = table.times()
    if times is None:
        start, own, values = _UNDATED, step or DEFAULT_STEP, numbers
        notes.append(f"no times: {own} intervals from a Monday 00:00 are assumed")
    else:
        start, own, values = _gridded(times, numbers, table, notes, asked=step)
    if step is not None and step != own:
        values = _coarser(values, own, step, path)
        own = step
    return SeriesFile(
        path=path,
        names=table.names,
        start=start,
        step=own,
        values=values,
        is_matrix=is_matrix,
        notes=tuple(notes),
    )


def _gridded(
    times: Array, numbers: Array, table: Table, notes: list[str], *, asked: timedelta | None
) -> tuple[datetime, timedelta, Array]:
    """The values on a regular grid, its start and its step."""
    path = table.path
    if len(times) < 2:
        raise ConfigError("has a single interval", path=path)
    order = np.argsort(times, kind="stable")
    if (order != np.arange(len(times))).any():
        first = int(np.flatnonzero(order != np.arange(len(times)))[0])
        notes.append(f"line {table.lines[first]} is not in order of time; the lines were sorted")
    sorted_times = times[order]
    gaps = np.diff(sorted_times)
    gaps = gaps[gaps > 0]
    if not gaps.size:
        raise ConfigError("all its times are the same", path=path, line=table.lines[0])
    step_s = _step_s(gaps, asked)
    places = np.floor((sorted_times - sorted_times[0]) / step_s + 0.5).astype(np.int64)
    n_steps = int(places[-1]) + 1
    if n_steps > _LONGEST_GAP * len(times) + 1000:
        jump = int(np.argmax(np.diff(sorted_times))) + 1
        raise ConfigError(
            f"jumps by {timedelta(seconds=float(np.diff(sorted_times)[jump - 1]))} in a file "
            f"of {timedelta(seconds=step_s)} intervals",
            path=path,
            line=table.lines[int(order[jump])],
        )
    values, shared = _averaged(numbers[order], places, n_steps)
    if shared:
        notes.append(f"{shared} lines share an interval with another and were averaged")
    if missing := n_steps - len(np.unique(places)):
        notes.append(f"{missing} of {n_steps} intervals are not in the file and count as missing")
    start = datetime.fromtimestamp(float(sorted_times[0]), UTC)
    return start, timedelta(seconds=step_s), values


def _step_s(gaps: Array, asked: timedelta | None) -> float:
    """The length of an interval by the gaps between rows."""
    usual = float(np.percentile(gaps, 50, method="lower"))
    wished = () if asked is None else (asked.total_seconds(),)
    for near in (*wished, *_ROUND_S):
        if abs(usual - near) <= _NEAR * near:
            return float(near)
    return max(1.0, float(np.round(usual)))


def _averaged(numbers: Array, places: np.ndarray, n_steps: int) -> tuple[Array, int]:
    is_known = np.isfinite(numbers)
    sums = np.zeros((n_steps, numbers.shape[1]))
    counts = np.zeros_like(sums)
    np.add.at(sums, places, np.where(is_known, numbers, 0.0))
    np.add.at(counts, places, is_known)
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, sums / counts, np.nan), len(places) - len(np.unique(places))


def _coarser(values: Array, own: timedelta, step: timedelta, path: Path) -> Array:
    """The means of longer intervals."""
    times = step / own
    if times < 1 or abs(times - round(times)) > 1e-6:
        raise ConfigError(
            f"its intervals are {own} long; --step {step} is no whole multiple of that", path=path
        )
    times = round(times)
    whole = values[: len(values) // times * times].reshape(-1, times, values.shape[1])
    is_known = np.isfinite(whole)
    counts = is_known.sum(axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, np.where(is_known, whole, 0.0).sum(axis=1) / counts, np.nan)
