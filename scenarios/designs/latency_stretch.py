"""How much longer traffic travels than it would have to: propagation delay over the least possible.

The least possible is the quickest way in the whole network to the router that delivers the traffic
or hands it over, whatever the metrics say. Queueing is not in it.
"""

from collections.abc import Mapping

import networkx as nx
import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.routing import Fibs
from foreshadow.topology import LinkId, NodeId, Topology
from foreshadow.walk import RoutingMatrix, walk


class LatencyStretch:
    """Stretch of one network's traffic under any tables."""

    def __init__(
        self, topology: Topology, delays_s: Mapping[LinkId, float], demand: DemandMatrix
    ) -> None:
        """Work out the quickest ways.

        Args:
            topology: The whole network.
            delays_s: One-way, per link; where one of our own is missing, nothing can be said.
            demand: The traffic; its rates are the weights.
        """
        own = [link for link in topology.links if not link.is_external]
        self._topology, self._delays_s, self._demand = topology, delays_s, demand
        self._is_known = all(link.id in delays_s for link in own)
        graph = nx.Graph()
        for link in own:
            graph.add_edge(link.a.node, link.b.node, delay=delays_s.get(link.id, 0.0))
        self._least_s: Mapping[NodeId, Mapping[NodeId, float]] = dict(
            nx.all_pairs_dijkstra_path_length(graph, weight="delay")
        )

    def of(self, fibs: Fibs, *, without: LinkId | None = None) -> float | None:
        """Mean delay of the traffic that arrives over the least it could have, weighted by rate.

        None where delays are unknown, or nothing that arrives has a way to go.

        Args:
            fibs: The routers' tables.
            without: A link that is down.
        """
        if not self._is_known:
            return None
        topology = self._topology if without is None else self._topology.without([without])
        matrix = walk(topology, fibs, self._demand.keys)
        rates = self._demand.aligned(matrix.keys) * (matrix.lost == 0)
        delays = np.asarray([self._delays_s[direction.link] for direction in matrix.links])
        least = np.asarray(
            [
                self._least_s[key.ingress][_delivered_at(matrix, column, key.ingress)]
                for column, key in enumerate(matrix.keys)
            ]
        )
        shortest = float(rates @ least)
        return float(rates @ (delays @ matrix.shares)) / shortest if shortest > 0 else None


def _delivered_at(matrix: RoutingMatrix, column: int, ingress: NodeId) -> NodeId:
    """Where most of a demand comes to rest: the router it enters more than it leaves."""
    balance: dict[NodeId, float] = {ingress: 1.0}
    for row in np.flatnonzero(matrix.shares[:, column]):
        direction, share = matrix.links[row], float(matrix.shares[row, column])
        balance[direction.dst] = balance.get(direction.dst, 0.0) + share
        balance[direction.src] = balance.get(direction.src, 0.0) - share
    return max(balance, key=lambda node: (balance[node], node))
