"""The design rules: names and addresses, and every router's rendered configuration."""

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from frr.configuration import split
from shadow.emulation.configuration import (
    Announcement,
    PeerPlan,
    peer_config,
)
from shadow.emulation.design import design, peer_plans
from shadow.emulation.lab import LabSpec


@pytest.fixture(scope="module")
def abilene(repository: Path) -> NetworkFile:
    """The demo's network file."""
    path = repository / "console" / "networks" / "abilene.yaml"
    return parse_network(path.read_text(), path=path)


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


@pytest.mark.parametrize("router", _ROUTERS)
def test_golden_configuration(
    router: str, designed: tuple[Topology, LabSpec], repository: Path
) -> None:
    """Each router's configuration is the one reviewed; `make golden` rewrites it."""
    path = repository / "tests" / "golden" / "abilene" / f"{router}.conf"
    rendered = designed[1].node(router).config
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
