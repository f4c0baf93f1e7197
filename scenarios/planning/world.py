"""The routing model's world, and what each fault does to it."""

from dataclasses import dataclass, replace

from foreshadow.demand import DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.exits import Exit, Exits
from foreshadow.topology import Link, LinkEnd, LinkId, NodeId, Prefix, Topology
from scenarios.drill_plan import PlannedFault
from scenarios.faults.catalogue import AnyFault
from scenarios.faults.cost_changed import CostChanged
from scenarios.faults.ddos import Ddos
from scenarios.faults.demand_surge import DemandSurge
from scenarios.faults.drained import Drained
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_silent import LinkSilent
from scenarios.faults.max_prefix_hit import MaxPrefixHit
from scenarios.faults.mtu_mismatch import MtuMismatch
from scenarios.faults.node_down import NodeDown
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.partition import Partition
from scenarios.faults.prefix_withdrawn import PrefixWithdrawn
from scenarios.faults.session_down import SessionDown
from scenarios.faults.srlg_cut import SrlgCut
from scenarios.faults.timer_mismatch import TimerMismatch

_MAX_METRIC = 65_535
"""RFC 6987: used for transit only where there is no other way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the model is told.

    Attributes:
        cut: Links without an adjacency.
        dead: Routers that forward nothing.
    """

    topology: Topology
    exits: Exits
    demand: DemandMatrix
    cut: frozenset[LinkId]
    dead: frozenset[NodeId] = frozenset()


def under(fault: AnyFault, planned: PlannedFault, world: World) -> World | None:
    """The world with the fault in it; None where the model has no word for the fault."""
    return (
        _with_less(fault, planned, world)
        or _with_other_costs(fault, planned, world)
        or _with_other_exits(fault, planned, world)
        or _with_other_demand(fault, world)
    )


def _with_less(fault: AnyFault, planned: PlannedFault, world: World) -> World | None:
    match fault:
        case LinkDown() | LinkSilent() | SrlgCut() | Partition() | TimerMismatch() | MtuMismatch():
            return replace(world, cut=world.cut | set(planned.links))
        case NodeDown(node=node):
            return replace(world, cut=world.cut | set(planned.links), dead=world.dead | {node})
        case _:
            return None


def _with_other_costs(fault: AnyFault, planned: PlannedFault, world: World) -> World | None:
    match fault:
        case CostChanged(cost=cost):
            return replace(world, topology=_with_costs(world.topology, planned.links, cost))
        case Overloaded(node=node):
            return replace(world, topology=_shunned(world.topology, node))
        case Drained(node=node):
            return replace(
                world,
                topology=_shunned(world.topology, node),
                exits=_depreferred(world.exits, node),
            )
        case _:
            return None


def _with_other_exits(fault: AnyFault, planned: PlannedFault, world: World) -> World | None:
    match fault:
        case SessionDown() | MaxPrefixHit() if planned.links:
            return replace(world, exits=_without_exits(world.exits, planned.links))
        case PrefixWithdrawn(node=node, prefix=prefix):
            return replace(world, exits=_withdrawn(world, node, prefix))
        case _:
            return None


def _with_other_demand(fault: AnyFault, world: World) -> World | None:
    if not isinstance(fault, (DemandSurge, Ddos)):
        return None
    try:
        return replace(world, demand=fault.applied(world.demand))
    except ConfigError:
        return None


def _with_costs(topology: Topology, links: tuple[LinkId, ...], cost: int) -> Topology:
    def changed(link: Link) -> Link:
        if link.id not in links:
            return link
        return replace(link, a=replace(link.a, metric=cost), b=replace(link.b, metric=cost))

    return replace(topology, links=tuple(map(changed, topology.links)))


def _shunned(topology: Topology, node: NodeId) -> Topology:
    def changed(end: LinkEnd) -> LinkEnd:
        return replace(end, metric=_MAX_METRIC) if end.node == node else end

    return replace(
        topology,
        links=tuple(
            link if link.is_external else replace(link, a=changed(link.a), b=changed(link.b))
            for link in topology.links
        ),
    )


def _depreferred(exits: Exits, node: NodeId) -> Exits:
    """Graceful shutdown (RFC 8326): the router's own ways become the last resort."""
    return {
        prefix: tuple(
            replace(way, local_preference=0) if way.router == node else way for way in ways
        )
        for prefix, ways in exits.items()
    }


def _without_exits(exits: Exits, links: tuple[LinkId, ...]) -> Exits:
    return {
        prefix: tuple(way for way in ways if way.via not in links) for prefix, ways in exits.items()
    }


def _withdrawn(world: World, node: NodeId, prefix: Prefix) -> Exits:
    def is_gone(way: Exit) -> bool:
        if way.via is None:
            return way.router == node
        link = world.topology.link(way.via)
        return node in (link.a.node, link.b.node) and node != way.router

    left = tuple(way for way in world.exits.get(prefix, ()) if not is_gone(way))
    return {**world.exits, prefix: left}
