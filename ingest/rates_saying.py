"""Which rates are said: those that left the deadband, or all of them, packed as they travel."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.rates_compiling import Arrays, compiled
from ingest.rates_deadband import Deadband
from ingest.rates_rows import N_RATES, NOWHERE, OCTETS, Index, InterfaceRows, Vector

Places = npt.NDArray[np.uint16]


@compiled
def _say(  # noqa: PLR0913, PLR0917 - machine code: what it takes apart costs a call
    arrays: Arrays,
    is_whole: bool,  # noqa: FBT001
    share: float,
    least_bps: float,
    rows: Index,
    places: Places,
    said: Vector,
) -> tuple[int, int, bool]:
    it = InterfaceRows(*arrays)
    count = filled = 0
    for row in range(len(it.has_moved)):
        is_whole |= it.has_moved[row] and it.place[row] == NOWHERE
    for row in range(len(it.has_moved)):
        is_in = it.has_moved[row]
        if is_whole:
            for column in range(N_RATES):
                is_in |= not np.isnan(it.rates[column, row])
            it.place[row] = count if is_in else NOWHERE
        if is_in:
            it.has_moved[row] = False
            rows[count], places[count] = row, it.place[row]
            count += 1
    for column in range(N_RATES):
        for at in range(count):
            row = rows[at]
            rate = it.rates[column, row]
            said[column * count + at] = rate
            if rate != 0:
                filled |= 1 << column
            if np.isnan(rate):
                it.low[column, row], it.high[column, row] = np.inf, -np.inf
            else:
                slack = max(share * rate, least_bps) if column < OCTETS else 0.0
                it.low[column, row], it.high[column, row] = rate - slack, rate + slack
    return count, filled, is_whole


class Saying(NamedTuple):
    """What is to be said of the rows of a device.

    Attributes:
        rows: Which they are.
        places: Where those are in the last whole frame, as it travels.
        columns: Their rates as they travel.
        is_whole: Whether that is every row that has a rate.
    """

    rows: Index
    places: bytes
    columns: tuple[bytes, ...]
    is_whole: bool


def say(arrays: Arrays, deadband: Deadband, *, is_whole: bool) -> Saying:
    """Gather what is to be said, which everybody knows from then on.

    Args:
        arrays: All rows; changed in place.
        deadband: Around octet rates; event rates are said whenever they change.
        is_whole: Every row that has a rate, not only those that moved; also where it is not asked
            for, if a row moved that was not in the last whole frame.
    """
    most = len(arrays[0][0])
    rows, places = np.empty(most, dtype=np.intp), np.empty(most, dtype=np.uint16)
    said = np.empty(N_RATES * most)
    count, filled, is_whole = _say(
        arrays, is_whole, deadband.share, deadband.least_bps, rows, places, said
    )
    raw, width = said[: N_RATES * count].tobytes(), count * said.itemsize
    columns = [
        raw[column * width : (column + 1) * width] if filled >> column & 1 else b""
        for column in range(N_RATES)
    ]
    return Saying(rows[:count], places[:count].tobytes(), tuple(columns), is_whole)
