"""`foreshadow scenario plan`: what a drill would do, before anything is touched."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console.ground import ground_of, read_network, say_traffic
from foreshadow.topology import NodeId
from scenarios.authoring.explain import say_check
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import find
from scenarios.drill_plan import Action, DrillPlan
from scenarios.faults.catalogue import kind_named
from scenarios.planning.impact import Stage, lost_ratio, stages, without_fault
from scenarios.planning.planner import refusals, resolve, routers_touched


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWish:
    """What is to be planned on what."""

    scenario: str
    network: Path
    traffic: Path | None = None
    at: datetime | None = None
    growth: float = 1.0
    load_limit: float = 0.85
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A drill and what is to be expected of it.

    Attributes:
        network: Its name.
        demand: Where the traffic comes from.
        plan: What would be done.
        usual: The network without fault.
        stages: The network under each set of faults, by the routing model.
        routers: Routers whose own state a fault changes.
        routers_ratio: Their share of all.
        undo: How each fault is taken back, in the order it will be.
        refusals: Why it would not be begun.
    """

    network: str
    demand: str
    plan: DrillPlan
    usual: Stage
    stages: tuple[Stage, ...]
    routers: tuple[NodeId, ...]
    routers_ratio: float
    undo: tuple[str, ...]
    refusals: tuple[str, ...]


def planned_on(wish: PlanWish) -> Planned:
    """Resolve a scenario on a network; changes nothing.

    Raises:
        ConfigError: A file will not do, or the scenario does not fit the network.
    """
    scenario = read_scenario(find(wish.scenario))
    network = read_network(wish.network)
    ground = ground_of(network, traffic=wish.traffic, at=wish.at, growth=wish.growth)
    drill = resolve(
        scenario,
        ground,
        drill_id=f"plan-{scenario.name}",
        load_limit=wish.load_limit,
        seed=wish.seed,
    )
    touched, expected = routers_touched(drill, ground), stages(drill, ground)
    return Planned(
        network=network.name,
        demand=say_traffic(ground.demand, traffic=wish.traffic, growth=wish.growth),
        plan=drill,
        usual=without_fault(drill, ground),
        stages=expected,
        routers=touched,
        routers_ratio=len(touched) / len(ground.routers),
        undo=tuple(_undo(drill)),
        refusals=refusals(drill, ground, expected=expected),
    )


def plan_text(found: Planned) -> RenderableType:
    """The plan on a page."""
    drill = found.plan
    parts: list[RenderableType] = [
        Text(f"{drill.scenario} on {found.network}", style="bold"),
        Text(f"{drill.demand.total_bps / 1e9:.2f} Gbit/s of demand: {found.demand}"),
        Text("\nTimeline", style="bold cyan"),
        _timeline(drill),
        Text("\nPredicted, once converged", style="bold cyan"),
        _impact(found),
        *_radius(found),
        Text("\nChecks", style="bold cyan"),
        *(_inset(f"{c.moment}: {say_check(c)}") for c in drill.checks),
        Text("\nUndo", style="bold cyan"),
        *map(_inset, found.undo),
    ]
    parts += [Text(f"\nrefused: {why}", style="bold red") for why in found.refusals]
    return Group(*parts)


def _inset(sentence: str) -> RenderableType:
    """A sentence whose second line begins where its first does."""
    return Padding(Text(sentence), (0, 0, 0, 2))


def _undo(drill: DrillPlan) -> list[str]:
    faults = {fault.number: fault for fault in drill.faults}
    return [
        f"{faults[step.number].name}: {kind_named(faults[step.number].kind).undoing}"
        for step in drill.timeline
        if step.action is Action.UNDO
    ]


def _timeline(drill: DrillPlan) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("at", "", "fault", "on links"):
        table.add_column(column, justify="right" if column == "at" else "left")
    faults = {fault.number: fault for fault in drill.faults}
    for step in drill.timeline:
        fault = faults[step.number]
        links = ", ".join(fault.links) if step.action is Action.INJECT else ""
        table.add_row(f"{step.at_s:g} s", step.action.value, fault.name, links)
    return table


def _impact(found: Planned) -> Table:
    table = Table(box=None, header_style="bold")
    for column in ("from", "until", "faults in", "fullest link", "load", "cut off"):
        is_number = column in ("from", "until", "load")
        table.add_column(column, justify="right" if is_number else "left")
    for stage in (found.usual, *(each for each in found.stages if each.faults)):
        is_over = stage.worst_ratio > found.plan.load_limit
        table.add_row(
            f"{stage.from_s:g} s" if stage.faults else "",
            f"{stage.until_s:g} s" if stage.faults else "",
            "\n".join(_inside(found.plan, stage)) or "none",
            stage.worst_link,
            Text(f"{stage.worst_ratio:.1%}", style="red" if is_over else ""),
            _cut_off(stage),
        )
    return table


def _inside(drill: DrillPlan, stage: Stage) -> list[str]:
    names = {fault.number: fault.name for fault in drill.faults}
    return [
        names[number] + (" (not modelled)" if number in stage.unmodelled else "")
        for number in stage.faults
    ]


def _cut_off(stage: Stage) -> str:
    if stage.lost_bps < 1:
        return "nothing"
    share = stage.lost_bps / stage.offered_bps
    said = f"{stage.lost_bps / 1e9:.2f} Gbit/s ({share:.1%})"
    return said + (", all of dead routers" if stage.lost_bps - stage.stranded_bps < 1 else "")


def _radius(found: Planned) -> list[Text]:
    limits, who = found.plan.limits, ", ".join(found.routers) or "none"
    lost = max((lost_ratio(stage, found.plan) for stage in found.stages), default=0.0)
    said = (
        f"routers changed: {who} ({found.routers_ratio:.0%}, limit {limits.routers_ratio:.0%})",
        f"demand cut off: {lost:.1%} at worst (limit {limits.demand_ratio:.0%})",
        f"time: {found.plan.ends_at_s:g} s and what injecting takes (limit {limits.longest_s:g} s)",
    )
    return [Text("\nBlast radius", style="bold cyan"), *(Text(f"  {line}") for line in said)]
