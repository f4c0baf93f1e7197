"""Counters become rates: what was counted between two readings, and what of it can be believed.

A counter only says how far it is, so a rate is the difference of two readings over the time between
them. Between the two it may have wrapped, been cleared, or belong to a device that began anew; a
value that cannot be told from those is no value. The rules, for an interface as a whole:

    a counter went back, and the way around its ring is what the interface can carry: a wrap
    a counter went forward or around by more than that: it was cleared, as all beside it were
    it can have gone around more than once (32 bits at speed, RFC 2863 3.1.6): nobody can know
    errors, discards and transitions do not wrap: where one of them goes back, all are void

Twice in a row beyond the capacity, and forward both times, it is the capacity that is wrong.
"""

from typing import NamedTuple

import numpy as np

from foreshadow.telemetry import NOT_COUNTED
from ingest.rates_compiling import Arrays, compiled
from ingest.rates_rows import (
    N_COLUMNS,
    N_RATES,
    OCTETS,
    Counted,
    Counters,
    Flags,
    Index,
    InterfaceRows,
    Vector,
)

FASTEST_BPS = 1e13
"""No interface carries more, also where nobody says what it can."""
_MOST_EVENTS_PER_S = 1e10
_SLACK, _JITTER_S = 1.1, 1.0
"""A reading is never of exactly the moment it says: a tenth, and a second, above capacity is
rounding."""
_UNSTATED = _SLACK * FASTEST_BPS / 8
_LAST_32 = np.uint64((1 << 32) - 1)
_HALF_32 = np.uint64((1 << 31) - 1)
_NOT_COUNTED = np.uint64(NOT_COUNTED)
_NS = 1e9


class Tally(NamedTuple):
    """What one reading came to, in rows."""

    later: int
    """Read later than what was known."""
    older: int
    """Read earlier; those that are neither were read at the same time."""
    void: int
    """Later, but their octets gave no rate."""
    moved: int
    """Left the deadband."""
    eventful: int
    """Counted an error, a discard or a transition."""
    misstated: int
    """Found to carry more than they are said to."""
    span_ns: int
    """The longest time over which one of them was measured."""


def limits_per_s(capacities_bps: Vector) -> Counted:
    """The most that each counter can count in a second, shape (N_COLUMNS, rows).

    Args:
        capacities_bps: Of each interface; 0, or what is no capacity, where nobody says.
    """
    is_stated: Flags = (capacities_bps > 0) & (capacities_bps < FASTEST_BPS)
    limits = np.full((N_COLUMNS, len(capacities_bps)), _MOST_EVENTS_PER_S)
    limits[:OCTETS] = _SLACK / 8 * np.where(is_stated, capacities_bps, FASTEST_BPS)
    return limits


@compiled
def _count(  # noqa: PLR0913, PLR0917 - machine code: what it takes apart costs a call
    before: Counters,
    row: int,
    after: Counters,
    at: int,
    limits: Counted,
    dt_s: float,
    bits: int,
    counted: Counted,
) -> bool:
    """Fill in what one row counted; whether it went forward, and beyond its capacity."""
    is_void, is_beyond, is_forward = False, False, True
    for column in range(N_COLUMNS):
        then, now = before[column, row], after[column, at]
        if then == _NOT_COUNTED or now == _NOT_COUNTED:  # noqa: PLR1714 - a comparison each
            counted[column, at] = np.nan
            continue
        moved = now - then  # modulo 2^64: a 64-bit counter that wrapped is right already
        is_forward &= now >= then
        most = limits[column, at]
        if column < OCTETS and bits == 32:
            moved &= _LAST_32
            if most < _UNSTATED and most / _SLACK * dt_s > _LAST_32:
                counted[column, at] = np.nan
                continue
            # Around a ring of unknown speed the shorter way is the likelier (as in RFC 1982).
            is_void |= now < then and most >= _UNSTATED and moved > _HALF_32
        if moved > most * (dt_s + _JITTER_S):
            is_void = True
            is_beyond |= column < OCTETS
        counted[column, at] = moved
    if is_void:
        for column in range(N_COLUMNS):
            counted[column, at] = np.nan
    return is_beyond and is_forward


@compiled
def _rate(  # noqa: PLR0917 - as above
    it: InterfaceRows, row: int, after: Counters, at: int, dt_s: float, counted: Counted
) -> bool:
    """Note the rates of one row; whether one of them left the deadband."""
    has_moved = False
    for column in range(N_RATES):
        count = counted[column, at]
        if not np.isnan(count):
            rate = count * 8 / dt_s if column < OCTETS else count / dt_s
            it.rates[column, row] = rate
            has_moved |= rate < it.low[column, row] or rate > it.high[column, row]
        elif after[column, at] == _NOT_COUNTED and not np.isnan(it.rates[column, row]):
            it.rates[column, row] = np.nan
            has_moved = True
    return has_moved


@compiled
def _advance(  # noqa: PLR0913, PLR0917 - as above
    arrays: Arrays,
    rows: Index,
    after: Counters,
    limits: Counted,
    at_ns: int,
    gap_ns: int,
    bits: int,
    counted: Counted,
) -> tuple[int, ...]:
    it = InterfaceRows(*arrays)
    later = older = void = moved = eventful = misstated = span_ns = 0
    for at in range(len(rows)):
        row = rows[at]
        dt_ns = at_ns - it.read_ns[row]
        if dt_ns <= 0:
            older += dt_ns < 0
            for column in range(N_COLUMNS):
                counted[column, at] = np.nan
            continue
        later += 1
        if dt_ns > gap_ns or it.bits[row] != bits:
            for column in range(N_COLUMNS):
                it.before[column, row] = _NOT_COUNTED
            it.bits[row] = bits
        else:
            span_ns = max(span_ns, dt_ns)
        dt_s = dt_ns / _NS
        is_beyond = _count(it.before, row, after, at, limits, dt_s, bits, counted)
        if is_beyond and it.is_doubted[row]:
            it.is_misstated[row] = True
            misstated += 1
        it.is_doubted[row] = is_beyond
        has_moved = _rate(it, row, after, at, dt_s, counted)
        it.has_moved[row] |= has_moved
        it.read_ns[row] = at_ns
        is_void, has_events = True, False
        # Column by column, for a slice of an array costs more than the few values in it.
        for column in range(N_COLUMNS):
            it.before[column, row] = after[column, at]
            is_void &= column >= OCTETS or np.isnan(counted[column, at])
            has_events |= column >= OCTETS and counted[column, at] > 0
        moved += has_moved
        void += is_void
        eventful += has_events
    return later, older, void, moved, eventful, misstated, span_ns


def advance(  # noqa: PLR0913 - a reading is what it is
    arrays: Arrays,
    rows: Index,
    after: Counters,
    *,
    limits: Counted,
    at_ns: int,
    gap_ns: int,
    bits: int,
) -> tuple[Tally, Counted]:
    """Take a reading of some rows: their rates, and which of those left the deadband.

    Rows that were not read later than what is known of them stay as they are.

    Args:
        arrays: All rows; changed in place.
        rows: Those that were read.
        after: Their counters.
        limits: From `limits_per_s`, of these rows.
        at_ns: When they were read.
        gap_ns: Over a longer time between two readings there is no rate.
        bits: Width of the octet counters.

    Returns:
        What it came to, and what each row counted since it was read before.
    """
    counted = np.empty(after.shape)
    tally = _advance(arrays, rows, after, limits, at_ns, gap_ns, bits, counted)
    return Tally(*tally), counted
