"""When the rows of a table were: which column says so, and what its cells mean."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

_NAME = re.compile(r"(?i)^\W*(time|timestamp|date|datetime|epoch|ts|unix)")
_CLOCK_ALONE = re.compile(r"^\d{1,2}:\d{2}")
"""A time of day without a day: nobody can say when that was."""
_EPOCHS = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3), (1e8, 1.0))
"""Numbers from the first on are seconds since 1970 once divided by the second."""
_EARLIEST_S, _LATEST_S = -2_208_988_800, 7_258_118_400

Array = npt.NDArray[np.float64]
Number = Callable[[str], float | None]
"""A cell as a number, NaN where it says nothing, None where it says something else."""


def time_columns(
    names: Sequence[str], probe: Sequence[Sequence[str]], number: Number
) -> tuple[int, ...]:
    """The places of the column of times, or of days and of times of day; none if there is none.

    Args:
        names: Of the columns; empty without a header.
        probe: The first rows.
        number: How a cell is read as one.
    """
    width = len(probe[0])
    for place in sorted(range(width), key=lambda it: not (names and _NAME.match(names[it]))):
        cells = [row[place].strip() for row in probe]
        name = names[place] if names else ""
        if not _are_times(cells, name, number, is_alone=width < 2, is_first=place == 0):
            continue
        after = [row[place + 1].strip() for row in probe] if place + 1 < width else []
        has_clock = after and all(map(_CLOCK_ALONE.match, after))
        if has_clock and not any(":" in cell for cell in cells):
            return place, place + 1
        return (place,)
    return ()


def seconds_since_1970(cells: Sequence[str], number: Number) -> Array:
    """The times; NaN where a cell is none, or not between 1900 and 2200."""
    numbers = [number(cell) for cell in cells]
    if all(value is not None and np.isfinite(value) for value in numbers):
        values = np.asarray(numbers, dtype=np.float64)
        unit = next((unit for least, unit in _EPOCHS if values[0] > least), 1.0)
        return _within_history(values / unit)
    dated = pd.Series([None if _CLOCK_ALONE.match(cell) else cell for cell in cells])
    found = _seconds(pd.to_datetime(dated, utc=True, format="ISO8601", errors="coerce"))
    if np.isfinite(found).all():
        return found
    # 03/02 is a day of February or of March: what makes sense of more rows, and then what puts
    # them nearer together, is meant.
    return min(
        (
            _seconds(
                pd.to_datetime(dated, utc=True, format="mixed", dayfirst=order, errors="coerce")
            )
            for order in (False, True)
        ),
        key=lambda it: (np.isnan(it).sum(), _span(it)),
    )


def _are_times(
    cells: Sequence[str], name: str, number: Number, *, is_alone: bool, is_first: bool
) -> bool:
    values = [number(cell) for cell in cells]
    if any(value is None for value in values):
        known = np.isfinite(seconds_since_1970(cells, number))
        return bool(known.any() if is_first or _NAME.match(name) else known.all())
    if is_alone:
        return False
    known_values = [value for value in values if value is not None]
    is_rising = all(later > earlier for earlier, later in pairwise(known_values))
    is_named = bool(_NAME.match(name)) or (is_first and not name)
    return is_rising and known_values[0] > _EPOCHS[-1][0] and is_named


def _seconds(parsed: "pd.Series[pd.Timestamp]") -> Array:
    moments = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    seconds = moments.astype(np.int64) / 1e6
    return _within_history(np.where(np.isnat(moments), np.nan, seconds))


def _span(seconds: Array) -> float:
    known = seconds[np.isfinite(seconds)]
    return float(known.max() - known.min()) if known.size else 0.0


def _within_history(seconds: Array) -> Array:
    return np.where((seconds >= _EARLIEST_S) & (seconds <= _LATEST_S), seconds, np.nan)
