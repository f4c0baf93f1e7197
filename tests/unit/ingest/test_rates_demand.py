"""Which demands are said again: never an error beyond the deadband, never a stale prefix."""

from collections.abc import Mapping

import hypothesis.strategies as st
from hypothesis import given

from foreshadow.observed import DemandRate, encode
from ingest.rates_demand import DemandDeadband

PREFIXES = st.sampled_from(["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"])
INTERVALS = st.lists(st.dictionaries(PREFIXES, st.floats(0, 1e12)), min_size=1, max_size=20)


def _encoded(rates: Mapping[str, float]) -> dict[str, bytes]:
    return {prefix: encode(DemandRate(rate_bps=rate)) for prefix, rate in rates.items()}


@given(INTERVALS, st.floats(0, 0.5), st.floats(0, 0.1))
def test_what_was_said_is_never_further_off_than_the_deadband(
    intervals: list[dict[str, float]], share: float, floor_share: float
) -> None:
    """Of every prefix in every interval; and every prefix is there that was measured, no other."""
    deadband = DemandDeadband(share=share, floor_share=floor_share)
    said: Mapping[str, bytes] = {}
    for rates in intervals:
        said = deadband.settled(_encoded(rates), said)
        told = {prefix: float(raw[12:-1]) for prefix, raw in said.items()}
        least = floor_share * sum(rates.values())
        assert told.keys() == rates.keys()
        for prefix, rate in rates.items():
            assert abs(told[prefix] - rate) <= max(share * told[prefix], least)


def test_without_a_deadband_all_is_said_as_it_is() -> None:
    """The smallest change is one."""
    first, second = _encoded({"10.1.0.0/16": 1.0}), _encoded({"10.1.0.0/16": 1.0000001})

    assert DemandDeadband().settled(second, first) == second


def test_a_demand_that_hardly_moved_stays_as_it_was_said() -> None:
    """By the share of its own rate, or by that of all that enters with it."""
    known = _encoded({"10.1.0.0/16": 1000.0, "10.2.0.0/16": 1.0, "10.3.0.0/16": 1.0})
    seen = _encoded({"10.1.0.0/16": 1019.0, "10.2.0.0/16": 1.9, "10.3.0.0/16": 3.0})
    settled = DemandDeadband(share=0.02, floor_share=0.001).settled(seen, known)

    assert settled == {**known, "10.3.0.0/16": seen["10.3.0.0/16"]}
