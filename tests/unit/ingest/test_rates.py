"""What was counted between two readings: never negative, never more than can be, wraps or not."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import example, given

from foreshadow.telemetry import COUNTER_COLUMNS, NOT_COUNTED
from ingest.rates import FASTEST_BPS, advance, limits_per_s
from ingest.rates_rows import OCTETS, Counted, Counters, blank_rows

ANY_COUNTER = st.integers(0, NOT_COUNTED - 1)
DT_S = st.floats(0.5, 900)
ERRORS = COUNTER_COLUMNS.index("in_errors")
SECOND_NS = 1_000_000_000


def _row(in_octets: int, *events: int) -> Counters:
    """One interface: octets in and out alike, then errors, discards and transitions."""
    columns = [in_octets, in_octets, *events, *[0] * (len(COUNTER_COLUMNS) - 2 - len(events))]
    return np.asarray(columns, dtype=np.uint64)[:, np.newaxis]


def _between(
    before: Counters,
    after: Counters,
    *,
    dt_s: float = 10.0,
    capacity_bps: float = 10e9,
    bits: int = 64,
) -> Counted:
    """What one interface counted between two readings of it."""
    it, rows, counted = tuple(blank_rows(1)), np.zeros(1, dtype=np.intp), np.empty(0)
    for counters, at_s in ((before, 1.0), (after, 1.0 + dt_s)):
        tally, counted = advance(
            it,
            rows,
            counters,
            limits=limits_per_s(np.asarray([capacity_bps])),
            at_ns=round(at_s * SECOND_NS),
            gap_ns=1000 * SECOND_NS,
            bits=bits,
        )
        assert tally.later == 1
    return counted


def _counted(before: int, after: int, *, bits: int = 64, capacity_bps: float = 10e9) -> float:
    """Octets in, where octets out are the same."""
    counted = _between(_row(before), _row(after), bits=bits, capacity_bps=capacity_bps)
    return float(counted[0, 0])


@given(ANY_COUNTER, ANY_COUNTER, DT_S, st.sampled_from([0.0, 1e6, 1e10, 4e11, FASTEST_BPS * 2]))
def test_what_was_counted_is_never_negative_nor_beyond_belief(
    before: int, after: int, dt_s: float, capacity_bps: float
) -> None:
    """Whatever two 64-bit readings say, it is between nothing and what fits the time."""
    limits = limits_per_s(np.asarray([capacity_bps]))
    counted = _between(_row(before), _row(after), dt_s=dt_s, capacity_bps=capacity_bps)

    known = ~np.isnan(counted)
    assert (counted[known] >= 0).all()
    assert (counted <= limits * (dt_s + 1.001))[known].all()


@given(ANY_COUNTER, st.integers(0, 10**9))
@example((1 << 64) - 2, 5)
def test_where_a_counter_stands_does_not_matter(start: int, moved: int) -> None:
    """64 bits: the same traffic counts the same, wherever on its ring the counter began."""
    end = (start + moved) % (1 << 64)
    expected = np.nan if end == NOT_COUNTED else moved

    assert np.array_equal(_counted(start, end), expected, equal_nan=True)


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 125_000_000))
def test_where_a_short_counter_stands_does_not_matter(start: int, moved: int) -> None:
    """32 bits of 100 Mbit/s over 10 s: the same traffic counts the same."""
    end = (start + moved) % (1 << 32)

    assert _counted(start, end, bits=32, capacity_bps=1e8) == moved


def test_a_clear_is_no_wrap() -> None:
    """A 64-bit counter, and a 32-bit one far from its end, that fall back were cleared."""
    assert np.isnan(_counted(10**15, 5_000))
    assert np.isnan(_counted(1_000_000_000, 5_000, bits=32, capacity_bps=1e8))
    assert np.isnan(_counted(1_000_000_000, 5_000, bits=32, capacity_bps=0))


def test_a_short_counter_of_unknown_speed_wraps_the_shorter_way() -> None:
    """Within half a ring it is a wrap."""
    assert _counted((1 << 32) - 1_000, 500, bits=32, capacity_bps=0) == 1_500


def test_a_short_counter_that_can_go_around_twice_says_nothing() -> None:
    """4.3 GB in 10 s is 3.4 Gbit/s: of a 10 Gbit/s interface nobody can know."""
    assert np.isnan(_counted(1_000, 2_000, bits=32, capacity_bps=10e9))
    assert _counted(1_000, 2_000, bits=32, capacity_bps=1e9) == 1_000


def test_more_than_the_interface_can_carry_is_not_believed() -> None:
    """10 Gbit/s for 10 s is 12.5 GB."""
    assert _counted(0, 12_400_000_000) == 12_400_000_000
    assert np.isnan(_counted(0, 20_000_000_000))


@given(st.integers(1, 1 << 40), st.integers(0, 1 << 40))
def test_an_error_counter_that_falls_back_voids_its_interface(before: int, after: int) -> None:
    """Errors do not wrap: all beside them were cleared too, also what seems to go forward."""
    counted = _between(_row(1_000, before), _row(2_000, after))

    assert np.isnan(counted[:, 0]).all() == (after < before or after - before > 1.1e11)


@pytest.mark.parametrize("absent", ["before", "after", "both"])
def test_what_nobody_counts_is_not_known_and_voids_nothing(absent: str) -> None:
    """A column that is not counted leaves the others as they are."""
    before, after = _row(1_000, 3), _row(2_000, 5)
    for name, rows in (("before", before), ("after", after)):
        if absent in (name, "both"):
            rows[ERRORS] = NOT_COUNTED
    counted = _between(before, after)

    assert np.isnan(counted[ERRORS, 0])
    assert counted[:OCTETS, 0].tolist() == [1_000, 1_000]
