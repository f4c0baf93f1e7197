"""What the shadow has to be to be production: derived from production's synchronised state alone.

A shadow router boots the running configuration its original has, to the letter. What stands outside
our AS is not ours to read: a peer's border router is put together from the session with it and from
what it announces (its Adj-RIB-In on our side, before our policy).

Known limits: a peer router that has several sessions with us announces the union of what it
announces on each; FRR 8.4 does not say which communities a peer sent, so those are not reproduced;
what a router's configuration does not hold (kernel settings, packet filters) is not mirrored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface

from foreshadow.discovery import discover, links_down
from foreshadow.observed import Adjacency, ReceivedPath, Session, Stream
from foreshadow.routing import LocRibs
from foreshadow.state import NetworkState, Vector
from foreshadow.topology import Link, NodeId, Prefix, Topology
from shadow.emulation.configuration import Announcement, PeerPlan, PeerSession, peer_config
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Production at one moment: what to build, and what it must then behave like.

    Attributes:
        vector: The state it was derived from.
        stale: The (router, stream) pairs that are known to be out of date.
    """

    topology: Topology
    spec: LabSpec
    adjacencies: Mapping[NodeId, tuple[Adjacency, ...]]
    sessions: Mapping[NodeId, tuple[Session, ...]]
    loc_ribs: LocRibs
    vector: Vector
    stale: frozenset[tuple[NodeId, Stream]] = frozenset()

    @property
    def is_stale(self) -> bool:
        """Whether anything of it is out of date: evidence taken against it is void."""
        return bool(self.stale)

    def expected(self) -> Mapping[NodeId, frozenset[Prefix]]:
        """The prefixes each router has a best path for: what a lab must have to have come up."""
        return {
            router: frozenset(path.prefix for path in rib) for router, rib in self.loc_ribs.items()
        }


def picture(
    state: NetworkState, *, stale: frozenset[tuple[NodeId, Stream]] = frozenset()
) -> Picture:
    """Production as it is known now.

    Args:
        state: What is known.
        stale: What of it is known to be out of date.
    """
    topology = discover(state)
    return Picture(
        topology=topology,
        spec=lab_spec(state, topology),
        adjacencies={device: state.adjacencies(device) for device in state.devices()},
        sessions={device: state.sessions(device) for device in state.devices()},
        loc_ribs=state.loc_ribs(),
        vector=state.vector(),
        stale=stale,
    )


def lab_spec(state: NetworkState, topology: Topology) -> LabSpec:
    """The lab that reproduces production: its routers, its links as they are, its peers."""
    down = links_down(state, topology)
    return LabSpec(
        nodes=(*_routers(state), *_peers(state, topology)),
        links=tuple(
            LabLink(
                id=link.id,
                a=LabEnd(node=link.a.node, interface=link.a.interface),
                b=LabEnd(node=link.b.node, interface=link.b.interface),
                is_up=link.id not in down,
            )
            for link in topology.links
        ),
    )


def _routers(state: NetworkState) -> Iterator[LabNode]:
    for device in state.devices():
        config = state.running_config(device)
        if config is not None:
            yield LabNode(id=device, config=config.text)


def _peers(state: NetworkState, topology: Topology) -> Iterator[LabNode]:
    for node in topology.nodes:
        links = [link for link in topology.links if link.b.node == node.id]
        if node.is_external and links:
            plan = _peer_plan(state, node.id, links)
            yield LabNode(id=node.id, config=peer_config(plan), is_external=True)


def _peer_plan(state: NetworkState, peer: NodeId, links: list[Link]) -> PeerPlan:
    sessions = {link.id: _session(state, link) for link in links}
    addresses = {session.peer for session in sessions.values()}
    received = {
        it.path.prefix: it
        for link in links
        for it in state.received(link.a.node)
        if it.peer in addresses
    }
    return PeerPlan(
        name=peer,
        autonomous_system=sessions[links[0].id].remote_as,
        router_id=min(addresses),
        sessions=tuple(
            PeerSession(
                interface=link.b.interface,
                address=IPv4Interface((link.b.address, _prefix_length(state, link))),
                neighbor=link.a.address,
                neighbor_as=sessions[link.id].local_as,
            )
            for link in links
        ),
        announcements=tuple(_announcement(received[prefix]) for prefix in sorted(received)),
    )


def _session(state: NetworkState, link: Link) -> Session:
    return next(it for it in state.sessions(link.a.node) if it.peer == link.b.address)


def _prefix_length(state: NetworkState, link: Link) -> int:
    """The length of the network our side of the link is configured with; /31 if nothing is said."""
    shared = (
        address.network.prefixlen
        for interface in state.interfaces(link.a.node)
        if interface.name == link.a.interface
        for address in interface.addresses
        if link.b.address in address.network
    )
    return next(shared, 31)


def _announcement(received: ReceivedPath) -> Announcement:
    path = received.path
    return Announcement(
        prefix=path.prefix,
        as_path_beyond=tuple(
            int(number) for number in path.as_path.split()[1:] if number.isdigit()
        ),
        # FRR sends a MED of 0 unless told otherwise, so 0 needs no telling.
        med=path.med or None,
        origin=path.origin.lower(),
    )
