"""From a warning to the drill that answers it, or to the reason why there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from foreshadow.experiment import Experiment, Purpose
from foreshadow.present import Present
from foreshadow.triage_report import FailureCost, TriageReport
from foreshadow.warning import SpikeWarning
from scenarios.triage import NamedDemand, Triage, triage, urgency

LEAST_LEAD = timedelta(seconds=60)
"""A drill takes some seconds in the bench, and may have to queue behind another."""

_COVERS_WITHIN = 0.05
"""A drill answers another warning of the same failure up to this much more load on its link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A drill that was asked for, and the warning it was asked for."""

    drill: str
    failure: str
    worst_ratio: float
    window_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a warning leads to."""

    report: TriageReport
    drill: Experiment | None


def decide(
    warning: SpikeWarning,
    network: Present,
    *,
    now: datetime,
    asked: tuple[Asked, ...] = (),
    milder: Sequence[NamedDemand] = (),
) -> Decision:
    """Rank all failures at the warned demand and choose what to drill.

    Args:
        warning: Names the demand, the limit and the window.
        network: Of now.
        now: Event time of the latest interval known.
        asked: Drills asked for so far.
        milder: Demands to report the costs at as well.
    """
    forecast = NamedDemand(name=f"P{100 * warning.quantile:g}", matrix=warning.demand)
    found = triage(network, (*milder, forecast), limit_ratio=warning.limit_ratio)
    chosen, covering = _choose(found, asked, now)
    drill, because = "", ""
    if chosen is None:
        because = f"no failure passes {warning.limit_ratio:.0%} at the forecast demand"
    elif covering is not None:
        drill, because = covering.drill, f"{covering.drill} drills the same failure"
    elif now + LEAST_LEAD > warning.window_start:
        because = f"the window opens at {warning.window_start:%H:%M}, too soon for a drill"
    experiment = None
    if chosen is not None and not because:
        drill = f"d{warning.id.removeprefix('w')}"
        experiment = Experiment(
            id=drill,
            purpose=Purpose.DRILL,
            cause=warning.id,
            cut=chosen.cut,
            demand=warning.demand,
            load_limit=warning.limit_ratio,
            deadline=warning.window_start,
        )
    report = TriageReport(
        warning=warning.id,
        made_at=warning.made_at,
        rows=found.rows,
        worst_without_failure=found.without_failure,
        drill=drill,
        because=because,
        costs=found.costs,
        drilled="" if chosen is None else chosen.failure,
        limit_ratio=warning.limit_ratio,
        tried=found.tried,
    )
    return Decision(report=report, drill=experiment)


def _choose(
    found: Triage, asked: tuple[Asked, ...], now: datetime
) -> tuple[FailureCost | None, Asked | None]:
    """The failure most worth a drill, and the drill that answers it already."""
    chosen = next((cost for cost in found.by_urgency() if urgency(cost) > 0), None)
    if chosen is None:
        return None, None
    ratio = chosen.worst.worst_ratio
    covering = next((each for each in asked if _covers(each, chosen.failure, ratio, now)), None)
    return chosen, covering


def _covers(asked: Asked, failure: str, worst_ratio: float, now: datetime) -> bool:
    return (
        asked.failure == failure
        and asked.window_end > now
        and asked.worst_ratio + _COVERS_WITHIN >= worst_ratio
    )
