"""One device's counters as they were last read, the rates they gave, and what was said of them.

Whatever makes a row incomparable with its past (it is new, its device began anew, nothing was heard
of it for long) is one thing here: its earlier reading becomes `NOT_COUNTED`.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from foreshadow.rates import RateFrame
from foreshadow.telemetry import NOT_COUNTED
from foreshadow.topology import NodeId
from ingest.rates import Tally, advance, limits_per_s
from ingest.rates_block import (
    MOST_INTERFACES,
    PackedBlock,
    capacities_of,
    counters_of,
    names_of,
    since_of,
)
from ingest.rates_deadband import Deadband
from ingest.rates_rows import (
    N_COLUMNS,
    NOWHERE,
    Counted,
    Counters,
    Flags,
    Index,
    InterfaceRows,
    blank_rows,
)
from ingest.rates_saying import say

_MOST_LAYOUTS = 1_000
_LATE_IN_A_ROW = 3
"""So many readings older than the last, one after the other: the device's clock went back."""
_NS = 1_000_000_000
_WAVERS_NS = 5 * _NS
"""A boot time is often the clock less the uptime, and wavers by less than this."""


@dataclass(slots=True, eq=False)
class _Layout:
    """The interfaces of one kind of reading: their names and rows, and what each can carry."""

    names: tuple[str, ...]
    rows: Index
    limits: Counted
    capacities_bps: bytes | None = None
    since_ns: bytes = b""


class Taken(NamedTuple):
    """What one reading gave.

    Attributes:
        names: The interfaces that were read, one a row.
        counted: What they counted since the reading before.
        tally: What that came to.
        frame: What moved in an earlier reading and is read anew now: to be said first.
    """

    names: tuple[str, ...]
    counted: Counted
    tally: Tally
    frame: RateFrame | None = None


class CounterTable:
    """The owner's side of one device's rates."""

    def __init__(
        self, device: NodeId, epoch: int, deadband: Deadband, *, longest_gap_s: float
    ) -> None:
        """Begin with no interfaces.

        Args:
            device: Which router.
            epoch: In every frame.
            deadband: Of the octet rates; event rates are said again whenever they change.
            longest_gap_s: Over a longer time between two readings there is no rate.
        """
        self._device, self._epoch, self._deadband = device, epoch, deadband
        self._gap_ns = round(longest_gap_s * _NS)
        self._seq = self._whole_seq = self._late = 0
        self._observed_at_ns = self._since_ns = 0
        self._rows: dict[str, int] = {}
        self._names: tuple[str, ...] = ()
        self._own(blank_rows(0))
        self._layouts: dict[tuple[bytes, int], _Layout] = {}
        self._has_moved = False

    def take(self, block: PackedBlock, at_ns: int, observed_at_ns: int) -> Taken | None:
        """Read some counters; None where they are no later than what is known.

        Args:
            block: Counters of some interfaces or all.
            at_ns: When they were read, above 0: by the device's clock, or by ours.
            observed_at_ns: The same by our clock.

        Raises:
            msgspec.DecodeError: Its names are none.
            ValueError: The block is malformed, or names too many interfaces.
        """
        layout = self._layout(block)
        after = counters_of(block, len(layout.names))
        if block.since_ns != layout.since_ns:
            self._heed_clears(block, layout)
        frame = self._pending(layout)
        tally, counted = self._advance(layout, after, at_ns, block.bits)
        if not tally.later:
            self._late += tally.older > 0
            if self._late < _LATE_IN_A_ROW:
                return None
            # Its clock went back: begin anew, or everything would be old for as long as that.
            self._it.read_ns[layout.rows] = 0
            tally, counted = self._advance(layout, after, at_ns, block.bits)
        self._late, self._observed_at_ns = 0, observed_at_ns
        self._since_ns = min(self._since_ns or observed_at_ns, observed_at_ns - tally.span_ns)
        self._has_moved |= tally.moved > 0
        if tally.misstated:
            self._layouts = {}
        return Taken(layout.names, counted, tally, frame)

    def frame(self, *, is_whole: bool = False, may_be_empty: bool = False) -> RateFrame | None:
        """What is to be said now: the rows that moved, or all; None where that is nothing.

        Args:
            is_whole: Say all; the first frame of an epoch always does.
            may_be_empty: Say also that nothing moved.
        """
        is_whole = is_whole or self._whole_seq == 0
        if not (is_whole or may_be_empty or self._has_moved):
            return None
        self._has_moved = False
        rows, places, columns, is_whole = say(self._arrays, self._deadband, is_whole=is_whole)
        if not (len(rows) or (may_be_empty and self._whole_seq)):
            return None
        self._seq += 1
        self._whole_seq = self._seq if is_whole else self._whole_seq
        since_ns, self._since_ns = self._since_ns, 0
        return RateFrame(
            device=self._device,
            epoch=self._epoch,
            seq=self._seq,
            observed_at_ns=self._observed_at_ns,
            is_whole=is_whole,
            interfaces=self._picked(rows) if is_whole else (),
            columns=columns,
            whole_seq=self._whole_seq,
            rows=b"" if is_whole else places,
            since_ns=max(since_ns, 0),
        )

    def part_with_past(self) -> None:
        """The next reading is of another source: its counters stand elsewhere."""
        self._it.before[:] = NOT_COUNTED
        self._it.read_ns[:] = 0
        self._it.since_ns[:] = 0
        self._layouts = {}

    def forget_silent(self) -> tuple[str, ...]:
        """Drop the interfaces that the device tells of no more; their names."""
        read_ns = self._it.read_ns
        is_gone: Flags = read_ns < read_ns.max(initial=0) - self._gap_ns
        if not is_gone.any():
            return ()
        gone, kept = (self._picked(np.flatnonzero(it)) for it in (is_gone, ~is_gone))
        self._names, self._rows = kept, {name: row for row, name in enumerate(kept)}
        self._layouts = {}
        self._own(self._it.kept(~is_gone))
        self._it.place[:] = NOWHERE
        return gone

    def _own(self, it: InterfaceRows) -> None:
        self._it, self._arrays = it, tuple(it)

    def _advance(
        self, layout: _Layout, after: Counters, at_ns: int, bits: int
    ) -> tuple[Tally, Counted]:
        return advance(
            self._arrays,
            layout.rows,
            after,
            limits=layout.limits,
            at_ns=at_ns,
            gap_ns=self._gap_ns,
            bits=bits,
        )

    def _layout(self, block: PackedBlock) -> _Layout:
        key = (bytes(block.interfaces), block.bits)
        layout = self._layouts.get(key)
        if layout is None:
            names = names_of(block)
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts = {}
            layout = _Layout(names, self._rows_of(names), np.empty((N_COLUMNS, 0)))
            self._layouts[key] = layout
        if block.capacities_bps != layout.capacities_bps:
            capacities_bps = capacities_of(block, len(layout.names))
            is_misstated = self._it.is_misstated[layout.rows]
            layout.limits = limits_per_s(np.where(is_misstated, 0.0, capacities_bps))
            layout.capacities_bps = block.capacities_bps
        return layout

    def _rows_of(self, names: tuple[str, ...]) -> Index:
        """The rows of these interfaces, made where they are new."""
        new = tuple(name for name in names if name not in self._rows)
        if len(self._names) + len(new) > MOST_INTERFACES:
            raise ValueError(f"more than {MOST_INTERFACES} interfaces of one device")
        if new:
            self._rows |= {name: row for row, name in enumerate(new, start=len(self._names))}
            self._names = (*self._names, *new)
            self._own(self._it.extended(len(new)))
        return np.asarray([self._rows[name] for name in names], dtype=np.intp)

    def _heed_clears(self, block: PackedBlock, layout: _Layout) -> None:
        """Where the device says that counting began anew, the past is no longer comparable."""
        rows, since_ns = layout.rows, since_of(block, len(layout.names))
        known_ns = self._it.since_ns[rows]
        was_cleared = (known_ns != 0) & (since_ns > known_ns + _WAVERS_NS)
        self._it.before[:, rows[was_cleared]] = NOT_COUNTED
        self._it.since_ns[rows] = since_ns
        layout.since_ns = block.since_ns

    def _pending(self, layout: _Layout) -> RateFrame | None:
        """What moved before and is about to be overwritten."""
        if self._has_moved and np.count_nonzero(self._it.has_moved[layout.rows]):
            return self.frame()
        return None

    def _picked(self, rows: Index) -> tuple[str, ...]:
        names = self._names
        return names if len(rows) == len(names) else tuple([names[row] for row in rows.tolist()])


def prepare() -> None:
    """Have the machine code made now, and not while counters wait."""
    arrays = tuple(blank_rows(0))
    nothing = np.frombuffer(b"", dtype="<u8").reshape(N_COLUMNS, 0)
    limits = limits_per_s(np.empty(0))
    rows = np.empty(0, dtype=np.intp)
    advance(arrays, rows, nothing, limits=limits, at_ns=1, gap_ns=1, bits=64)
    say(arrays, Deadband(), is_whole=True)
