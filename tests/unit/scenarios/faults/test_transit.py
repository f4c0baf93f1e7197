"""What a router carries for others, read from all FIBs."""

from pathlib import Path

import pytest

from foreshadow.network_file import parse_network
from foreshadow.topology import LinkId, NodeId
from scenarios.faults.transit import transit_through
from shadow.emulation.design import design
from tests.fakes.emulator import FakeLab

_NW, _NE, _SE = NodeId("NW"), NodeId("NE"), NodeId("SE")


@pytest.fixture
def lab(repository: Path) -> FakeLab:
    """Four routers in a ring; NE is the preferred exit to a peer, SW the other."""
    path = repository / "tests" / "networks" / "square.yaml"
    lab = FakeLab(design(parse_network(path.read_text(), path=path))[1])
    lab.up(within_s=1)
    return lab


def test_a_ring_passes_traffic_through_every_router(lab: FakeLab) -> None:
    """SW reaches NE's site by SE, though the other way round is there too."""
    assert "SW to 10.2.0.0/16 on to NE" in transit_through(lab, _SE)
    assert not any("10.3.0.0/16" in it for it in transit_through(lab, _SE))


def test_an_exit_counts_where_there_is_another(lab: FakeLab) -> None:
    """All leave by NE; with its peer's other router cut off there is no other way."""
    assert "SE to 203.0.113.0/27 on to PEERNE" in transit_through(lab, _NE)

    lab.set_link(LinkId("SW-PEERSW"), is_up=False)

    assert not any("PEERNE" in it for it in transit_through(lab, _NE))


def test_what_has_no_way_around_is_no_transit(lab: FakeLab) -> None:
    """In a chain the middle has to carry."""
    lab.set_link(LinkId("SW-NW"), is_up=False)

    assert not any("on to SE" in it for it in transit_through(lab, _NE))


def test_an_overloaded_router_carries_nothing_for_others(lab: FakeLab) -> None:
    """After max-metric all go around it."""
    lab.apply_config(_SE, "router ospf\n max-metric router-lsa administrative\n")

    assert transit_through(lab, _SE) == ()
