"""Which ways through the network are watched with packets while a link fails."""

from collections.abc import Iterator

import numpy as np

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.routing import Fibs
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import walk
from shadow.convergence import Sentinel
from shadow.emulation.lab import LabSpec

MOST_SENTINELS = 6


def sentinels(
    topology: Topology, fibs: Fibs, demand: DemandMatrix, *, cut: tuple[LinkId, ...], spec: LabSpec
) -> tuple[Sentinel, ...]:
    """The largest demands that cross the links to be cut, each way, with where they are delivered.

    One per ingress and set of delivering routers: demands that travel together tell the same story.
    """
    matrix = walk(topology, fibs, demand.keys)
    rates = demand.aligned(matrix.keys)
    rows = [index for index, each in enumerate(matrix.links) if each.link in cut]
    found: dict[tuple[NodeId, tuple[NodeId, ...]], Sentinel] = {}
    per_row = [_heaviest(matrix.keys, matrix.shares[row] * rates) for row in rows]
    for key in _alternately(per_row):
        listeners = _listeners(spec, key.prefix)
        if listeners and (key.ingress, listeners) not in found:
            found[key.ingress, listeners] = Sentinel(
                src=key.ingress, address=key.prefix[1], listeners=listeners
            )
        if len(found) == MOST_SENTINELS:
            break
    return tuple(found.values())


def _heaviest(keys: tuple[DemandKey, ...], crossing_bps: np.ndarray) -> list[DemandKey]:
    return [keys[index] for index in np.argsort(-crossing_bps) if crossing_bps[index] > 0]


def _alternately(lists: list[list[DemandKey]]) -> Iterator[DemandKey]:
    for place in range(max(map(len, lists), default=0)):
        yield from (each[place] for each in lists if place < len(each))


def _listeners(spec: LabSpec, prefix: Prefix) -> tuple[NodeId, ...]:
    """Routers of the lab that originate the prefix."""
    statement = ["network", str(prefix)]
    return tuple(
        sorted(
            node.id
            for node in spec.nodes
            if any(line.split()[:2] == statement for line in node.config.splitlines())
        )
    )
