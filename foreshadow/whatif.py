"""Where every demand would go if links failed: a model of a converged OSPF and BGP network.

The model writes the forwarding tables the routers would settle on, and `foreshadow.walk` walks them
exactly as it walks the tables read from real routers. So the model and the shadow can only differ
in a table, never in how a table is turned into loads.

What it knows: shortest paths with ECMP, BGP's choice of exit by local preference, own path, IGP
distance (hot potato) and router id (RFC 4271 section 9.1), and that a route reflector passes on its
own choice only (RFC 4456). What it does not: AS path, MED, communities, timing. It is for ranking;
the shadow measures.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

import networkx as nx
import numpy as np

from foreshadow.demand import DemandKey
from foreshadow.exits import Exit, Exits
from foreshadow.routing import FibEntry, Fibs, Forward, Terminal
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import RoutingMatrix, walk

NO_CUT: frozenset[LinkId] = frozenset()
_LAST = IPv4Address("255.255.255.255")
_KEPT_BYTES = 1 << 30
"""Of routing matrices: those of thirty failures of 1,000 links under 2,000 demands."""


def single_cuts(topology: Topology) -> tuple[frozenset[LinkId], ...]:
    """Every failure of one internal link, in link order."""
    return tuple(frozenset({link.id}) for link in topology.links if not link.is_external)


def route(
    topology: Topology,
    exits: Exits,
    keys: tuple[DemandKey, ...],
    cut: frozenset[LinkId] = NO_CUT,
    *,
    reflectors: frozenset[NodeId] = frozenset(),
) -> RoutingMatrix:
    """Which share of each demand is on which link once the network has converged without `cut`.

    Args:
        topology: The whole network.
        exits: Where each prefix can leave.
        keys: The demands; one towards a prefix without exit is lost.
        cut: Links that are down.
        reflectors: Route reflectors; empty means full-mesh iBGP, where everyone sees every exit.
    """
    left = topology.without(cut)
    matrix = walk(left, converged(left, exits, reflectors=reflectors), keys)
    return _with_rows_of(topology, matrix)


def converged(
    topology: Topology, exits: Exits, *, reflectors: frozenset[NodeId] = frozenset()
) -> Fibs:
    """The forwarding tables every router of `topology` would settle on for the prefixes of `exits`.

    A link missing from the topology is down, and so is an exit over it.
    """
    igp = _Igp.of(topology)
    up = frozenset(link.id for link in topology.links)
    fibs: dict[NodeId, list[FibEntry]] = {node: [] for node in igp.distance}
    for prefix, ways in exits.items():
        alive = tuple(way for way in ways if way.via is None or way.via in up)
        for node, chosen in _choices(igp, alive, reflectors).items():
            fibs[node].append(igp.entry(node, prefix, chosen))
    return {node: tuple(fib) for node, fib in fibs.items()}


class WhatIf:
    """The routing of one network under any failure, each worked out once while there is room."""

    def __init__(
        self,
        topology: Topology,
        exits: Exits,
        *,
        reflectors: frozenset[NodeId] = frozenset(),
        kept_bytes: int = _KEPT_BYTES,
    ) -> None:
        """Nothing is computed yet.

        Args:
            topology: The whole network.
            exits: Where each prefix can leave.
            reflectors: Route reflectors; empty means full-mesh iBGP.
            kept_bytes: Of routing matrices; those asked for longest ago go first.
        """
        self.topology, self.exits, self.reflectors = topology, exits, reflectors
        self._kept_bytes = kept_bytes
        self._fibs: dict[frozenset[LinkId], Fibs] = {}
        self._matrices: dict[frozenset[LinkId], RoutingMatrix] = {}
        """Of the demands asked for last: a network may stay the same while prefixes come and go."""

    def fibs(self, cut: frozenset[LinkId] = NO_CUT) -> Fibs:
        """The settled forwarding tables without `cut`."""
        if cut not in self._fibs:
            left = self.topology.without(cut)
            self._fibs[cut] = converged(left, self.exits, reflectors=self.reflectors)
        return self._fibs[cut]

    def route(self, keys: tuple[DemandKey, ...], cut: frozenset[LinkId] = NO_CUT) -> RoutingMatrix:
        """As the function `route`."""
        known = self._matrices.pop(cut, None)
        if known is None or known.keys != keys:
            matrix = walk(self.topology.without(cut), self.fibs(cut), keys)
            known = _with_rows_of(self.topology, matrix)
        self._matrices[cut] = known
        while len(self._matrices) > max(1, self._kept_bytes // max(1, known.shares.nbytes)):
            oldest = next(iter(self._matrices))
            del self._matrices[oldest]
            self._fibs.pop(oldest, None)
        return known


@dataclass(frozen=True, slots=True, kw_only=True)
class _Igp:
    """Shortest paths between internal routers."""

    distance: Mapping[NodeId, Mapping[NodeId, float]]
    hops: Mapping[NodeId, tuple[tuple[str, NodeId, int], ...]]
    """Per router: (interface, neighbor, metric)."""
    router_id: Mapping[NodeId, IPv4Address]

    @classmethod
    def of(cls, topology: Topology) -> "_Igp":
        hops: dict[NodeId, list[tuple[str, NodeId, int]]] = {
            node.id: [] for node in topology.nodes if not node.is_external
        }
        for link in topology.links:
            if not link.is_external:
                for near, far in link.ends():
                    hops[near.node].append((near.interface, far.node, near.metric))
        return cls(
            distance=dict(nx.all_pairs_dijkstra_path_length(topology.graph())),
            hops={node: tuple(ways) for node, ways in hops.items()},
            router_id={node.id: node.loopback or _LAST for node in topology.nodes},
        )

    def between(self, src: NodeId, dst: NodeId) -> float:
        return self.distance[src].get(dst, math.inf)

    def best(self, node: NodeId, ways: Iterable[Exit]) -> Exit | None:
        """What BGP at `node` chooses among the exits it can reach and has been told of."""
        reachable = [way for way in ways if self.between(node, way.router) < math.inf]
        return min(
            reachable,
            key=lambda way: (
                -way.local_preference,
                self.between(node, way.router),
                self.router_id[way.router],
                way.router,
            ),
            default=None,
        )

    def entry(self, node: NodeId, prefix: Prefix, chosen: Exit) -> FibEntry:
        if chosen.router == node:
            return FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
        rest = self.between(node, chosen.router)
        forwards = tuple(
            Forward(interface=interface)
            for interface, neighbor, metric in self.hops[node]
            if metric + self.between(neighbor, chosen.router) == rest
        )
        return FibEntry(prefix=prefix, forwards=forwards)


def _choices(
    igp: _Igp, ways: tuple[Exit, ...], reflectors: frozenset[NodeId]
) -> dict[NodeId, Exit]:
    """Each router's exit; a router without one is missing. Own exits have distance 0, so win."""
    reflected = {rr: igp.best(rr, ways) for rr in reflectors}
    chosen: dict[NodeId, Exit] = {}
    for node in igp.distance:
        if reflectors and node not in reflectors:
            own = [way for way in ways if way.router == node]
            told = [
                way for rr, way in reflected.items() if way and igp.between(node, rr) < math.inf
            ]
            best = igp.best(node, own + told)
        else:
            best = igp.best(node, ways)
        if best is not None:
            chosen[node] = best
    return chosen


def _with_rows_of(topology: Topology, matrix: RoutingMatrix) -> RoutingMatrix:
    """The same matrix with a row, empty where it is cut, for every link of the whole network.

    Failures can then be compared row by row, and a cut link reads as load 0.
    """
    capacities = topology.capacities()
    shares = np.zeros((len(capacities), len(matrix.keys)))
    row = {direction: index for index, direction in enumerate(capacities)}
    shares[[row[direction] for direction in matrix.links]] = matrix.shares
    return RoutingMatrix(
        keys=matrix.keys,
        links=tuple(capacities),
        capacity_bps=np.asarray(list(capacities.values())),
        shares=shares,
        lost=matrix.lost,
        looped=matrix.looped,
    )
