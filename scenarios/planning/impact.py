"""What the routing model says a drill will do, before anything is touched.

For every span of the drill in which the same faults are in: the fullest link and the demand cut
off, once the network has converged. Faults the model has no word for (a hung control plane, a lossy
link) are named as such; they are what the shadow is for.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.topology import NodeId, Prefix
from foreshadow.walk import RoutingMatrix, worst
from foreshadow.whatif import WhatIf, route
from scenarios.drill_plan import DrillPlan, PlannedFault
from scenarios.faults.catalogue import decode
from scenarios.planning.ground import Ground
from scenarios.planning.world import World, under


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """The network while one set of faults is in, once it has converged.

    Attributes:
        from_s: From the beginning of the drill.
        until_s: Likewise.
        faults: Numbers of the faults that are in.
        unmodelled: Those of them the model knows nothing about.
        worst_link: The fullest direction.
        worst_ratio: Its load over capacity.
        lost_bps: Demand that does not arrive.
        stranded_bps: The part of it that enters at a dead router, or has no other destination.
        offered_bps: All demand.
    """

    from_s: float
    until_s: float
    faults: tuple[int, ...]
    unmodelled: tuple[int, ...]
    worst_link: str
    worst_ratio: float
    lost_bps: float
    stranded_bps: float
    offered_bps: float


def stages(drill: DrillPlan, ground: Ground) -> tuple[Stage, ...]:
    """Every span of the drill in which the faults stay the same, in order, with its prediction."""
    faults = {fault.number: fault for fault in drill.faults}
    moments = sorted({step.at_s for step in drill.timeline})
    found = []
    inside: set[int] = set()
    known: dict[tuple[PlannedFault, ...], Stage] = {}
    for begin_s, end_s in pairwise(moments):
        for step in drill.timeline:
            if step.at_s == begin_s:
                inside = inside ^ {step.number}
        active = tuple(faults[number] for number in sorted(inside))
        if active not in known:
            known[active] = _predict(active, drill.demand, ground)
        found.append(replace(known[active], from_s=begin_s, until_s=end_s))
    return tuple(found)


def without_fault(drill: DrillPlan, ground: Ground) -> Stage:
    """The same for the network as it stands."""
    return _predict((), drill.demand, ground)


def lost_ratio(stage: Stage, drill: DrillPlan) -> float:
    """Share of the usual demand that is cut off."""
    usual_bps = drill.demand.total_bps
    return min(1.0, stage.lost_bps / usual_bps) if usual_bps else 0.0


def _predict(active: tuple[PlannedFault, ...], demand: DemandMatrix, ground: Ground) -> Stage:
    what_if = ground.network.what_if
    world = World(
        topology=what_if.topology,
        exits=what_if.exits,
        demand=demand,
        cut=frozenset(ground.network.down),
    )
    unmodelled = []
    for fault in active:
        changed = under(decode(fault.fault), fault, world)
        if changed is None:
            unmodelled.append(fault.number)
        else:
            world = changed
    keys = world.demand.keys
    matrix = _routed(world, what_if)
    link, ratio = worst(matrix.load_ratios(world.demand))
    rates = world.demand.aligned(keys)
    stranded = np.asarray([_is_stranded(key.ingress, key.prefix, world) for key in keys])
    return Stage(
        from_s=0.0,
        until_s=0.0,
        faults=tuple(fault.number for fault in active),
        unmodelled=tuple(unmodelled),
        worst_link=str(link),
        worst_ratio=ratio,
        lost_bps=matrix.lost_bps(world.demand),
        stranded_bps=float((matrix.lost * rates)[stranded].sum()) if keys else 0.0,
        offered_bps=world.demand.total_bps,
    )


def _routed(world: World, known: WhatIf) -> RoutingMatrix:
    """Where the world's demands go; cuts alone are worked out once per network."""
    keys = world.demand.keys
    if world.topology is known.topology and world.exits is known.exits:
        return known.route(keys, world.cut)
    return route(world.topology, world.exits, keys, world.cut, reflectors=known.reflectors)


def _is_stranded(ingress: NodeId, prefix: Prefix, world: World) -> bool:
    homes = {way.router for way in world.exits.get(prefix, ())}
    return ingress in world.dead or (bool(homes) and homes <= world.dead)
