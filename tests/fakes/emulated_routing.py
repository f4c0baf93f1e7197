"""What a lab's routers would know when all is at rest, computed with networkx.

OSPF and IS-IS are shortest paths with equal-cost multipath; BGP is one best exit by local
preference, then IGP distance, then lowest loopback, spread by a full mesh.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

import networkx as nx

from foreshadow.observed import Adjacency
from foreshadow.routing import BestPath, Fib, FibEntry, Forward, LocRib, Terminal
from foreshadow.topology import NodeId, Prefix
from shadow.emulation.lab import LabEnd, LabLink
from tests.fakes.emulated_router import EmulatedRouter

_USUAL_PREFERENCE = 100


@dataclass(frozen=True)
class Routing:
    """The routing of a lab: its routers, and the links over which two of them hear each other."""

    routers: Mapping[NodeId, EmulatedRouter]
    links: tuple[LabLink, ...]
    up: Collection[tuple[NodeId, str]]
    """Interfaces with carrier, heard or not."""

    def adjacencies(self, node: NodeId) -> tuple[Adjacency, ...]:
        """Its IGP neighbors, all full."""
        found = [
            Adjacency(
                router_id=loopback,
                interface=near.interface,
                state="Full" if self.routers[node].igp == "ospf" else "Up",
                cost=self._cost(near) or 0,
                protocol=self.routers[node].igp,
                level=0 if self.routers[node].igp == "ospf" else 2,
            )
            for near, far in self._igp_ends()
            if near.node == node
            for loopback in [self.routers[far.node].loopback]
            if loopback is not None
        ]
        return tuple(sorted(found, key=lambda it: (it.interface, it.router_id)))

    def fib(self, node: NodeId) -> Fib:
        """What its kernel forwards by."""
        found: dict[Prefix, FibEntry] = {}
        router = self.routers[node]
        for entry in self._own(router):
            found.setdefault(entry.prefix, entry)
        for prefix, owners in self._igp_prefixes().items():
            self._towards(found, node, prefix, owners)
        for path in self.loc_rib(node):
            at = next((it for it in found.values() if path.next_hop in it.prefix), None)
            if at is not None and path.prefix not in found:
                forwards = at.forwards or self._directly(node, path.next_hop)
                found[path.prefix] = FibEntry(prefix=path.prefix, forwards=forwards)
        return tuple(found[prefix] for prefix in sorted(found))

    def loc_rib(self, node: NodeId) -> LocRib:
        """Its best BGP paths."""
        router = self.routers[node]
        if router.autonomous_system is None:
            return ()
        chosen: dict[Prefix, tuple[tuple[int, float, int], BestPath]] = {}
        for rank, path in self._candidates(router):
            if path.prefix not in chosen or rank < chosen[path.prefix][0]:
                chosen[path.prefix] = (rank, path)
        return tuple(chosen[prefix][1] for prefix in sorted(chosen))

    def _own(self, router: EmulatedRouter) -> Iterator[FibEntry]:
        if router.loopback is not None:
            yield FibEntry(prefix=Prefix(router.loopback), terminal=Terminal.DELIVERED)
        for interface, port in router.ports.items():
            if (router.id, interface) in self.up:
                yield FibEntry(prefix=port.address.network, terminal=Terminal.DELIVERED)
        for prefix in router.discards:
            yield FibEntry(prefix=prefix, terminal=Terminal.DISCARDED)

    def _igp_prefixes(self) -> dict[Prefix, list[NodeId]]:
        owners: dict[Prefix, list[NodeId]] = {}
        for node, router in self.routers.items():
            if router.loopback is not None and self._runs_igp(router):
                owners.setdefault(Prefix(router.loopback), []).append(node)
            for interface, port in router.ports.items():
                if port.cost is not None and (node, interface) in self.up:
                    owners.setdefault(port.address.network, []).append(node)
        return owners

    def _towards(
        self, found: dict[Prefix, FibEntry], node: NodeId, prefix: Prefix, owners: list[NodeId]
    ) -> None:
        if prefix in found:
            return
        near = [it for it in owners if it in self._distances[node]]
        if near:
            shortest = min(self._distances[node][it] for it in near)
            best = [it for it in near if self._distances[node][it] == shortest]
            hops = {hop for owner in best for hop in self._first_hops(node, owner)}
            found[prefix] = FibEntry(prefix=prefix, forwards=tuple(sorted(hops, key=_by_interface)))

    def _first_hops(self, node: NodeId, owner: NodeId) -> Iterator[Forward]:
        total = self._distances[node][owner]
        for near, far in self._igp_ends():
            if near.node == node and owner in self._distances[far.node]:
                cost = self._cost(near)
                if cost is not None and cost + self._distances[far.node][owner] == total:
                    yield self._over(far, near.interface)

    def _over(self, far: LabEnd, interface: str) -> Forward:
        return Forward(
            interface=interface, gateway=self.routers[far.node].ports[far.interface].address.ip
        )

    def _directly(self, node: NodeId, gateway: IPv4Address) -> tuple[Forward, ...]:
        ports = self.routers[node].ports.items()
        return tuple(
            Forward(interface=interface, gateway=gateway)
            for interface, port in ports
            if gateway in port.address.network
        )

    def _candidates(
        self, router: EmulatedRouter
    ) -> Iterator[tuple[tuple[int, float, int], BestPath]]:
        for prefix in router.originates & router.discards:
            yield (-1 << 32, 0.0, 0), _path(prefix, IPv4Address(0))
        for other in self.routers.values():
            is_far = other.id != router.id
            if other.autonomous_system != router.autonomous_system or other.loopback is None:
                continue
            distance = self._distances[router.id].get(other.id) if is_far else 0.0
            if distance is None:
                continue
            if is_far:
                for prefix in other.originates & other.discards:
                    rank = (-_USUAL_PREFERENCE, distance, int(other.loopback))
                    yield rank, _path(prefix, other.loopback)
            for preference, external in self._learnt_outside(other):
                rank = (-preference, distance, int(other.loopback))
                hop = other.loopback if is_far else external.next_hop
                yield rank, _path(external.prefix, hop, preference, external.as_path)
        if router.loopback is None:  # A border router of another network hears its neighbors alone.
            for preference, external in self._learnt_outside(router):
                rank = (-preference, 0.0, int(external.next_hop))
                yield rank, external

    def _learnt_outside(self, router: EmulatedRouter) -> Iterator[tuple[int, BestPath]]:
        for near, far in self._heard():
            peer = self.routers[far.node]
            if near.node != router.id or near.interface not in router.ports:
                continue
            address = peer.ports[far.interface].address.ip if far.interface in peer.ports else None
            if address is None or router.remote_as.get(address) != peer.autonomous_system:
                continue
            preference = router.local_preference.get(address, _USUAL_PREFERENCE)
            for prefix in self._announced_by(peer):
                yield preference, _path(prefix, address, preference, str(peer.autonomous_system))

    def _announced_by(self, peer: EmulatedRouter) -> Collection[Prefix]:
        if peer.is_external:
            return peer.originates & peer.discards
        ours = (
            it for it in self.routers.values() if it.autonomous_system == peer.autonomous_system
        )
        return {prefix for it in ours for prefix in it.originates & it.discards}

    def _heard(self) -> Iterator[tuple[LabEnd, LabEnd]]:
        for link in self.links:
            yield link.a, link.b
            yield link.b, link.a

    def _igp_ends(self) -> Iterator[tuple[LabEnd, LabEnd]]:
        for near, far in self._heard():
            if self._cost(near) is not None and self._cost(far) is not None:
                yield near, far

    def _cost(self, end: LabEnd) -> int | None:
        port = self.routers[end.node].ports.get(end.interface)
        return None if port is None else port.cost

    def _runs_igp(self, router: EmulatedRouter) -> bool:
        return any(port.cost is not None for port in router.ports.values())

    @cached_property
    def _distances(self) -> Mapping[NodeId, Mapping[NodeId, float]]:
        graph: nx.DiGraph[NodeId] = nx.DiGraph()
        graph.add_nodes_from(self.routers)
        for near, far in self._igp_ends():
            cost = self._cost(near)
            known = graph.get_edge_data(near.node, far.node, {}).get("weight", cost)
            graph.add_edge(near.node, far.node, weight=min(cost or 0, known or 0))
        lengths: Callable[..., Mapping[NodeId, float]] = nx.single_source_dijkstra_path_length
        return {node: lengths(graph, node) for node in self.routers}


def _path(
    prefix: Prefix,
    next_hop: IPv4Address,
    preference: int | None = _USUAL_PREFERENCE,
    as_path: str = "",
) -> BestPath:
    return BestPath(prefix=prefix, next_hop=next_hop, local_preference=preference, as_path=as_path)


def _by_interface(forward: Forward) -> tuple[str, IPv4Address]:
    return forward.interface, forward.gateway or IPv4Address(0)
