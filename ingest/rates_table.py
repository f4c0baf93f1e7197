"""One device's counters as they were last read, the rates they gave, and what was said of them.

Whatever makes a row incomparable with its past (it is new, its device began anew, nothing was heard
of it for long) is one thing here: its earlier reading becomes `NOT_COUNTED`.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foreshadow.rates import RateFrame, Rates
from foreshadow.telemetry import NOT_COUNTED
from foreshadow.topology import NodeId
from ingest.rates import OCTETS, Counted, Counters, Vector, counted_between, limits_per_s
from ingest.rates_block import (
    MOST_INTERFACES,
    PackedBlock,
    capacities_of,
    counters_of,
    names_of,
    since_of,
)
from ingest.rates_deadband import Deadband
from ingest.rates_rows import N_RATES, NEVER_SAID, Flags, blank_rows

_MOST_LAYOUTS = 1_000
_LATE_IN_A_ROW = 3
"""So many readings older than the last, one after the other: the device's clock went back."""
_NS = 1_000_000_000
_WAVERS_NS = 5 * _NS
"""A boot time is often the clock less the uptime, and wavers by less than this."""
_PER_COUNT = np.asarray([8.0] * OCTETS + [1.0] * (N_RATES - OCTETS))[:, np.newaxis]

Index = npt.NDArray[np.intp]


@dataclass(slots=True, eq=False)
class _Layout:
    """The interfaces of one kind of reading: their names and rows, and what each can carry."""

    names: tuple[str, ...]
    rows: slice | Index
    bits: int
    limits: Counted
    capacities_bps: bytes | None = None
    since_ns: bytes = b""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """What one reading gave.

    Attributes:
        names: The interfaces that were read, one a row.
        counted: What they counted since the reading before.
        frame: What moved in an earlier reading and is read anew now: to be said first.
    """

    names: tuple[str, ...]
    counted: Counted
    frame: RateFrame | None = None

    @property
    def void_rows(self) -> int:
        """Interfaces whose octets gave no rate for this interval, though they are counted."""
        return int(np.count_nonzero(np.isnan(self.counted[:OCTETS]).all(axis=0)))


class CounterTable:
    """The owner's side of one device's rates."""

    def __init__(
        self, device: NodeId, epoch: int, deadband: Deadband, longest_gap_s: float
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
        self._seq = self._late = self._observed_at_ns = 0
        self._names: dict[str, int] = {}
        self._it = blank_rows(0)
        self._layouts: dict[tuple[bytes, int], _Layout] = {}
        self._last: tuple[_Layout | None, int] = (None, 0)
        self._is_any_doubted = self._has_any_moved = False

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
        self._heed_clears(block, layout)
        last, last_ns = self._last
        dt_s: Vector | float = (at_ns - last_ns) / _NS
        if layout is not last or not 0 < at_ns - last_ns <= self._gap_ns:
            comparable = self._comparable(layout, after, at_ns)
            if comparable is None:
                return None
            layout, after, dt_s = comparable
        before = self._it.before[:, layout.rows]
        counted = counted_between(before, after, dt_s=dt_s, limits=layout.limits, bits=layout.bits)
        frame = self._pending(layout)
        self._judge_capacities(layout, before, after, counted)
        self._note(layout, after, counted[:N_RATES] * _PER_COUNT / dt_s)
        self._it.before[:, layout.rows] = after
        self._it.read_ns[layout.rows] = at_ns
        self._last, self._observed_at_ns = (layout, at_ns), observed_at_ns
        return Taken(layout.names, counted, frame)

    def frame(self, *, is_whole: bool = False) -> RateFrame | None:
        """What is to be said now: the rows that moved, or all; None where that is nothing.

        The first of an epoch is whole, whatever is asked for.
        """
        is_whole = is_whole or self._seq == 0
        if not (is_whole or self._has_any_moved):
            return None
        is_in = ~np.isnan(self._it.rates).all(axis=0) if is_whole else self._it.has_moved
        rows = np.flatnonzero(is_in)
        self._has_any_moved = False
        if not rows.size:
            return None
        self._seq += 1
        return RateFrame(
            device=self._device,
            epoch=self._epoch,
            seq=self._seq,
            observed_at_ns=self._observed_at_ns,
            is_whole=is_whole,
            interfaces=self._picked(rows),
            columns=tuple(column.tobytes() for column in self._say(rows)),
        )

    def part_with_past(self) -> None:
        """The next reading is of another source: its counters stand elsewhere."""
        self._it.before[:] = NOT_COUNTED
        self._it.read_ns[:] = 0
        self._it.since_ns[:] = 0
        self._forget_layouts()

    def forget_silent(self) -> tuple[str, ...]:
        """Drop the interfaces that the device tells of no more; their names."""
        read_ns = self._it.read_ns
        is_gone: Flags = read_ns < read_ns.max(initial=0) - self._gap_ns
        if not is_gone.any():
            return ()
        gone = self._picked(np.flatnonzero(is_gone))
        kept = self._picked(np.flatnonzero(~is_gone))
        self._names = {name: row for row, name in enumerate(kept)}
        self._it = self._it.kept(~is_gone)
        self._forget_layouts()
        return gone

    def _layout(self, block: PackedBlock) -> _Layout:
        key = (bytes(block.interfaces), block.bits)
        layout = self._layouts.get(key)
        if layout is None:
            names = names_of(block)
            rows = self._rows(names)
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._forget_layouts()
            layout = _Layout(names, rows, block.bits, np.empty(0))
            self._layouts[key] = layout
        if block.capacities_bps != layout.capacities_bps:
            capacities_bps = capacities_of(block, len(layout.names))
            trusted = np.where(self._it.is_misstated[layout.rows], 0.0, capacities_bps)
            layout.limits = limits_per_s(trusted)
            layout.capacities_bps = block.capacities_bps
        return layout

    def _rows(self, names: tuple[str, ...]) -> slice | Index:
        """The rows of these interfaces, made where they are new."""
        new = [name for name in names if name not in self._names]
        if len(self._names) + len(new) > MOST_INTERFACES:
            raise ValueError(f"more than {MOST_INTERFACES} interfaces of one device")
        self._names |= {name: row for row, name in enumerate(new, start=len(self._names))}
        if new:
            self._it = self._it.extended(len(new))
        rows = np.asarray([self._names[name] for name in names], dtype=np.intp)
        # A slice is a view: rows in their own order are read and written where they lie.
        is_run = bool(rows.size) and bool((np.diff(rows) == 1).all())
        return slice(int(rows[0]), int(rows[-1]) + 1) if is_run else rows

    def _forget_layouts(self) -> None:
        self._layouts, self._last = {}, (None, 0)

    def _heed_clears(self, block: PackedBlock, layout: _Layout) -> None:
        """Where the device says that counting began anew, the past is no longer comparable."""
        if block.since_ns == layout.since_ns:
            return
        index, since_ns = self._index(layout), since_of(block, len(layout.names))
        known_ns = self._it.since_ns[index]
        was_cleared = (known_ns != 0) & (since_ns > known_ns + _WAVERS_NS)
        self._it.before[:, index[was_cleared]] = NOT_COUNTED
        self._it.since_ns[index] = since_ns
        layout.since_ns = block.since_ns

    def _comparable(
        self, layout: _Layout, after: Counters, at_ns: int
    ) -> tuple[_Layout, Counters, Vector] | None:
        """The part of a reading that is later than what is known, and by how much, in seconds."""
        index = self._index(layout)
        dt_ns = at_ns - self._it.read_ns[index]
        if not (dt_ns > 0).any():
            self._late += bool((dt_ns < 0).any())
            if self._late < _LATE_IN_A_ROW:
                return None
            self._it.read_ns[index] = 0
            dt_ns = np.full(len(index), at_ns)
        self._late = 0
        is_later = dt_ns > 0
        if not is_later.all():
            chosen = np.flatnonzero(is_later)
            names = tuple(layout.names[at] for at in chosen.tolist())
            layout = _Layout(names, index[chosen], layout.bits, layout.limits[:, chosen])
            index, dt_ns, after = index[chosen], dt_ns[chosen], after[:, chosen]
        is_new = (dt_ns > self._gap_ns) | (self._it.bits[index] != layout.bits)
        self._it.before[:, index[is_new]] = NOT_COUNTED
        self._it.bits[index] = layout.bits
        return layout, after, dt_ns / _NS

    def _judge_capacities(
        self, layout: _Layout, before: Counters, after: Counters, counted: Counted
    ) -> None:
        """Twice in a row beyond its capacity, going forward: it is the capacity that is wrong."""
        is_void = np.isnan(counted[:OCTETS])
        if not (np.count_nonzero(is_void) or self._is_any_doubted):
            return
        was_counted = (before[:OCTETS] != NOT_COUNTED) & (after[:OCTETS] != NOT_COUNTED)
        went_forward = (after >= before).all(axis=0) & (layout.bits == 64)
        is_beyond = (is_void & was_counted).any(axis=0) & went_forward
        index = self._index(layout)
        again = is_beyond & self._it.is_doubted[index]
        self._it.is_doubted[index] = is_beyond
        self._is_any_doubted = bool(self._it.is_doubted.any())
        if again.any():
            self._it.is_misstated[index[again]] = True
            self._forget_layouts()

    def _note(self, layout: _Layout, after: Counters, rates: Rates) -> None:
        """Remember the rates, and which of them are to be said."""
        rows = layout.rows
        is_missing = np.isnan(rates)
        if np.count_nonzero(is_missing):
            known = self._it.rates[:, rows]
            is_gone = (after[:N_RATES] == NOT_COUNTED) & ~np.isnan(known)
            rates = np.where(is_missing & ~is_gone, known, rates)
            self._flag(rows, is_gone)
        self._it.rates[:, rows] = rates
        self._flag(rows, np.abs(rates - self._it.said[:, rows]) > self._it.slack[:, rows])

    def _flag(self, rows: slice | Index, has_moved: Flags) -> None:
        if np.count_nonzero(has_moved):
            self._it.has_moved[rows] |= has_moved.any(axis=0)
            self._has_any_moved = True

    def _pending(self, layout: _Layout) -> RateFrame | None:
        """What moved before and is about to be overwritten."""
        if self._has_any_moved and np.count_nonzero(self._it.has_moved[layout.rows]):
            return self.frame()
        return None

    def _say(self, rows: Index) -> Rates:
        """The rates of these rows, which are known to everybody from now on."""
        rates = self._it.rates[:, rows]
        said = np.nan_to_num(rates)
        slack = np.zeros_like(said)
        slack[:OCTETS] = self._deadband.slack(said[:OCTETS])
        self._it.said[:, rows] = said
        self._it.slack[:, rows] = np.where(np.isnan(rates), NEVER_SAID, slack)
        self._it.has_moved[rows] = False
        return rates

    def _picked(self, rows: Index) -> tuple[str, ...]:
        names = tuple(self._names)
        return names if len(rows) == len(names) else tuple(names[row] for row in rows.tolist())

    def _index(self, layout: _Layout) -> Index:
        return np.arange(len(self._names))[layout.rows]
