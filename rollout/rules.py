"""What the operator of this rollout allows, whatever a candidate asks for."""

from dataclasses import dataclass
from typing import Self

from foreshadow.candidate import Candidate
from foreshadow.experiment import LEAST_FIDELITY
from foreshadow.settings import Settings

DRY_RUN = (
    "dry run: no device is changed; set FORESHADOW_ROLLOUT__MAY_CONFIGURE=true to carry it out"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The operator's word; a candidate can ask for less, never for more.

    Attributes:
        may_configure: Otherwise devices are only read.
        allow_override: Candidates without a passed proof may roll out.
        moved_traffic_cap: Share of all traffic one change may move.
        load_limit: Load ratio no link may exceed.
        least_fidelity: What was measured on a less faithful bench is void.
    """

    may_configure: bool
    allow_override: bool
    moved_traffic_cap: float
    load_limit: float
    least_fidelity: float = LEAST_FIDELITY

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules an operator has set."""
        return cls(
            may_configure=settings.rollout.may_configure,
            allow_override=settings.rollout.allow_override,
            moved_traffic_cap=settings.rollout.moved_traffic_cap,
            load_limit=settings.policy.load_limit,
            least_fidelity=settings.shadow.least_fidelity,
        )

    def lets_override(self, candidate: Candidate) -> bool:
        """Whether it asks to roll out without a proof, and may."""
        return bool(candidate.override) and self.allow_override

    def traffic_cap(self, candidate: Candidate) -> float:
        """Share of all traffic this candidate may move."""
        return min(candidate.governance.moved_traffic_cap, self.moved_traffic_cap)

    def limit(self, candidate: Candidate) -> float:
        """Load ratio no link may exceed under this candidate."""
        return min(candidate.load_limit, self.load_limit)
