"""A past as somebody else wrote it down: a CSV of one series, of several, or of traffic matrices.

A header and a time column are there or not; both are found by what the first lines hold. Columns
named `A->B` are the cells of a matrix, in which blank means 0; anywhere else it means missing.
Several columns of numbers are taken as a whole unless one is asked for. Times are put on a regular
grid: what lacks is missing, what shares an interval is averaged.
"""

import csv
import gzip
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from foreshadow.errors import ConfigError

DEFAULT_STEP = timedelta(minutes=5)
_UNDATED = datetime(2001, 1, 1, tzinfo=UTC)
"""A Monday: where the first interval is put if nobody says when it was."""
_MISSING = {"", "-", "na", "n/a", "nan", "null", "none"}
_TIME_NAME = re.compile(r"(?i)^\W*(time|timestamp|date|datetime|epoch|ts|unix)")
_EPOCHS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""Numbers from the first on are seconds since 1970 once divided by the second."""
_EARLIEST_S, _LATEST_S = -2_208_988_800, 7_258_118_400
_DELIMITERS = ",;\t"
_PROBED = 20
_LONGEST_GAP = 20
"""A grid is at most so many times as long as the file."""
_LARGEST_BYTES = 1 << 30

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
    table = _Table.of(_read(path), path)
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
        start, own, values = _gridded(times, numbers, table, notes)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The cells of a file: which line they stand on, and which columns are what."""

    path: Path
    names: tuple[str, ...]
    columns: tuple[int, ...]
    time_column: int | None
    rows: list[list[str]]
    lines: list[int]

    @classmethod
    def of(cls, text: str, path: Path) -> "_Table":
        rows, lines = _rows(text, path)
        header = rows[0] if _is_header(rows) else None
        body = rows[1:] if header else rows
        if not body:
            raise ConfigError("has a header and nothing under it", path=path)
        names = [name.strip() for name in header] if header else []
        probe = body[:_PROBED]
        time_column = 0 if _is_time(names[0] if names else "", probe, len(rows[0])) else None
        columns = [
            place
            for place in range(len(rows[0]))
            if place != time_column
            and all(_number(row[place]) is not None for row in probe[:_PROBED])
        ] or [place for place in range(len(rows[0])) if place != time_column][:1]
        if not columns:
            raise ConfigError("has times and no column of numbers", path=path, line=lines[0])
        named = tuple(names[place] if names else f"column {place + 1}" for place in columns)
        if len(set(named)) < len(named):
            raise ConfigError("two columns have the same name", path=path, line=lines[0])
        return cls(
            path=path,
            names=named,
            columns=tuple(columns),
            time_column=time_column,
            rows=body,
            lines=lines[1:] if header else lines,
        )

    def numbers(self) -> Array:
        found = np.empty((len(self.rows), len(self.columns)))
        for index, row in enumerate(self.rows):
            for place, column in enumerate(self.columns):
                value = _number(row[column])
                if value is None:
                    raise ConfigError(
                        f"{row[column][:40]!r} is no number",
                        path=self.path,
                        line=self.lines[index],
                        column=column + 1,
                    )
                found[index, place] = value
        return found

    def times(self) -> Array | None:
        """Seconds since 1970 of every row; None without a time column."""
        if self.time_column is None:
            return None
        cells = [row[self.time_column].strip() for row in self.rows]
        found = _epochs(cells)
        bad = np.flatnonzero(~np.isfinite(found))
        if bad.size:
            raise ConfigError(
                f"{cells[bad[0]][:40]!r} is no time",
                path=self.path,
                line=self.lines[bad[0]],
                column=self.time_column + 1,
            )
        return found


def _read(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
                raw = packed.read(_LARGEST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
    if len(raw) > _LARGEST_BYTES:
        raise ConfigError("is larger than 1 GiB", path=path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("is no UTF-8 text", path=path, line=line) from error


def _rows(text: str, path: Path) -> tuple[list[list[str]], list[int]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row) and len(row) < 2:
                continue
            if rows and len(row) != len(rows[0]):
                raise ConfigError(
                    f"has {len(row)} fields; the lines before it have {len(rows[0])}",
                    path=path,
                    line=reader.line_num,
                )
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ConfigError(f"is no CSV: {error}", path=path, line=reader.line_num) from error
    if not rows:
        raise ConfigError("is empty", path=path)
    return rows, lines


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: it has no number where the lines below have one."""
    below = rows[1 : 1 + _PROBED]
    named = [place for place, cell in enumerate(rows[0]) if _number(cell) is None]
    if not below:
        return bool(named) and len(named) == len(rows[0])
    return any(all(_number(row[place]) is not None for row in below) for place in named)


def _is_time(name: str, probe: Sequence[Sequence[str]], width: int) -> bool:
    cells = [row[0].strip() for row in probe]
    values = [_number(cell) for cell in cells]
    if any(value is None for value in values):
        return bool(np.isfinite(_epochs(cells)).any())
    if width < 2:
        return False
    known = [value for value in values if value is not None]
    is_rising = all(later > earlier for earlier, later in pairwise(known))
    return is_rising and known[0] > _EPOCHS[-1][0] and (bool(_TIME_NAME.match(name)) or not name)


def _number(cell: str) -> float | None:
    """The cell as a number, NaN where it says nothing; None where it says something else."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return None


def _epochs(cells: Sequence[str]) -> Array:
    """Seconds since 1970; NaN where a cell is no time."""
    numbers = [_number(cell) for cell in cells]
    if all(number is not None and math.isfinite(number) for number in numbers):
        values = np.asarray(numbers, dtype=np.float64)
        unit = next((unit for least, unit in _EPOCHS if values[0] > least), 1.0)
        return _within_history(values / unit)
    parsed = pd.to_datetime(pd.Series(cells), utc=True, format="ISO8601", errors="coerce")
    if parsed.isna().any():
        parsed = pd.to_datetime(pd.Series(cells), utc=True, format="mixed", errors="coerce")
    moments = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    seconds = moments.astype(np.int64) / 1e6
    return _within_history(np.where(np.isnat(moments), np.nan, seconds))


def _within_history(seconds: Array) -> Array:
    """The times; NaN where one is not between 1900 and 2200."""
    return np.where((seconds >= _EARLIEST_S) & (seconds <= _LATEST_S), seconds, np.nan)


def _gridded(
    times: Array, numbers: Array, table: _Table, notes: list[str]
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
    step_s = max(1.0, float(np.round(np.percentile(gaps, 50, method="lower"))))
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
