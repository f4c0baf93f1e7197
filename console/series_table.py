"""The cells of a CSV file: which line they stand on, and which columns are what.

A header and a time column are there or not; both are found by what the first lines hold.
"""

import codecs
import csv
import gzip
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from console.series_times import seconds_since_1970, time_columns
from foreshadow.errors import ConfigError

_MISSING = {"", "-", "na", "n/a", "nan", "null", "none"}
_DECIMAL_COMMA = re.compile(r"^\s*-?\d+,\d+\s*$")
_DELIMITERS = ",;\t"
_PROBED = 20
_LARGEST_BYTES = 1 << 30

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The rows of a file under its header.

    Attributes:
        names: Of the columns of numbers.
        columns: Their places.
        times_at: Places of the column of times, or of days and of times of day.
        lines: Of the file, one per row.
    """

    path: Path
    names: tuple[str, ...]
    columns: tuple[int, ...]
    times_at: tuple[int, ...]
    rows: list[list[str]]
    lines: list[int]

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The table in a file (`.gz` too).

        Raises:
            ConfigError: It is none; names line and column.
        """
        rows, lines = _rows(_text(path), path)
        header = rows[0] if _is_header(rows) else None
        body = rows[1:] if header else rows
        if not body:
            raise ConfigError("has a header and nothing under it", path=path)
        names = [name.strip() for name in header] if header else []
        probe = body[:_PROBED]
        times_at = time_columns(names, probe, _number)
        others = [place for place in range(len(rows[0])) if place not in times_at]
        columns = [
            place
            for place in others
            if all(_number(row[place]) is not None for row in probe)
            and not _only_counts_rows(names[place] if names else "", body, place)
            and any(row[place].strip() for row in body)
        ] or others[:1]
        if not columns:
            raise ConfigError("has times and no column of numbers", path=path, line=lines[0])
        named = tuple(names[place] if names else f"column {place + 1}" for place in columns)
        if len(set(named)) < len(named):
            raise ConfigError("two columns have the same name", path=path, line=lines[0])
        return cls(
            path=path,
            names=named,
            columns=tuple(columns),
            times_at=times_at,
            rows=body,
            lines=lines[1:] if header else lines,
        )

    def numbers(self) -> Array:
        """Every cell of the columns of numbers, shape (n_rows, n_columns)."""
        found = np.empty((len(self.rows), len(self.columns)))
        for index, row in enumerate(self.rows):
            for place, column in enumerate(self.columns):
                value = _number(row[column])
                if value is None:
                    raise ConfigError(
                        f"{row[column][:40]!r} is no number; write 1234.5, or leave the cell "
                        "empty where nothing was measured",
                        path=self.path,
                        line=self.lines[index],
                        column=column + 1,
                    )
                found[index, place] = value
        return found

    def times(self) -> Array | None:
        """Seconds since 1970 of every row; None without a time column."""
        if not self.times_at:
            return None
        cells = [" ".join(row[place].strip() for place in self.times_at) for row in self.rows]
        found = seconds_since_1970(cells, _number)
        bad = np.flatnonzero(~np.isfinite(found))
        if bad.size:
            raise ConfigError(
                f"{cells[bad[0]][:40]!r} is no time; write 2024-01-31 13:05:00, or seconds "
                "since 1970",
                path=self.path,
                line=self.lines[bad[0]],
                column=self.times_at[0] + 1,
            )
        return found


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if raw[:2] == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
                raw = packed.read(_LARGEST_BYTES + 1)
    except (OSError, EOFError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
    if len(raw) > _LARGEST_BYTES:
        raise ConfigError("is larger than 1 GiB", path=path)
    is_wide = raw[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return raw.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("is no UTF-8 text", path=path, line=line) from error


def _rows(text: str, path: Path) -> tuple[list[list[str]], list[int]]:
    written = (line for line in text.splitlines() if line.strip())
    first = next((line for line in written if not line.startswith("#")), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row) and len(row) < 2:
                continue
            if not rows and row[0].startswith("#") and len(row) <= first.count(delimiter):
                continue  # A remark; "#time,load" is a header.
            if rows and len(row) != len(rows[0]):
                raise ConfigError(
                    f"has {len(row)} fields; the lines before it have {len(rows[0])}",
                    path=path,
                    line=reader.line_num,
                )
            rows.append(_with_points(row) if delimiter != "," else row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise ConfigError(f"is no CSV: {error}", path=path, line=reader.line_num) from error
    if not rows:
        raise ConfigError("is empty", path=path)
    return rows, lines


def _with_points(row: list[str]) -> list[str]:
    """Where commas do not part columns they part decimals."""
    return [
        cell.replace(",", ".") if "," in cell and _DECIMAL_COMMA.match(cell) else cell
        for cell in row
    ]


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first line names columns: it has no number where the lines below have one."""
    below = rows[1 : 1 + _PROBED]
    named = [place for place, cell in enumerate(rows[0]) if _number(cell) is None]
    if len(named) == len(rows[0]):
        return not np.isfinite(seconds_since_1970(rows[0], _number)).any()
    return any(all(_number(row[place]) is not None for row in below) for place in named if below)


def _only_counts_rows(name: str, rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether a column without a name is the row's number, as tables are often exported."""
    if name or len(rows[0]) < 2 or rows[0][place].strip() not in {"0", "1"}:
        return False
    first = int(rows[0][place])
    return all(row[place].strip() == str(first + index) for index, row in enumerate(rows))


def _number(cell: str) -> float | None:
    """The cell as a number, NaN where it says nothing; None where it says something else."""
    text = cell.strip()
    if text.lower() in _MISSING:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return None
