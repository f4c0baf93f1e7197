"""A scenario on a network becomes a drill plan: selectors resolved, steps on one time line."""

from collections.abc import Iterator

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix
from scenarios.authoring.injection_entry import KINDS
from scenarios.drill_plan import DrillLimits, DrillPlan, PlannedFault
from scenarios.faults import catalogue
from scenarios.faults.catalogue import AnyFault
from scenarios.faults.drained import Drained
from scenarios.faults.node_down import NodeDown
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.partition import Partition
from scenarios.planning.fault_choice import faults_of
from scenarios.planning.ground import Ground
from scenarios.planning.impact import Stage, lost_ratio, stages
from scenarios.planning.selection import Picked, Selection, UnknownTarget
from scenarios.planning.sequence import Placed, lay_out
from scenarios.scenario import Injection, Scenario, TargetKind


class DrillRefused(ConfigError):
    """The scenario can be resolved, but its own limits forbid it on this network."""


def plan(
    scenario: Scenario, ground: Ground, *, drill_id: str, load_limit: float, seed: int = 0
) -> DrillPlan:
    """The drill this scenario is on this network, within its limits.

    Args:
        scenario: What might happen.
        ground: The network, and its traffic.
        drill_id: Names the drill.
        load_limit: Load ratio no link may exceed where no check says otherwise.
        seed: For everything that is drawn.

    Raises:
        ConfigError: A selector picks nothing, or a fault does not apply.
        DrillRefused: A limit forbids it.
    """
    found = resolve(scenario, ground, drill_id=drill_id, load_limit=load_limit, seed=seed)
    if against := refusals(found, ground):
        raise DrillRefused(f"{scenario.name}: {'; '.join(against)}", field="limits")
    return found


def resolve(
    scenario: Scenario, ground: Ground, *, drill_id: str, load_limit: float, seed: int = 0
) -> DrillPlan:
    """As `plan`, whatever the limits say about it.

    Raises:
        ConfigError: A selector picks nothing, or a fault does not apply.
    """
    selection = Selection(scenario, ground, seed=seed)
    made = [
        (placed, fault)
        for placed in lay_out(scenario.steps)
        for fault in _faults(placed.injection, selection, scenario)
    ]
    faults = tuple(
        _planned(number, placed, fault, ground) for number, (placed, fault) in enumerate(made)
    )
    _refuse_doubles(faults, scenario)
    limits = scenario.limits
    never = selection.picked(limits.never, (TargetKind.NODES,)).names if limits.never else ()
    return DrillPlan(
        id=drill_id,
        scenario=scenario.name,
        scenario_sha256=scenario.sha256,
        faults=faults,
        checks=scenario.checks,
        limits=DrillLimits(
            longest_s=limits.longest_s,
            demand_ratio=limits.demand_ratio,
            routers_ratio=limits.routers_ratio,
            never=tuple(map(NodeId, never)),
        ),
        demand=ground.demand,
        load_limit=load_limit,
        seed=seed,
    )


def refusals(
    drill: DrillPlan, ground: Ground, *, expected: tuple[Stage, ...] | None = None
) -> tuple[str, ...]:
    """Why a drill's own limits forbid it on this network, one sentence each.

    Args:
        drill: The drill.
        ground: The network.
        expected: What the routing model says of it, where somebody asked already.
    """
    return (*_refusals(drill, ground), *_cut_off(drill, ground, expected))


def routers_touched(drill: DrillPlan, ground: Ground) -> tuple[NodeId, ...]:
    """Our routers whose own state a fault changes."""
    ours = {node.id for node in ground.routers}
    named = dict.fromkeys(node for fault in drill.faults for node in fault.nodes)
    return tuple(node for node in named if node in ours)


def picked_by(injection: Injection, selection: Selection, scenario: Scenario) -> Picked:
    """What an injection is aimed at.

    Raises:
        ConfigError: At nothing.
    """
    try:
        picked = selection.picked(injection.on, KINDS[injection.kind].targets)
    except UnknownTarget as error:
        raise ConfigError(f"{scenario.name}: {error}", field=injection.kind) from error
    if not picked.names:
        raise ConfigError(
            f"{scenario.name}: {', '.join(injection.on)} picks nothing in this network; widen the "
            "selector or give it `otherwise`",
            field=injection.kind,
        )
    return picked


def _faults(injection: Injection, selection: Selection, scenario: Scenario) -> tuple[AnyFault, ...]:
    picked = picked_by(injection, selection, scenario)
    faults = faults_of(injection, picked, selection)
    if not faults:
        raise ConfigError(
            f"{scenario.name}: {injection.kind} has nobody to do it for {', '.join(picked.names)}",
            field=injection.kind,
        )
    return faults


def _planned(number: int, placed: Placed, fault: AnyFault, ground: Ground) -> PlannedFault:
    is_demand = catalogue.kind_named(catalogue.kind_of(fault)).is_demand
    return PlannedFault(
        number=number,
        kind=catalogue.kind_of(fault),
        name=fault.name,
        fault=catalogue.encode(fault),
        inject_at_s=placed.start_s,
        undo_at_s=placed.end_s,
        is_demand=is_demand,
        links=_links(fault, ground),
        nodes=() if is_demand or isinstance(fault, Partition) else catalogue.nodes(fault),
        prefixes=_prefixes(fault, ground),
    )


def _links(fault: AnyFault, ground: Ground) -> tuple[LinkId, ...]:
    """Links whose traffic the fault moves, as far as the kind tells."""
    match fault:
        case Partition(nodes=nodes):
            inside = set(nodes)
            return tuple(
                link.id
                for link in ground.links.values()
                if not link.is_external and (link.a.node in inside) != (link.b.node in inside)
            )
        case NodeDown(node=node) | Overloaded(node=node) | Drained(node=node):
            return tuple(
                link.id for link in ground.links.values() if node in (link.a.node, link.b.node)
            )
        case _:
            named = catalogue.links(fault)
            known = (ground.topology.link(link).id for link in named)
            return (*known, *_session_links(fault, ground))


def _session_links(fault: AnyFault, ground: Ground) -> Iterator[LinkId]:
    ends = {getattr(fault, "node", None), getattr(fault, "peer", None)}
    for link in ground.links.values():
        if link.is_external and {link.a.node, link.b.node} == ends:
            yield link.id


def _prefixes(fault: AnyFault, ground: Ground) -> tuple[Prefix, ...]:
    over = frozenset(_session_links(fault, ground))
    behind = tuple(
        prefix
        for prefix, ways in ground.network.what_if.exits.items()
        if any(way.via in over for way in ways)
    )
    return (*catalogue.prefixes(fault), *behind)


def _refuse_doubles(faults: tuple[PlannedFault, ...], scenario: Scenario) -> None:
    """The same fault cannot be there twice at once: undoing one would undo both."""
    for one in faults:
        for other in faults[one.number + 1 :]:
            overlaps = one.inject_at_s < other.undo_at_s and other.inject_at_s < one.undo_at_s
            if overlaps and one.fault == other.fault:
                raise ConfigError(
                    f"{scenario.name}: {one.name} is injected at {other.inject_at_s:g} s while it "
                    f"is still there from {one.inject_at_s:g} s; let it end first",
                    field=one.kind,
                )


def _refusals(drill: DrillPlan, ground: Ground) -> Iterator[str]:
    limits = drill.limits
    if drill.ends_at_s > limits.longest_s:
        yield f"it takes {drill.ends_at_s:g} s; the limit is {limits.longest_s:g} s"
    for fault in drill.faults:
        ends = {
            end.node
            for name in fault.links
            for end in (ground.topology.link(name).a, ground.topology.link(name).b)
        }
        if spared := sorted((ends | set(fault.nodes)) & set(limits.never)):
            yield f"{fault.name} touches {', '.join(spared)}, which must never be touched"
    touched = routers_touched(drill, ground)
    ratio = len(touched) / len(ground.routers)
    if ratio > limits.routers_ratio:
        yield (
            f"it touches {len(touched)} of {len(ground.routers)} routers ({ratio:.0%}); the limit "
            f"is {limits.routers_ratio:.0%}"
        )


def _cut_off(drill: DrillPlan, ground: Ground, expected: tuple[Stage, ...] | None) -> Iterator[str]:
    limit = drill.limits.demand_ratio
    if limit < 1:
        found = stages(drill, ground) if expected is None else expected
        worst = max((lost_ratio(stage, drill) for stage in found), default=0.0)
        if worst > limit:
            yield (
                f"{worst:.1%} of the demand is predicted to be cut off; the limit is {limit:.0%}"
            )
