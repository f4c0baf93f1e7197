"""What is kept of every interface of a device: arrays whose last axis is the interface."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from foreshadow.rates import RATE_COLUMNS, Rates
from foreshadow.telemetry import NOT_COUNTED
from ingest.rates import N_COLUMNS, Counters

N_RATES = len(RATE_COLUMNS)
NEVER_SAID = -1.0
"""Slack of a rate that was never said: any rate is further away than that."""

Flags = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InterfaceRows:
    """The arrays; their values change in place, their length does not.

    Attributes:
        before: The last reading, shape (len(COUNTER_COLUMNS), rows); `NOT_COUNTED` where there is
            none that the next can be compared with.
        read_ns: When that was.
        since_ns: When the device last began to count anew; 0 where it does not say.
        bits: Width of the octet counters.
        rates: The last rates that were known, shape (len(RATE_COLUMNS), rows).
        said: The last that were said, 0 where none were.
        slack: How far each may move from what was said.
        has_moved: Whether one of the row's rates did.
        is_doubted: Whether the last interval was beyond the stated capacity.
        is_misstated: Whether the stated capacity was found to be wrong.
    """

    before: Counters
    read_ns: Whole
    since_ns: Whole
    bits: Whole
    rates: Rates
    said: Rates
    slack: Rates
    has_moved: Flags
    is_doubted: Flags
    is_misstated: Flags

    def extended(self, count: int) -> "InterfaceRows":
        """The same rows and so many new ones."""
        more = blank_rows(count)
        return InterfaceRows(
            **{name: np.concatenate([mine, getattr(more, name)], -1) for name, mine in self._all()}
        )

    def kept(self, is_kept: Flags) -> "InterfaceRows":
        """Only some of the rows."""
        return InterfaceRows(**{name: mine[..., is_kept] for name, mine in self._all()})

    def _all(self) -> Iterator[tuple[str, Any]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


def blank_rows(count: int) -> InterfaceRows:
    """Rows of interfaces that nothing is known of."""
    return InterfaceRows(
        before=np.full((N_COLUMNS, count), NOT_COUNTED, dtype=np.uint64),
        read_ns=np.zeros(count, dtype=np.int64),
        since_ns=np.zeros(count, dtype=np.int64),
        bits=np.zeros(count, dtype=np.int64),
        rates=np.full((N_RATES, count), np.nan),
        said=np.zeros((N_RATES, count)),
        slack=np.full((N_RATES, count), NEVER_SAID),
        has_moved=np.zeros(count, dtype=np.bool_),
        is_doubted=np.zeros(count, dtype=np.bool_),
        is_misstated=np.zeros(count, dtype=np.bool_),
    )
