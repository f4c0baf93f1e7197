"""From a warning to the drill that answers it, or to the reason why there is none."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from foreshadow.experiment import Experiment, Purpose
from foreshadow.present import Present
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning
from scenarios.triage import triage, without_failure

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
    warning: SpikeWarning, network: Present, *, now: datetime, asked: tuple[Asked, ...] = ()
) -> Decision:
    """Rank all failures at the warned demand and choose what to drill.

    Args:
        warning: Names the demand, the limit and the window.
        network: Of now.
        now: Event time of the latest interval known.
        asked: Drills asked for so far.
    """
    rows = triage(network, warning.demand)
    worst = rows[0]
    covering = next((a for a in asked if _covers(a, worst.failure, worst.worst_ratio, now)), None)
    drill, because = "", ""
    if worst.worst_ratio <= warning.limit_ratio and worst.lost_bps <= 0:
        because = f"no failure passes {warning.limit_ratio:.0%} at the forecast demand"
    elif covering is not None:
        drill, because = covering.drill, f"{covering.drill} drills the same failure"
    elif now + LEAST_LEAD > warning.window_start:
        because = f"the window opens at {warning.window_start:%H:%M}, too soon for a drill"
    experiment = None
    if not because:
        drill = f"d{warning.id.removeprefix('w')}"
        experiment = Experiment(
            id=drill,
            purpose=Purpose.DRILL,
            cause=warning.id,
            cut=(worst.failure,),
            demand=warning.demand,
            load_limit=warning.limit_ratio,
            deadline=warning.window_start,
        )
    report = TriageReport(
        warning=warning.id,
        made_at=warning.made_at,
        rows=rows,
        worst_without_failure=without_failure(network, warning.demand),
        drill=drill,
        because=because,
    )
    return Decision(report=report, drill=experiment)


def _covers(asked: Asked, failure: str, worst_ratio: float, now: datetime) -> bool:
    return (
        asked.failure == failure
        and asked.window_end > now
        and asked.worst_ratio + _COVERS_WITHIN >= worst_ratio
    )
