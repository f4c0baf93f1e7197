"""What is kept of every interface of a device: arrays whose last axis is the interface."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from foreshadow.rates import RATE_COLUMNS, Rates
from foreshadow.telemetry import COUNTER_COLUMNS, NOT_COUNTED

N_COLUMNS = len(COUNTER_COLUMNS)
N_RATES = len(RATE_COLUMNS)
NOWHERE = -1
OCTETS = 2
"""The first columns are octets, the rest are events."""

Counters = npt.NDArray[np.uint64]
"""Shape (N_COLUMNS, rows)."""
Counted = npt.NDArray[np.float64]
"""Shape (N_COLUMNS, rows): NaN where it cannot be known."""
Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]
Index = npt.NDArray[np.intp]


class InterfaceRows(NamedTuple):
    """The arrays; their values change in place, their length does not.

    Attributes:
        before: The last reading; `NOT_COUNTED` where there is none to compare the next with.
        read_ns: When that was.
        since_ns: When the device last began to count anew; 0 where it does not say.
        bits: Width of the octet counters.
        rates: The last rates that were known, shape (N_RATES, rows).
        low: Below this a rate has left the deadband around what was said.
        high: And above this; where nothing was said, every rate has.
        place: Where the row is in the last whole frame; -1 where it is not.
        has_moved: Whether one of the row's rates has.
        is_doubted: Whether the last interval was beyond the stated capacity.
        is_misstated: Whether the stated capacity was found to be wrong.
    """

    before: Counters
    read_ns: Whole
    since_ns: Whole
    bits: Whole
    rates: Rates
    low: Rates
    high: Rates
    place: Whole
    has_moved: Flags
    is_doubted: Flags
    is_misstated: Flags

    def extended(self, count: int) -> "InterfaceRows":
        """The same rows and so many new ones."""
        both = zip(self, blank_rows(count), strict=True)
        longer: list[Any] = [np.concatenate(two, -1) for two in both]
        return InterfaceRows(*longer)

    def kept(self, is_kept: Flags) -> "InterfaceRows":
        """Only some of the rows."""
        fewer: list[Any] = [np.ascontiguousarray(mine[..., is_kept]) for mine in self]
        return InterfaceRows(*fewer)


def blank_rows(count: int) -> InterfaceRows:
    """Rows of interfaces that nothing is known of."""
    return InterfaceRows(
        before=np.full((N_COLUMNS, count), NOT_COUNTED, dtype=np.uint64),
        read_ns=np.zeros(count, dtype=np.int64),
        since_ns=np.zeros(count, dtype=np.int64),
        bits=np.zeros(count, dtype=np.int64),
        rates=np.full((N_RATES, count), np.nan),
        low=np.full((N_RATES, count), np.inf),
        high=np.full((N_RATES, count), -np.inf),
        place=np.full(count, NOWHERE, dtype=np.int64),
        has_moved=np.zeros(count, dtype=np.bool_),
        is_doubted=np.zeros(count, dtype=np.bool_),
        is_misstated=np.zeros(count, dtype=np.bool_),
    )
