"""Which ways through the network are watched with packets while a link fails."""

from collections.abc import Collection, Iterator

import numpy as np

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.routing import Fibs
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import walk
from scenarios.drill_plan import DrillPlan
from shadow.convergence import Sentinel
from shadow.emulation.lab import LabSpec

MOST_SENTINELS = 6


def sentinels(  # noqa: PLR0913 - what is known of the network, and what will be hit
    topology: Topology,
    fibs: Fibs,
    demand: DemandMatrix,
    *,
    spec: LabSpec,
    cut: Collection[LinkId],
    prefixes: Collection[Prefix] = (),
    doomed: Collection[NodeId] = (),
) -> tuple[Sentinel, ...]:
    """The largest demands that will be hit, each way, with where they are delivered.

    One per ingress and set of delivering routers: demands that travel together tell the same story.

    Args:
        topology: The network before anything is broken.
        fibs: Its tables.
        demand: What is offered.
        spec: The lab.
        cut: Links that will be hit.
        prefixes: Destinations that will be.
        doomed: Routers that will be dead: what enters there, or is delivered there alone, is lost
            whatever the others do.
    """
    matrix = walk(topology, fibs, demand.keys)
    rates = demand.aligned(matrix.keys)
    crossing = [matrix.shares[row] * rates for row, it in enumerate(matrix.links) if it.link in cut]
    for prefix in prefixes:
        hit = np.asarray([key.prefix.overlaps(prefix) for key in matrix.keys])
        crossing.append(hit * rates)
    found: dict[tuple[NodeId, tuple[NodeId, ...]], Sentinel] = {}
    for key in _alternately([_heaviest(matrix.keys, each) for each in crossing]):
        listeners = _listeners(spec, key.prefix)
        is_telling = key.ingress not in doomed and not set(listeners) <= set(doomed)
        if listeners and is_telling and (key.ingress, listeners) not in found:
            found[key.ingress, listeners] = Sentinel(
                src=key.ingress, address=key.prefix[1], listeners=listeners
            )
        if len(found) == MOST_SENTINELS:
            break
    return tuple(found.values())


_DEADLY = frozenset({"node-down", "node-restart"})
"""Kinds after which a router carries nothing."""


def watched(plan: DrillPlan, topology: Topology, fibs: Fibs, spec: LabSpec) -> tuple[Sentinel, ...]:
    """The ways to watch while a plan is carried out: those it hits, or else the heaviest of all."""
    nodes = {node for fault in plan.faults for node in fault.nodes}
    doomed = {node for fault in plan.faults if fault.kind in _DEADLY for node in fault.nodes}
    cut = {link for fault in plan.faults for link in fault.links} | {
        link.id for link in topology.links if nodes & {link.a.node, link.b.node}
    }
    hit = sentinels(
        topology,
        fibs,
        plan.demand,
        spec=spec,
        cut=cut,
        prefixes=[prefix for fault in plan.faults for prefix in fault.prefixes],
        doomed=doomed,
    )
    if hit:
        return hit
    everything = [link.id for link in topology.links]
    return sentinels(topology, fibs, plan.demand, spec=spec, cut=everything, doomed=doomed)


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
