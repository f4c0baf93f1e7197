"""What a scenario is resolved on: a network, its traffic now, and its traffic at the peak."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import networkx as nx

from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import DirectedLink, Link, LinkId, Node, NodeId, Prefix, SrlgId, Topology

BORDER, REFLECTOR, STUB = "border", "reflector", "stub"
"""Roles every network has, whatever its operator calls things: see `Ground.roles`."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SessionName:
    """A BGP session as scenarios name it: `ROUTER:PEER`."""

    node: NodeId
    peer: NodeId
    is_external: bool

    def __str__(self) -> str:
        return f"{self.node}:{self.peer}"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A network and its traffic.

    Attributes:
        network: The model; links that are down now can neither be picked nor broken.
        demand: What a drill loads the network with.
        forecast: Demand at the forecast peak; None where nothing is forecast.
    """

    network: Present
    demand: DemandMatrix
    forecast: DemandMatrix | None = None
    _loads: dict[bool, Mapping[DirectedLink, float]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @property
    def topology(self) -> Topology:
        """All routers and links, also those that are down."""
        return self.network.what_if.topology

    @cached_property
    def routers(self) -> tuple[Node, ...]:
        """Our own."""
        return tuple(node for node in self.topology.nodes if not node.is_external)

    @cached_property
    def links(self) -> Mapping[LinkId, Link]:
        """Those that are up, our own and external ones."""
        return {ln.id: ln for ln in self.topology.links if ln.id not in self.network.down}

    @cached_property
    def srlgs(self) -> Mapping[SrlgId, tuple[LinkId, ...]]:
        """Members of every risk group that are up."""
        groups: dict[SrlgId, list[LinkId]] = {}
        for link in self.links.values():
            for group in sorted(link.srlgs):
                groups.setdefault(group, []).append(link.id)
        return {group: tuple(links) for group, links in sorted(groups.items())}

    @cached_property
    def sessions(self) -> tuple[SessionName, ...]:
        """BGP sessions: with peers over external links, and iBGP with each reflector."""
        ours = {node.id for node in self.routers}
        external = [
            SessionName(node=near.node, peer=far.node, is_external=True)
            for link in self.links.values()
            if link.is_external
            for near, far in link.ends()
            if near.node in ours
        ]
        reflectors = sorted(self.network.what_if.reflectors) or sorted(ours)
        internal = {
            frozenset((node, rr)): SessionName(node=node, peer=rr, is_external=False)
            for rr in reflectors
            for node in sorted(ours)
            if node != rr
        }
        return (*external, *internal.values())

    @cached_property
    def announcers(self) -> Mapping[Prefix, tuple[NodeId, ...]]:
        """Which of our routers originate a prefix, or have it from a peer."""
        return {
            prefix: tuple(way.router for way in ways)
            for prefix, ways in self.network.what_if.exits.items()
        }

    def originators(self, prefix: Prefix) -> tuple[NodeId, ...]:
        """Which routers have a `network` statement for it: ours, or the peers' border routers."""
        found = []
        for way in self.network.what_if.exits.get(prefix, ()):
            if way.via is None:
                found.append(way.router)
            elif way.via in self.links:
                ends = {end.node for end in (self.links[way.via].a, self.links[way.via].b)}
                found += sorted(ends - {way.router})
        return tuple(found)

    @cached_property
    def roles(self) -> Mapping[NodeId, frozenset[str]]:
        """What the operator says, and what shows: border, reflector, stub (one internal link)."""
        inside: dict[NodeId, int] = {}
        borders = set()
        for link in self.links.values():
            for end in (link.a, link.b):
                if link.is_external:
                    borders.add(end.node)
                else:
                    inside[end.node] = inside.get(end.node, 0) + 1
        return {
            node.id: node.roles
            | ({BORDER} if node.id in borders else frozenset())
            | ({REFLECTOR} if node.id in self.network.what_if.reflectors else frozenset())
            | ({STUB} if inside.get(node.id, 0) == 1 else frozenset())
            for node in self.routers
        }

    def traffic(self, *, at_peak: bool) -> DemandMatrix:
        """The demand now, or at the forecast peak where one is known."""
        return self.forecast if at_peak and self.forecast is not None else self.demand

    def load_ratios(self, *, at_peak: bool) -> Mapping[DirectedLink, float]:
        """Load over capacity of every internal direction."""
        if at_peak not in self._loads:
            demand = self.traffic(at_peak=at_peak)
            matrix = self.network.under(frozenset(), demand.keys)
            self._loads[at_peak] = matrix.load_ratios(demand)
        return self._loads[at_peak]

    @cached_property
    def link_betweenness(self) -> Mapping[LinkId, float]:
        """Share of all shortest paths over a link, the busier direction."""
        graph = self.topology.without(self.network.down).graph()
        found: dict[LinkId, float] = {}
        for (_, _, link), share in nx.edge_betweenness_centrality(graph, weight="weight").items():
            found[link] = max(found.get(link, 0.0), share)
        return found

    @cached_property
    def node_betweenness(self) -> Mapping[NodeId, float]:
        """Share of all shortest paths through a router."""
        graph = nx.DiGraph(self.topology.without(self.network.down).graph())
        return dict(nx.betweenness_centrality(graph, weight="weight"))
