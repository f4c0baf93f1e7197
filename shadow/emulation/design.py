"""From a network file to names and configurations, by fixed rules (addresses: `addressing`).

interface         `to-<NEIGHBOR>`
link              `A-B` as in the file
loopback          on `lo`, OSPF router id and BGP source
iBGP              every router with each route reflector; the reflectors are one cluster. With level
                  1 areas under IS-IS alone: a level 1 router with those of its area, which are a
                  cluster of their own and put themselves as next hop of its routes
site              a discard route, announced in BGP
IS-IS             a link runs the levels both its ends have, level 1 within one area only

Links of the lab carry packets as fast as the host does, whatever capacity and delay the file gives
them: loads are computed by walking the FIBs, and shaping costs the host. Whoever wants packets to
meet delay and rate shapes the links of the `LabSpec` (`scaling.shaped`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from foreshadow.network_file import (
    AttachmentEntry,
    LinkEntry,
    NetworkFile,
    PeerEntry,
    RouterEntry,
    hear_each_other,
    isis_levels,
)
from foreshadow.routing_design import Bfd, Igp, IsisLevel
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, SrlgId, Topology
from shadow.emulation.addressing import (
    EXTERNAL,
    INTERNAL,
    address6,
    interface6,
    isis_net,
    loopback6,
    pair,
    prefix6,
    site6,
)
from shadow.emulation.configuration import (
    Announcement,
    ExternalSession,
    InternalNeighbor,
    IsisPlan,
    PeerPlan,
    PeerSession,
    Port,
    RouterPlan,
    peer_config,
    router_config,
)
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec

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
    even, odd = pair(INTERNAL, number)
    return Link(
        id=entry.id,
        a=_end(entry.a, entry.interface_to(entry.b), even, entry.cost),
        b=_end(entry.b, entry.interface_to(entry.a), odd, entry.cost_back or entry.cost),
        capacity_bps=entry.capacity_gbps * 1e9,
        delay_s=entry.delay_ms / 1e3,
        srlgs=frozenset(map(SrlgId, entry.srlgs)),
    )


def _external_link(place: _Attachment) -> Link:
    even, odd = pair(EXTERNAL, place.number)
    return Link(
        id=LinkId(f"{place.at.router}-{place.at.name}"),
        a=_end(place.at.router, f"to-{place.at.name}", even, 0),
        b=_end(place.at.name, f"to-{place.at.router}", odd, 0),
        capacity_bps=_UNKNOWN_CAPACITY_BPS,
        is_external=True,
    )


def _end(node: str, interface: str, address: IPv4Address, metric: int) -> LinkEnd:
    return LinkEnd(node=NodeId(node), interface=interface, address=address, metric=metric)


def _router_plan(network: NetworkFile, topology: Topology, entry: RouterEntry) -> RouterPlan:
    return RouterPlan(
        name=NodeId(entry.name),
        autonomous_system=network.autonomous_system,
        loopback=entry.loopback,
        loopback6=loopback6(entry) if network.ipv6 else None,
        site=entry.site,
        site6=site6(entry) if network.ipv6 else None,
        sites=tuple(router.site for router in network.routers),
        sites6=tuple(map(site6, network.routers)) if network.ipv6 else (),
        ports=(*_inner_ports(network, topology, entry), *_outer_ports(network, entry)),
        neighbors=tuple(_neighbors(network, entry)),
        sessions=tuple(_session(network, place) for place in _places_at(network, entry)),
        cluster_id=_cluster_id(network, entry),
        igp=network.igp,
        isis=IsisPlan(net=isis_net(entry), level=entry.isis_level)
        if network.igp.has_isis
        else None,
        throttle=network.throttle,
        bgp=network.bgp,
        ecmp=network.ecmp,
    )


def _neighbors(network: NetworkFile, entry: RouterEntry) -> Iterator[InternalNeighbor]:
    """Every router with each route reflector, where they can reach each other."""
    is_isis_alone = network.igp is Igp.ISIS
    for other in network.routers:
        if other.name == entry.name or not (entry.route_reflector or other.route_reflector):
            continue
        if is_isis_alone and not hear_each_other(entry, other):
            continue
        is_behind = IsisLevel.ONE is other.isis_level is not entry.isis_level
        yield InternalNeighbor(
            name=NodeId(other.name),
            loopback=other.loopback,
            loopback6=loopback6(other) if network.ipv6 else None,
            is_client=entry.route_reflector and not other.route_reflector,
            is_behind_us=is_isis_alone and is_behind and entry.route_reflector,
        )


def _cluster_id(network: NetworkFile, entry: RouterEntry) -> IPv4Address | None:
    """The reflectors are one cluster; those that stand before a level 1 area are one of its own."""
    if not entry.route_reflector:
        return None
    is_isis_alone = network.igp is Igp.ISIS
    areas = {it.isis_area for it in network.routers if it.isis_level is IsisLevel.ONE}
    together = (
        it
        for it in network.routers
        if it.route_reflector and not (is_isis_alone and areas and it.isis_area != entry.isis_area)
    )
    return min(it.loopback for it in together)


def _places_at(network: NetworkFile, entry: RouterEntry) -> Iterator[_Attachment]:
    return (place for place in _attachments(network) if place.at.router == entry.name)


def _session(network: NetworkFile, place: _Attachment) -> ExternalSession:
    theirs = pair(EXTERNAL, place.number)[1]
    return ExternalSession(
        name=NodeId(place.at.name),
        address=theirs,
        address6=address6(theirs) if network.ipv6 else None,
        remote_as=place.peer.autonomous_system,
        local_preference=place.at.local_preference,
        bfd=place.at.bfd,
    )


def _inner_ports(network: NetworkFile, topology: Topology, entry: RouterEntry) -> Iterator[Port]:
    routers = {router.name: router for router in network.routers}
    for described, link in zip(network.links, topology.links, strict=False):
        for near, far in link.ends():
            if near.node == entry.name:
                address = IPv4Interface((near.address, 31))
                yield Port(
                    interface=near.interface,
                    address=address,
                    address6=interface6(address) if network.ipv6 else None,
                    description=link.id,
                    bandwidth_mbps=round(link.capacity_bps / 1e6) or None,
                    cost=near.metric,
                    hello=described.hello or network.hello,
                    bfd=_bfd(network, described),
                    circuit=_circuit(entry, routers[far.node]),
                )


def _outer_ports(network: NetworkFile, entry: RouterEntry) -> Iterator[Port]:
    for place in _places_at(network, entry):
        address = IPv4Interface((pair(EXTERNAL, place.number)[0], 31))
        yield Port(
            interface=f"to-{place.at.name}",
            address=address,
            address6=interface6(address) if network.ipv6 else None,
            description=f"{place.at.router}-{place.at.name}",
        )


def _bfd(network: NetworkFile, link: LinkEntry) -> Bfd | None:
    if link.bfd is None:
        return network.bfd
    return link.bfd or None


def _circuit(near: RouterEntry, far: RouterEntry) -> str:
    """The circuit type of a link that runs fewer levels than the router does."""
    levels = isis_levels(near, far)
    if near.isis_level is not IsisLevel.BOTH or levels == near.isis_level.levels:
        return ""
    return "level-1" if levels == {1} else "level-2-only"


def _peer_plan(network: NetworkFile, place: _Attachment) -> PeerPlan:
    ours, theirs = pair(EXTERNAL, place.number)
    address = IPv4Interface((theirs, 31))
    return PeerPlan(
        name=NodeId(place.at.name),
        autonomous_system=place.peer.autonomous_system,
        router_id=theirs,
        sessions=(
            PeerSession(
                interface=f"to-{place.at.router}",
                address=address,
                address6=interface6(address) if network.ipv6 else None,
                neighbor=ours,
                neighbor6=address6(ours) if network.ipv6 else None,
                neighbor_as=network.autonomous_system,
                bfd=place.at.bfd,
            ),
        ),
        announcements=tuple(Announcement(prefix=entry.prefix) for entry in place.peer.prefixes),
        announcements6=tuple(prefix6(entry.prefix) for entry in place.peer.prefixes)
        if network.ipv6
        else (),
        bgp=network.bgp,
    )
