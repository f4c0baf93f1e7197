"""What passes through a router and could go another way: the routers' real tables, walked."""

from collections.abc import Iterator

import networkx as nx

from foreshadow.routing import FibEntry
from foreshadow.topology import NodeId, Prefix
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabSpec


def transit_through(lab: Emulator, node: NodeId) -> tuple[str, ...]:
    """Traffic that other routers hand to this one to pass on, though there is a way around it.

    What ends here, leaves the network at the only exit there is, or has no other way, is no
    transit.
    """
    return tuple(_transit(lab, node))


def _transit(lab: Emulator, node: NodeId) -> Iterator[str]:
    spec, fibs = lab.spec, lab.fibs()
    egress = {
        (near.node, near.interface): far.node
        for link in spec.links
        for near, far in ((link.a, link.b), (link.b, link.a))
    }
    here = {entry.prefix: entry for entry in fibs.get(node, ())}
    part_of = _parts_without(spec, node)
    for router, fib in fibs.items():
        for entry in fib if router != node else ():
            if node not in _next_routers(egress, router, entry) or entry.prefix not in here:
                continue
            for onward in _next_routers(egress, node, here[entry.prefix]):
                if onward in part_of:
                    is_passing = part_of[onward] == part_of[router]
                else:
                    is_passing = _leaves_elsewhere(spec, node, entry.prefix)
                if is_passing:
                    yield f"{router} to {entry.prefix} on to {onward}"


def _next_routers(
    egress: dict[tuple[NodeId, str], NodeId], router: NodeId, entry: FibEntry
) -> tuple[NodeId, ...]:
    ways = ((router, hop.interface) for hop in entry.forwards)
    return tuple(egress[way] for way in ways if way in egress)


def _parts_without(spec: LabSpec, node: NodeId) -> dict[NodeId, int]:
    """Which part each other router of ours is in, if this one were not there."""
    graph: nx.Graph[NodeId] = nx.Graph()
    graph.add_nodes_from(it.id for it in spec.nodes if not it.is_external and it.id != node)
    ends = ((it.a.node, it.b.node) for it in spec.links if it.is_up and not it.is_silent)
    graph.add_edges_from((a, b) for a, b in ends if a in graph and b in graph)
    return {it: number for number, part in enumerate(nx.connected_components(graph)) for it in part}


def _leaves_elsewhere(spec: LabSpec, node: NodeId, prefix: Prefix) -> bool:
    """Whether a router of another network announces the prefix at another of our routers."""
    announcing = {
        it.id for it in spec.nodes if it.is_external and f" network {prefix}\n" in it.config
    }
    return any(
        link.is_up and not link.is_silent
        for link in spec.links
        if announcing & {link.a.node, link.b.node} and node not in (link.a.node, link.b.node)
    )
