"""What the acts of a run found, for its report."""

from dataclasses import dataclass, field

from console.demo.judgement import (
    RollbackFacts,
)
from console.report_model import WorstLink
from foreshadow.candidate import Candidate
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import ExperimentResult
from foreshadow.walk import RoutingMatrix
from foreshadow.warning import SpikeWarning


@dataclass(slots=True)
class Findings:
    """What the acts found, for the report."""

    warning: SpikeWarning | None = None
    drill: ExperimentResult | None = None
    candidate: Candidate | None = None
    """The policy of the story: proven against its drill, or against a later one of the same cut."""
    in_force: Candidate | None = None
    """The last policy whose rollout was completed."""
    harmful: Candidate | None = None
    interrupted: Candidate | None = None
    worst_link: WorstLink | None = None
    rollback: RollbackFacts = field(
        default_factory=lambda: RollbackFacts(
            rollback=None, failed_gate="", dead_man=None, controller_says=""
        )
    )
    matrices: dict[str, tuple[RoutingMatrix, DemandMatrix]] = field(default_factory=dict)
    """`no_failure`, `failure`, `with_policy`: who carried what when the day came."""
