"""A topology as somebody else wrote it down: routers and links, with what was said and no more.

What a file does not say stays `None` here. What a lab needs beyond that (addresses, legal names,
capacities, costs) is decided when a network file is made of it, by rules that are written there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import networkx as nx

from foreshadow.topology import SrlgId


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedNode:
    """One router.

    Attributes:
        id: Its name in the source, unique there.
        label: What people call it; not unique.
    """

    id: str
    label: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedLink:
    """One link, both ways alike; parallel links are several of these.

    Attributes:
        a: Id of the router at one end.
        b: Id of the router at the other.
        metric: IGP metric as it was written, fractions included.
        delay_s: One-way delay.
    """

    a: str
    b: str
    capacity_bps: float | None = None
    metric: float | None = None
    delay_s: float | None = None
    srlgs: frozenset[SrlgId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedTopology:
    """Routers and links, in the order of the source.

    Attributes:
        name: The network's own name, as written.
        format: Which format it was read as.
        warnings: What was left out or taken for granted, one sentence each.
    """

    name: str
    format: str
    nodes: tuple[ImportedNode, ...]
    links: tuple[ImportedLink, ...]
    warnings: tuple[str, ...] = ()

    def graph(self) -> "nx.MultiGraph[str]":
        """The routers and links as an undirected networkx graph."""
        graph: nx.MultiGraph[str] = nx.MultiGraph()
        graph.add_nodes_from(node.id for node in self.nodes)
        graph.add_edges_from((link.a, link.b) for link in self.links)
        return graph

    def islands(self) -> tuple[tuple[str, ...], ...]:
        """Routers that reach each other, largest island first; one island where all do."""
        place = {node.id: number for number, node in enumerate(self.nodes)}
        found = (
            tuple(sorted(island, key=place.__getitem__))
            for island in nx.connected_components(self.graph())
        )
        return tuple(sorted(found, key=lambda island: (-len(island), place[island[0]])))

    def diameter(self) -> int:
        """Links on the longest of the shortest paths; for a topology that is one island."""
        return int(nx.diameter(nx.Graph(self.graph())))

    def capacities(self) -> tuple[float, ...]:
        """Every capacity that is known, in bits per second, in link order."""
        return known(link.capacity_bps for link in self.links)


def known(values: Iterable[float | None]) -> tuple[float, ...]:
    """The values that are there."""
    return tuple(value for value in values if value is not None)
