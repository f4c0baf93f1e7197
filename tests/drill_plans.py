"""Small drills on the square network, for tests."""

from collections.abc import Sequence

from foreshadow.topology import LinkId
from scenarios.check import Check, CheckKind, Moment
from scenarios.drill_plan import DrillLimits, DrillPlan, PlannedFault
from scenarios.faults.catalogue import AnyFault, TrafficFault, encode, kind_of, links, nodes
from scenarios.faults.link_down import LinkDown
from tests.square_story import demand

BEFORE, DURING, AFTER = Moment.BEFORE, Moment.DURING, Moment.AFTER


def planned(number: int, fault: AnyFault, at_s: float = 0.0, lasts_s: float = 0.0) -> PlannedFault:
    """One fault of a plan; one that lasts no time lasts until it was read."""
    return PlannedFault(
        number=number,
        kind=kind_of(fault),
        name=fault.name,
        fault=encode(fault),
        inject_at_s=at_s,
        undo_at_s=at_s + lasts_s,
        is_demand=isinstance(fault, TrafficFault),
        links=links(fault),
        nodes=nodes(fault),
    )


def plan(
    *faults: PlannedFault,
    checks: Sequence[Check] = (),
    name: str = "d-test",
    load_limit: float = 2.0,
    limits: DrillLimits | None = None,
) -> DrillPlan:
    """A drill of these faults at the square's usual demand."""
    return DrillPlan(
        id=name,
        scenario="test",
        scenario_sha256="0" * 64,
        faults=faults,
        checks=tuple(checks),
        limits=limits or DrillLimits(),
        demand=demand(),
        load_limit=load_limit,
        seed=7,
    )


def two_faults() -> DrillPlan:
    """A link is cut, and while it is, another one."""
    return plan(
        planned(0, LinkDown(link=LinkId("NW-NE")), 0.0, 0.8),
        planned(1, LinkDown(link=LinkId("SE-SW")), 0.2, 0.3),
        checks=[Check(moment=AFTER, kind=CheckKind.REACHABILITY, limit=1.0)],
    )
