"""What was measured at one moment of a drill, and what the plan's checks say to it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import CheckFinding, Verdict
from foreshadow.routing import FibEntry, Fibs
from foreshadow.topology import NodeId, Topology
from foreshadow.walk import RoutingMatrix, longest_match, walk, worst
from scenarios.authoring.quantities import say_duration, say_ratio
from scenarios.check import Check, CheckKind, Moment
from scenarios.drill_plan import NO_LOAD_LIMIT, DrillPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One quantity as it was seen.

    Attributes:
        value: In the unit of its kind.
        where: What a person wants to know beside the number: which link, which pair, which meter.
    """

    value: float
    where: str = ""


_NEGLIGIBLE = 1e-9

Sight = Mapping[CheckKind, Measured]
"""Everything that was measured at one moment; what is missing was not."""


def tables_sight(
    topology: Topology,
    fibs: Fibs,
    demand: DemandMatrix,
    *,
    undeliverable: Collection[DemandKey] = (),
) -> Sight:
    """What the settled tables make of the demand.

    Args:
        topology: Links that carry.
        fibs: Forwarding tables of the internal routers.
        demand: What is offered.
        undeliverable: Demands that no network could carry now: their ingress is dead, or every
            router that delivers them.
    """
    if demand.total_bps <= 0:
        return {}
    matrix = walk(topology, fibs, demand.keys)
    rates = demand.vector()
    rates[[key in undeliverable for key in demand.keys]] = 0.0
    offered_bps = float(rates.sum())
    sight: dict[CheckKind, Measured] = {}
    if matrix.links:
        link, ratio = worst(matrix.load_ratios(demand))
        sight[CheckKind.UTILISATION] = Measured(value=ratio, where=str(link))
    if offered_bps <= 0:
        return sight
    dropped = matrix.lost - matrix.looped
    lost = _share(matrix.lost, rates, matrix)
    sight[CheckKind.REACHABILITY] = Measured(value=1.0 - lost.value, where=lost.where)
    sight[CheckKind.NO_LOOP] = _share(matrix.looped, rates, matrix)
    sight[CheckKind.NO_BLACKHOLE] = _share(dropped, rates, matrix)
    return sight


def undeliverable(
    topology: Topology, fibs: Fibs, keys: Collection[DemandKey], dead: Collection[NodeId]
) -> frozenset[DemandKey]:
    """Demands that need a dead router: they enter there, or nobody else delivers them.

    Args:
        topology: The network before anything was broken.
        fibs: Its tables then.
        keys: The demands.
        dead: Routers that are.
    """
    if not dead:
        return frozenset()
    ways_out = {
        (near.node, near.interface)
        for link in topology.links
        if link.is_external
        for near, _ in link.ends()
    }
    is_served = {
        prefix: any(
            node not in dead and _delivers(node, longest_match(fib, prefix), ways_out)
            for node, fib in fibs.items()
        )
        for prefix in {key.prefix for key in keys}
    }
    return frozenset(key for key in keys if key.ingress in dead or not is_served[key.prefix])


def worst_of(sights: Iterable[Sight]) -> Sight:
    """Per quantity the worst of several sights."""
    found: dict[CheckKind, Measured] = {}
    for sight in sights:
        for kind, measured in sight.items():
            known = found.get(kind)
            if known is None or _is_worse(kind, measured.value, known.value):
                found[kind] = measured
    return found


def findings(
    checks: Iterable[Check], seen: Mapping[Moment, Sight], why_not: str
) -> tuple[CheckFinding, ...]:
    """How each check came out, in the order of the plan.

    Args:
        checks: What is demanded.
        seen: What was measured.
        why_not: Said of what was not measured.
    """
    return tuple(_finding(check, seen.get(check.moment, {}), why_not) for check in checks)


def demanded(plan: DrillPlan) -> tuple[Check, ...]:
    """The plan's checks, and its load limit at each moment at which no check speaks of loads."""
    spoken = {check.moment for check in plan.checks if check.kind is CheckKind.UTILISATION}
    implied = (
        Check(moment=moment, kind=CheckKind.UTILISATION, limit=plan.load_limit)
        for moment in (Moment.BEFORE, Moment.DURING)
        if moment not in spoken and plan.load_limit < NO_LOAD_LIMIT
    )
    moments = list(Moment)
    return tuple(sorted((*plan.checks, *implied), key=lambda check: moments.index(check.moment)))


def say(kind: CheckKind, value: float) -> str:
    """A value as a person writes it: `340ms`, `85%`."""
    if kind.unit == "s":
        return say_duration(value)
    # What is lost must not be rounded away: one probe in ten thousand is one.
    return say_ratio(round(value, 3) if value >= 0.01 else float(f"{value:.2g}"))


def _finding(check: Check, sight: Sight, why_not: str) -> CheckFinding:
    measured = sight.get(check.kind)
    if measured is None:
        return CheckFinding(
            moment=check.moment,
            check=check.kind,
            verdict=Verdict.INCONCLUSIVE,
            detail=f"not measured: {why_not}",
            limit=check.limit,
            unit=check.kind.unit,
        )
    holds = check.holds(measured.value)
    side = "at least" if check.kind.is_floor else "at most"
    where = f" ({measured.where})" if measured.where else ""
    return CheckFinding(
        moment=check.moment,
        check=check.kind,
        verdict=Verdict.PASSED if holds else Verdict.FAILED,
        detail=f"{say(check.kind, measured.value)}{where}; {side} {say(check.kind, check.limit)}",
        measured=measured.value,
        limit=check.limit,
        unit=check.kind.unit,
    )


def _is_worse(kind: CheckKind, value: float, known: float) -> bool:
    return value < known if kind.is_floor else value > known


def _share(
    shares: npt.NDArray[np.float64], rates: npt.NDArray[np.float64], matrix: RoutingMatrix
) -> Measured:
    """A share of all demand, and the demand that has most of it."""
    hit = shares * rates
    hit[shares < _NEGLIGIBLE] = 0.0  # Thirds do not add up to one in floating point.
    if not hit.any():
        return Measured(value=0.0)
    key = matrix.keys[int(hit.argmax())]
    more = int((hit > 0).sum()) - 1
    where = f"{key.ingress} to {key.prefix}" + (f" and {more} more" if more else "")
    return Measured(value=float(hit.sum() / rates.sum()), where=where)


def _delivers(
    node: NodeId, entry: FibEntry | None, ways_out: Collection[tuple[NodeId, str]]
) -> bool:
    """Whether a router takes packets in, or hands them to another network."""
    if entry is None:
        return False
    return entry.terminal is not None or any(
        (node, hop.interface) in ways_out for hop in entry.forwards
    )
