"""Latency stretch: the delay of traffic over the least it could have."""

from datetime import UTC, datetime

import pytest

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import LinkId, NodeId, Prefix
from scenarios.designs.latency_stretch import LatencyStretch
from scenarios.planning.planned_network import planned
from tests.square_story import square

_KEYS = (
    DemandKey(ingress=NodeId("NE"), prefix=Prefix("10.4.0.0/16")),
    DemandKey(ingress=NodeId("NW"), prefix=Prefix("10.2.0.0/16")),
)
_DEMAND = DemandMatrix(at=datetime(2026, 1, 1, tzinfo=UTC), keys=_KEYS, rates_bps=(1e9, 3e9))


def test_traffic_on_the_quickest_way_has_no_stretch() -> None:
    """Where cost and delay agree on every way, stretch is 1."""
    what_if = planned(square()).what_if
    delays = {link.id: link.a.metric * 1e-3 for link in what_if.topology.links}

    assert LatencyStretch(what_if.topology, delays, _DEMAND).of(what_if.fibs()) == pytest.approx(1)


def test_a_detour_counts_by_how_much_traffic_takes_it() -> None:
    """NE to SW goes two links of 1 ms over SE; with SE-SW gone it goes 1 + 5 ms over NW."""
    what_if = planned(square()).what_if
    delays = {LinkId(name): 1e-3 for name in ("NW-NE", "NE-SE", "SE-SW")}
    delays[LinkId("SW-NW")] = 5e-3
    stretch = LatencyStretch(what_if.topology, delays, _DEMAND)
    cut = LinkId("SE-SW")

    after = stretch.of(what_if.fibs(frozenset({cut})), without=cut)

    assert stretch.of(what_if.fibs()) == pytest.approx(1)
    assert after == pytest.approx((1 * 6 + 3 * 1) / (1 * 2 + 3 * 1))


def test_what_is_lost_does_not_count() -> None:
    """Traffic that arrives nowhere has no delay; with none left there is no stretch."""
    what_if = planned(square()).what_if
    delays = {link.id: 1e-3 for link in what_if.topology.links}
    stretch = LatencyStretch(what_if.topology, delays, _DEMAND)

    assert stretch.of(dict.fromkeys(what_if.fibs(), ())) is None


def test_a_link_without_a_delay_leaves_nothing_to_say() -> None:
    """A guess would be compared as if it were measured."""
    what_if = planned(square()).what_if

    assert LatencyStretch(what_if.topology, {}, _DEMAND).of(what_if.fibs()) is None
