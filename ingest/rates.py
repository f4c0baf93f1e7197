"""What was counted between two readings of a counter, and whether that can be believed.

A counter only says how far it is, so a rate is the difference of two readings over the time between
them. Between the two it may have wrapped, been cleared, or belong to a device that began anew; a
value that cannot be told from those is no value. The rules, for a whole interface at once:

    a counter went back, and the way around its ring is less than the interface can carry: a wrap
    a counter went forward or around by more than that: it was cleared, as all beside it were
    it can have gone around more than once (32 bits at speed, RFC 2863 3.1.6): nobody can know

Errors, discards and transitions never wrap in practice; where one of them goes back, all are void.
"""

import numpy as np
import numpy.typing as npt

from foreshadow.telemetry import COUNTER_COLUMNS, NOT_COUNTED

Counted = npt.NDArray[np.float64]
"""Shape (len(COUNTER_COLUMNS), rows): NaN where it cannot be known."""
Counters = npt.NDArray[np.uint64]
"""Shape (len(COUNTER_COLUMNS), rows)."""
Vector = npt.NDArray[np.float64]

OCTETS = 2
"""The first columns of a block are octets, the rest are events."""
FASTEST_BPS = 1e13
"""No interface carries more, also where nobody says what it can."""
_MOST_EVENTS_PER_S = 1e10
_SLACK, _JITTER_S = 1.1, 1.0
"""A reading is never of exactly the moment it says: a tenth, and a second, above capacity is
rounding."""
_UNSTATED = _SLACK * FASTEST_BPS / 8
_LAST_32 = np.uint64((1 << 32) - 1)
_NOT_COUNTED = np.uint64(NOT_COUNTED)
N_COLUMNS = len(COUNTER_COLUMNS)


def limits_per_s(capacities_bps: Vector) -> Counted:
    """The most that each counter can count in a second, shape (len(COUNTER_COLUMNS), rows).

    Args:
        capacities_bps: Of each interface; 0, or what is no capacity, where nobody says.
    """
    stated = np.where(is_stated(capacities_bps), capacities_bps, FASTEST_BPS)
    limits = np.full((N_COLUMNS, len(stated)), _MOST_EVENTS_PER_S)
    limits[:OCTETS] = _SLACK * stated / 8
    return limits


def is_stated(capacities_bps: Vector) -> npt.NDArray[np.bool_]:
    """Whether each is a capacity: above 0 and not beyond what exists."""
    return (capacities_bps > 0) & (capacities_bps < FASTEST_BPS)


def counted_between(
    before: Counters, after: Counters, *, dt_s: Vector | float, limits: Counted, bits: int = 64
) -> Counted:
    """What was counted between two readings of the same interfaces.

    Args:
        before: The earlier reading; `NOT_COUNTED` where there is none to compare with.
        after: The later one.
        dt_s: Time between them, above 0: one for all rows or one a row.
        limits: From `limits_per_s`.
        bits: Width of the octet counters.
    """
    moved = after - before  # modulo 2^64: a 64-bit counter that wrapped is right already
    absent = (before == _NOT_COUNTED) | (after == _NOT_COUNTED)
    if bits == 32:
        moved[:OCTETS] &= _LAST_32
    void = moved > limits * (dt_s + _JITTER_S)
    if bits == 32:
        void[:OCTETS] |= (after < before)[:OCTETS] & _is_more_than_half(moved, limits)
    counted: Counted = moved.astype(np.float64)
    if np.count_nonzero(void):
        counted[:, (void & ~absent).any(axis=0)] = np.nan
    if bits == 32:
        counted[:OCTETS][_can_wrap_twice(limits, dt_s)] = np.nan
    if np.count_nonzero(absent):
        counted[absent] = np.nan
    return counted


def _is_more_than_half(moved: Counters, limits: Counted) -> npt.NDArray[np.bool_]:
    """Around a ring of unknown speed the shorter way is the likelier (RFC 1982's comparison)."""
    return (limits[:OCTETS] >= _UNSTATED) & (moved[:OCTETS] > _LAST_32 // np.uint64(2))


def _can_wrap_twice(limits: Counted, dt_s: Vector | float) -> npt.NDArray[np.bool_]:
    octets = limits[:OCTETS]
    return (octets < _UNSTATED) & (octets / _SLACK * dt_s > _LAST_32)
