"""Flows become rates per prefix and interval."""

import math
import random
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.topology import Prefix
from ingest.demand_flow import Aside, Direction, Flow
from ingest.demand_interval import DeviceDemand
from ingest.heard import DemandReading
from tests.flow_cases import demand

_S = 1_000_000_000
_T0 = 1_773_248_400 * _S
"""A whole multiple of every interval used here."""


def _flow(
    octets: int = 1_000,
    *,
    to: str = "10.1.0.1",
    start_s: float = 0,
    end_s: float | None = None,
    one_in: float = 1,
    packets: int = 1,
    ingress: int | None = 3,
    direction: Direction | None = None,
    aside: Aside | None = None,
) -> Flow:
    end_s = start_s if end_s is None else end_s
    return Flow(
        destination=int(IPv4Address(to)),
        octets=octets,
        packets=packets,
        start_ns=_T0 + round(start_s * _S),
        end_ns=_T0 + round(end_s * _S),
        sampled_one_in=one_in,
        ingress=ingress,
        direction=direction,
        aside=aside,
    )


def _rates(device: DeviceDemand) -> list[tuple[float, dict[str, float]]]:
    """(seconds since T0, rate by prefix) of what was closed."""
    return [
        (
            (each.start_ns - _T0) / _S,
            {str(prefix): rate.rate_bps for prefix, rate in each.rates.items()},
        )
        for each in device.readings()
    ]


def test_an_interval_is_closed_once_its_lateness_has_passed() -> None:
    """Not when it ends: flows are told of after they have passed."""
    device = demand(interval_s=10, lateness_s=5)
    device.reach(_T0)
    device.take(_flow(1_000, start_s=1))
    device.reach(_T0 + 12 * _S)
    assert _rates(device) == []
    device.take(_flow(500, start_s=9, to="10.2.0.1"))

    device.reach(_T0 + 15 * _S)

    assert _rates(device) == [(0, {"10.1.0.0/16": 800, "10.2.0.0/16": 400})]
    assert _rates(device) == []


def test_a_flow_over_several_intervals_is_split_by_time() -> None:
    """A constant rate over its length: no spike where it is told of."""
    device = demand(interval_s=10, lateness_s=30)
    device.reach(_T0)
    device.reach(_T0 + 25 * _S)
    device.take(_flow(2_000, start_s=5, end_s=25))

    device.finish()

    assert _rates(device) == [
        (0, {"10.1.0.0/16": 400}),
        (10, {"10.1.0.0/16": 800}),
        (20, {"10.1.0.0/16": 400}),
    ]


def test_what_comes_too_late_is_counted() -> None:
    """The share in a closed interval is lost to it, and the account says how much."""
    device = demand(interval_s=10, lateness_s=0)
    device.reach(_T0)
    device.reach(_T0 + 12 * _S)
    device.take(_flow(1_000, start_s=5, end_s=15))
    device.take(_flow(70, start_s=3))

    device.finish()

    assert _rates(device) == [(0, {}), (10, {"10.1.0.0/16": 400})]
    assert device.account.aside_octets[Aside.LATE] == 570
    assert device.account.aside_flows[Aside.LATE] == 1
    assert device.account.octets == 500


def test_sampling_is_multiplied_and_its_error_known() -> None:
    """One packet in N: N times the octets; over c packets an error of about sqrt(1 / c)."""
    device = demand()
    device.reach(_T0)
    for _ in range(100):
        device.take(_flow(1_000, one_in=1_000))

    device.finish()

    assert _rates(device) == [(0, {"10.1.0.0/16": 8 * 100 * 1_000 * 1_000 / 10})]
    (summary,) = device.account.recent
    assert summary.packets == 100
    assert summary.relative_error == pytest.approx(math.sqrt(1 / 100), rel=1e-3)


def test_flows_of_several_packets_have_the_error_of_their_packets() -> None:
    """Ten records of ten sampled packets are as sure as a hundred of one."""
    device = demand()
    device.reach(_T0)
    for _ in range(10):
        device.take(_flow(10_000, one_in=1_000, packets=10))

    device.finish()

    assert device.account.recent[0].relative_error == pytest.approx(0.1, rel=1e-3)


@pytest.mark.parametrize("one_in", [4, 20])
def test_the_error_stated_is_the_error_made(one_in: int) -> None:
    """Known traffic of two packet sizes, sampled at random 200 times: as far off as was said."""
    rng, sizes = random.Random(20040311), [64, 1_500] * 1_000
    true_octets, errors, stated = sum(sizes), [], []
    for _ in range(200):
        device = demand()
        device.reach(_T0)
        for octets in sizes:
            if rng.random() < 1 / one_in:
                device.take(_flow(octets, one_in=one_in))
        device.finish()
        errors.append(device.account.octets / true_octets - 1)
        stated.append(device.account.recent[0].relative_error)

    made = math.sqrt(sum(error**2 for error in errors) / len(errors))
    assert made == pytest.approx(sum(stated) / len(stated), rel=0.15)


def test_what_is_not_sampled_has_no_error_of_sampling() -> None:
    """All packets were counted."""
    device = demand()
    device.reach(_T0)
    device.take(_flow())

    device.finish()

    assert device.account.recent[0].relative_error == 0


def test_transit_is_counted_where_it_entered() -> None:
    """Only edges count; what goes out, is dropped or has no IPv4 is set aside by its reason."""
    device = demand(edges=frozenset({3}))
    device.reach(_T0)
    device.take(_flow(1, ingress=3))
    device.take(_flow(10, ingress=4))
    device.take(_flow(100, ingress=None))
    device.take(_flow(1_000, ingress=3, direction=Direction.EGRESS))
    device.take(_flow(10_000, aside=Aside.IPV6))
    device.take(_flow(100_000, to="192.0.2.1"))
    device.take(_flow(1 << 60))

    device.finish()

    assert _rates(device) == [(0, {"10.1.0.0/16": 0.8})]
    assert device.account.aside_octets == {
        Aside.NOT_AT_EDGE: 110,
        Aside.EGRESS: 1_000,
        Aside.IPV6: 10_000,
        Aside.UNLISTED: 100_000,
        Aside.IMPLAUSIBLE: 1 << 60,
    }


def test_the_interval_in_which_listening_began_is_not_shown() -> None:
    """It was heard in part only; a rate from it would be too low."""
    device = demand(interval_s=10, lateness_s=0, since_ns=_T0 + 4 * _S)
    device.reach(_T0 + 5 * _S)
    device.take(_flow(1_000, start_s=5))
    device.reach(_T0 + 11 * _S)
    device.take(_flow(1_000, start_s=11))

    device.reach(_T0 + 20 * _S)

    assert _rates(device) == [(10, {"10.1.0.0/16": 800})]


def test_an_exporter_without_flows_says_that_there_are_none() -> None:
    """Unless what it said was not understood; one that is silent says nothing."""
    device = demand(interval_s=10, lateness_s=0)
    device.reach(_T0 + 5 * _S)
    device.reach(_T0 + 15 * _S, is_whole=False)
    device.reach(_T0 + 45 * _S)

    device.finish()

    assert _rates(device) == [(0, {}), (40, {})]


def test_an_interval_with_flows_nobody_can_read_is_withheld() -> None:
    """Too small a demand would be shown: an old one is better."""
    device = demand(interval_s=10, lateness_s=0)
    device.reach(_T0)
    device.take(_flow())
    device.take(_flow(start_s=4, aside=Aside.UNKNOWN_SAMPLER))
    device.reach(_T0 + 15 * _S, awaits=True)
    device.take(_flow(start_s=15))
    device.reach(_T0 + 25 * _S)
    device.take(_flow(start_s=25))

    device.finish()

    assert _rates(device) == [(20, {"10.1.0.0/16": 800})]
    assert device.account.withheld == 2


def test_a_device_that_fell_silent_has_its_interval_closed() -> None:
    """By our clock, after twice the lateness."""
    device = demand(interval_s=10, lateness_s=5)
    device.reach(_T0)
    device.take(_flow())
    device.pass_time(_T0 + 19 * _S)
    assert _rates(device) == []

    device.pass_time(_T0 + 20 * _S)

    assert len(_rates(device)) == 1


def test_the_largest_prefixes_are_kept() -> None:
    """The smallest count to the listed prefix around them, or are counted as crowded out."""
    device = demand(prefixes=("10.0.0.0/8", *(f"10.{n}.0.0/16" for n in range(9))), max_prefixes=3)
    device.reach(_T0)
    for number in range(9):
        device.take(_flow(1_000 * (number + 1), to=f"10.{number}.0.1"))

    device.finish()

    ((_, rates),) = _rates(device)
    assert sum(rates.values()) == pytest.approx(8 * 45_000 / 10)
    assert rates["10.8.0.0/16"] == 7_200
    assert "10.0.0.0/16" not in rates
    assert len(rates) <= 4


def test_prefixes_without_one_around_them_are_counted_as_crowded_out() -> None:
    """Nothing disappears: what is no demand is in the account."""
    device = demand(prefixes=[f"10.{n}.0.0/16" for n in range(50)], max_prefixes=5)
    device.reach(_T0)
    for number in range(50):
        device.take(_flow(100 + number, to=f"10.{number}.0.1"))

    device.finish()

    ((_, rates),) = _rates(device)
    assert len(rates) == 5
    account = device.account
    assert account.octets + account.aside_octets[Aside.CROWDED_OUT] == sum(range(100, 150))
    assert sum(rates.values()) == pytest.approx(8 * account.octets / 10)


def test_a_clock_that_is_set_back_begins_anew() -> None:
    """It must not make every flow late until the old time comes round again."""
    device = demand(interval_s=10, lateness_s=0)
    device.reach(_T0 + 86_400 * _S)
    device.reach(_T0)
    device.take(_flow())

    device.reach(_T0 + 10 * _S)

    assert _rates(device) == [(0, {"10.1.0.0/16": 800})]
    assert device.account.resets == 1


@given(
    flows=st.lists(
        st.tuples(
            st.integers(0, 10**6), st.floats(0, 60), st.floats(0, 40), st.sampled_from([1, 10, 2.5])
        ),
        max_size=30,
    ),
    lateness_s=st.integers(0, 60),
)
def test_every_octet_is_demand_or_accounted_for(
    flows: list[tuple[int, float, float, float]], lateness_s: int
) -> None:
    """However flows overlap and however late: rates times time and what is late are all."""
    device = demand(interval_s=10, lateness_s=lateness_s)
    readings: list[DemandReading] = []
    for octets, start_s, length_s, one_in in sorted(flows, key=lambda each: each[1] + each[2]):
        flow = _flow(octets, start_s=start_s, end_s=start_s + length_s, one_in=one_in)
        device.reach(flow.end_ns)
        device.take(flow)
        readings.extend(device.readings())
    device.finish()
    readings.extend(device.readings())

    carried = sum(rate.rate_bps * 10 / 8 for each in readings for rate in each.rates.values())
    late = device.account.aside_octets[Aside.LATE]
    assert carried + late == pytest.approx(
        sum(octets * one_in for octets, _, _, one_in in flows), abs=len(flows) + 1
    )
    assert all(one.start_ns < two.start_ns for one, two in pairwise(readings))
    assert all(set(each.rates) <= {Prefix("10.1.0.0/16")} for each in readings)
