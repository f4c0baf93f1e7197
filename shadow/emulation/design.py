"""From a network file to addresses, names and configurations, by fixed rules.

interface         `to-<NEIGHBOR>`
link              `A-B` as in the file, numbered in file order: the n-th has the n-th /31 of
                  10.254.0.0/16, `a` the even address; towards peers likewise in 10.253.0.0/16
loopback          on `lo`, OSPF router id and BGP source
iBGP              every router with each route reflector; the reflectors are one cluster
site              a discard route, announced in BGP
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from foreshadow.network_file import AttachmentEntry, LinkEntry, NetworkFile, PeerEntry, RouterEntry
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, SrlgId, Topology
from shadow.emulation.configuration import (
    Announcement,
    ExternalSession,
    InternalNeighbor,
    PeerPlan,
    PeerSession,
    Port,
    RouterPlan,
    peer_config,
    router_config,
)
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec

_INTERNAL = IPv4Network("10.254.0.0/16")
_EXTERNAL = IPv4Network("10.253.0.0/16")
_UNKNOWN_CAPACITY_BPS = 0.0
"""Nobody says how wide a peer's link is; loads are computed on internal links only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attachment:
    """One place where a peer is reached, with its number over all peers."""

    number: int
    peer: PeerEntry
    at: AttachmentEntry


def design(network: NetworkFile) -> tuple[Topology, LabSpec]:
    """The network a file describes, and the lab that runs it."""
    topology = topology_of(network)
    ours = (LabNode(id=plan.name, config=router_config(plan)) for plan in router_plans(network))
    theirs = (
        LabNode(id=plan.name, config=peer_config(plan), is_external=True)
        for plan in peer_plans(network)
    )
    links = (
        LabLink(
            id=link.id,
            a=LabEnd(node=link.a.node, interface=link.a.interface),
            b=LabEnd(node=link.b.node, interface=link.b.interface),
        )
        for link in topology.links
    )
    return topology, LabSpec(nodes=(*ours, *theirs), links=tuple(links))


def topology_of(network: NetworkFile) -> Topology:
    """Routers and links with their addresses; the peers' border routers are external nodes."""
    routers = (
        Node(id=NodeId(entry.name), loopback=entry.loopback, roles=frozenset(entry.roles))
        for entry in network.routers
    )
    peers = (Node(id=NodeId(place.at.name), is_external=True) for place in _attachments(network))
    return Topology(
        nodes=(*routers, *peers),
        links=(
            *(_internal_link(number, entry) for number, entry in enumerate(network.links)),
            *(_external_link(place) for place in _attachments(network)),
        ),
    )


def router_plans(network: NetworkFile) -> tuple[RouterPlan, ...]:
    """What each router of ours is configured to be, in file order."""
    topology = topology_of(network)
    return tuple(_router_plan(network, topology, entry) for entry in network.routers)


def peer_plans(network: NetworkFile) -> tuple[PeerPlan, ...]:
    """What each peer's border router is configured to be, in file order."""
    return tuple(_peer_plan(network, place) for place in _attachments(network))


def _attachments(network: NetworkFile) -> Iterator[_Attachment]:
    places = ((peer, attachment) for peer in network.peers for attachment in peer.attachments)
    for number, (peer, attachment) in enumerate(places):
        yield _Attachment(number=number, peer=peer, at=attachment)


def _internal_link(number: int, entry: LinkEntry) -> Link:
    even, odd = _pair(_INTERNAL, number)
    return Link(
        id=LinkId(f"{entry.a}-{entry.b}"),
        a=_end(entry.a, entry.b, even, entry.cost),
        b=_end(entry.b, entry.a, odd, entry.cost),
        capacity_bps=entry.capacity_gbps * 1e9,
        delay_s=entry.delay_ms / 1e3,
        srlgs=frozenset(map(SrlgId, entry.srlgs)),
    )


def _external_link(place: _Attachment) -> Link:
    even, odd = _pair(_EXTERNAL, place.number)
    return Link(
        id=LinkId(f"{place.at.router}-{place.at.name}"),
        a=_end(place.at.router, place.at.name, even, 0),
        b=_end(place.at.name, place.at.router, odd, 0),
        capacity_bps=_UNKNOWN_CAPACITY_BPS,
        is_external=True,
    )


def _end(near: str, far: str, address: IPv4Address, metric: int) -> LinkEnd:
    return LinkEnd(node=NodeId(near), interface=f"to-{far}", address=address, metric=metric)


def _pair(block: IPv4Network, number: int) -> tuple[IPv4Address, IPv4Address]:
    return block[2 * number], block[2 * number + 1]


def _router_plan(network: NetworkFile, topology: Topology, entry: RouterEntry) -> RouterPlan:
    reflectors = tuple(router for router in network.routers if router.route_reflector)
    return RouterPlan(
        name=NodeId(entry.name),
        autonomous_system=network.autonomous_system,
        loopback=entry.loopback,
        site=entry.site,
        sites=tuple(router.site for router in network.routers),
        ports=tuple(_ports(topology, entry.name)),
        neighbors=tuple(
            InternalNeighbor(
                name=NodeId(other.name),
                loopback=other.loopback,
                is_client=entry.route_reflector and not other.route_reflector,
            )
            for other in (network.routers if entry.route_reflector else reflectors)
            if other.name != entry.name
        ),
        sessions=tuple(
            ExternalSession(
                name=NodeId(place.at.name),
                address=_pair(_EXTERNAL, place.number)[1],
                remote_as=place.peer.autonomous_system,
                local_preference=place.at.local_preference,
            )
            for place in _attachments(network)
            if place.at.router == entry.name
        ),
        cluster_id=min(r.loopback for r in reflectors) if entry.route_reflector else None,
    )


def _ports(topology: Topology, router: str) -> Iterator[Port]:
    for link in topology.links:
        for near, _ in link.ends():
            if near.node == router:
                yield Port(
                    interface=near.interface,
                    address=IPv4Interface(f"{near.address}/31"),
                    description=link.id,
                    bandwidth_mbps=round(link.capacity_bps / 1e6) or None,
                    cost=None if link.is_external else near.metric,
                )


def _peer_plan(network: NetworkFile, place: _Attachment) -> PeerPlan:
    ours, theirs = _pair(_EXTERNAL, place.number)
    return PeerPlan(
        name=NodeId(place.at.name),
        autonomous_system=place.peer.autonomous_system,
        router_id=theirs,
        sessions=(
            PeerSession(
                interface=f"to-{place.at.router}",
                address=IPv4Interface(f"{theirs}/31"),
                neighbor=ours,
                neighbor_as=network.autonomous_system,
            ),
        ),
        announcements=tuple(Announcement(prefix=entry.prefix) for entry in place.peer.prefixes),
    )
