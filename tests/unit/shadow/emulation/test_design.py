"""The design rules: names and addresses, and every router's rendered configuration."""

import os
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from frr.configuration import split
from shadow.emulation.addressing import address6, prefix6
from shadow.emulation.configuration import (
    Announcement,
    PeerPlan,
    peer_config,
)
from shadow.emulation.design import design, peer_plans, router_plans
from shadow.emulation.lab import LabSpec


@pytest.fixture(scope="module")
def abilene(repository: Path) -> NetworkFile:
    """The demo's network file."""
    path = repository / "console" / "networks" / "abilene.yaml"
    return parse_network(path.read_text(), path=path)


@cache
def _designed(path: Path) -> tuple[Topology, LabSpec]:
    return design(parse_network(path.read_text(), path=path))


@pytest.fixture(scope="module")
def designed(abilene: NetworkFile) -> tuple[Topology, LabSpec]:
    """What becomes of it."""
    return design(abilene)


def test_links_are_numbered_in_file_order(designed: tuple[Topology, LabSpec]) -> None:
    """The sixth link has the sixth /31, `a` the even address; interfaces name the neighbor."""
    link = designed[0].link("CHINng-NYCMng")

    assert (link.a.address, link.b.address) == (
        IPv4Address("10.254.0.10"),
        IPv4Address("10.254.0.11"),
    )
    assert (link.a.interface, link.b.interface) == ("to-NYCMng", "to-CHINng")
    assert link.capacity_bps == 9.92e9
    assert link.a.metric == 700


def test_peers_are_external_and_out_of_the_capacities(designed: tuple[Topology, LabSpec]) -> None:
    """A peer's router is in the lab and on a link, but no load is computed for it."""
    topology, lab = designed
    link = topology.link("NYCMng-PEERNYC")

    assert link.is_external
    assert link.b.address == IPv4Address("10.253.0.3")
    assert len(topology.capacities()) == 30
    assert [node.id for node in lab.nodes if node.is_external] == ["PEERCHI", "PEERNYC"]


def test_lab_and_topology_name_the_same_cables(designed: tuple[Topology, LabSpec]) -> None:
    """What is computed on and what is plugged in are the same links."""
    topology, lab = designed

    assert [link.id for link in lab.links] == [link.id for link in topology.links]
    assert lab.link(LinkId("NYCMng-CHINng")).a.interface == "to-NYCMng"


def test_announced_prefixes_are_sites_and_peer_prefixes(designed: tuple[Topology, LabSpec]) -> None:
    """Twelve sites and six prefixes of the peer's are to be in every FIB of ours."""
    _, lab = designed

    assert len(lab.announced()) == 18
    assert Prefix("203.0.113.160/27") in lab.announced()
    assert set(lab.everywhere()) == {node.id for node in lab.nodes if not node.is_external}


def test_every_statement_has_an_owner(designed: tuple[Topology, LabSpec]) -> None:
    """Each rendered configuration can be handed to the daemons; nothing is left over."""
    for node in designed[1].nodes:
        assert split(node.config)


_ROUTERS = [
    "ATLAM5",
    "ATLAng",
    "CHINng",
    "DNVRng",
    "HSTNng",
    "IPLSng",
    "KSCYng",
    "LOSAng",
    "NYCMng",
    "SNVAng",
    "STTLng",
    "WASHng",
    "PEERCHI",
    "PEERNYC",
]


_GOLDEN = (
    *(("console/networks/abilene.yaml", router) for router in _ROUTERS),
    *(("tests/networks/ring6.yaml", router) for router in ("A", "B", "D", "PEERB")),
    *(("tests/networks/areas.yaml", router) for router in ("A", "B", "C")),
)


@pytest.mark.parametrize(("network", "router"), _GOLDEN)
def test_golden_configuration(network: str, router: str, repository: Path) -> None:
    """Each router's configuration is the one reviewed; `make golden` rewrites it."""
    source = repository / network
    rendered = _designed(source)[1].node(router).config
    path = repository / "tests" / "golden" / source.stem / f"{router}.conf"
    if os.environ.get("FORESHADOW_GOLDEN") == "rewrite":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(rendered)

    assert path.read_text() == rendered


def test_a_peer_announces_what_it_was_seen_to_announce(abilene: NetworkFile) -> None:
    """Attributes that production received are sent again by the peer that stands in."""
    plan = peer_plans(abilene)[0]
    announcement = Announcement(
        prefix=Prefix("198.51.100.0/24"),
        as_path_beyond=(64999, 64998),
        med=20,
        communities=("65010:1", "65010:2"),
        origin="incomplete",
    )
    text = peer_config(
        PeerPlan(
            name=NodeId("PEERX"),
            autonomous_system=plan.autonomous_system,
            router_id=plan.router_id,
            sessions=plan.sessions,
            announcements=(announcement,),
        )
    )

    assert " set as-path prepend 64999 64998\n" in text
    assert " set community 65010:1 65010:2\n" in text
    assert " set metric 20\n" in text
    assert " set origin incomplete\n" in text
    assert "ip route 198.51.100.0/24 blackhole\n" in text


def test_ipv6_addresses_follow_the_ipv4_ones() -> None:
    """The low 32 bits of an address, and the place of a prefix, are those of IPv4."""
    assert str(address6(IPv4Address("10.254.0.10"))) == "fd00:254::afe:a"
    assert str(address6(IPv4Address("10.253.0.1"))) == "fd00:253::afd:1"
    assert str(prefix6(Prefix("203.0.113.32/27"))) == "fd00:100:cb00:7120::/59"


def test_level_1_area_is_a_cluster_of_its_own(repository: Path) -> None:
    """A's reflectors are B and D, one cluster; the backbone's C is another, and no peer of A's."""
    path = repository / "tests" / "networks" / "areas.yaml"
    plans = {plan.name: plan for plan in router_plans(parse_network(path.read_text(), path=path))}

    assert [it.name for it in plans[NodeId("A")].neighbors] == ["B", "D"]
    assert [it.name for it in plans[NodeId("B")].behind_us()] == ["A"]
    assert plans[NodeId("C")].behind_us() == ()
    assert {str(plans[NodeId(it)].cluster_id) for it in "BD"} == {"10.255.0.2"}
    assert str(plans[NodeId("C")].cluster_id) == "10.255.0.3"
