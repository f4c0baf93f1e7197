"""What is joined to what: routers, links and their two directions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import NewType

import networkx as nx

NodeId = NewType("NodeId", str)
LinkId = NewType("LinkId", str)
SrlgId = NewType("SrlgId", str)
"""A shared risk link group (RFC 4202): links that lie in one duct, on one card, on one feed."""
Prefix = IPv4Network


def reversed_name(link_id: str) -> str:
    """A link's name with its ends the other way round: `B-A.2` of `A-B.2`."""
    ends, dot, number = link_id.partition(".")
    head, _, tail = ends.partition("-")
    return f"{tail}-{head}{dot}{number}"


@dataclass(frozen=True, slots=True, order=True)
class DirectedLink:
    """One direction of a link: what a load is measured on. Prints as `CHINng->NYCMng`."""

    src: NodeId
    dst: NodeId
    link: LinkId

    def __str__(self) -> str:
        """`src->dst`, with the link's own name where two links join the same routers."""
        plain = {f"{self.src}-{self.dst}", f"{self.dst}-{self.src}"}
        return f"{self.src}->{self.dst}" + ("" if self.link in plain else f"[{self.link}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkEnd:
    """One router's side of a link."""

    node: NodeId
    interface: str
    address: IPv4Address
    metric: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two routers joined; `is_external` marks a link towards another AS."""

    id: LinkId
    a: LinkEnd
    b: LinkEnd
    capacity_bps: float
    is_external: bool = False
    delay_s: float = 0.0
    """One-way propagation delay; 0 where nobody says."""
    srlgs: frozenset[SrlgId] = frozenset()

    def directions(self) -> tuple[DirectedLink, DirectedLink]:
        """Both directions, a to b first."""
        return (
            DirectedLink(self.a.node, self.b.node, self.id),
            DirectedLink(self.b.node, self.a.node, self.id),
        )

    def ends(self) -> tuple[tuple[LinkEnd, LinkEnd], tuple[LinkEnd, LinkEnd]]:
        """(near, far) as seen from each side, a's side first."""
        return (self.a, self.b), (self.b, self.a)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A router; `is_external` marks one of another AS, which we neither read nor configure."""

    id: NodeId
    loopback: IPv4Address | None = None
    is_external: bool = False
    roles: frozenset[str] = frozenset()
    """What the operator calls it: `core`, `edge`, `border`, `reflector`..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Routers and the links between them."""

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def without(self, cut: Iterable[LinkId]) -> "Topology":
        """The same network with the links in `cut` gone."""
        gone = frozenset(cut)
        return Topology(
            nodes=self.nodes, links=tuple(link for link in self.links if link.id not in gone)
        )

    def link(self, link_id: str) -> Link:
        """The link of that name, whichever end is written first.

        Raises:
            KeyError: No link joins these routers.
        """
        names = link_id, reversed_name(link_id)
        for link in self.links:
            if link.id in names:
                return link
        raise KeyError(link_id)

    def capacities(self) -> dict[DirectedLink, float]:
        """Bits per second of every internal direction, in link order."""
        return {
            direction: link.capacity_bps
            for link in self.links
            if not link.is_external
            for direction in link.directions()
        }

    def egress(self) -> Mapping[tuple[NodeId, str], DirectedLink]:
        """Which direction of which link leaves a router by a given interface."""
        return {
            (near.node, near.interface): DirectedLink(near.node, far.node, link.id)
            for link in self.links
            for near, far in link.ends()
        }

    def graph(self) -> "nx.MultiDiGraph[str]":
        """The internal network as a networkx graph, weight = IGP metric, key = link id."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        graph.add_nodes_from(node.id for node in self.nodes if not node.is_external)
        for link in self.links:
            if not link.is_external:
                for near, far in link.ends():
                    graph.add_edge(near.node, far.node, key=link.id, weight=near.metric)
        return graph
