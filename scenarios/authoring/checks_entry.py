"""The checks in a scenario file."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from scenarios.authoring.quantities import Duration, Ratio
from scenarios.check import Check, CheckKind, Moment

_STRICT = ConfigDict(extra="forbid", frozen=True)


class ChecksEntry(BaseModel):
    """What must hold at one moment."""

    model_config = _STRICT
    converged_within: Duration | None = Field(
        default=None, description="from the fault to the last change of any forwarding table"
    )
    outage_at_most: Duration | None = Field(
        default=None, description="longest time in which no packet of a watched pair arrives"
    )
    loss_at_most: Ratio | None = Field(
        default=None, description="share of the watched packets that do not arrive"
    )
    latency_at_most: Duration | None = Field(
        default=None, description="one way, slowest watched pair once the tables are at rest"
    )
    utilisation_at_most: Ratio | None = Field(
        default=None, description="load over capacity of the fullest link"
    )
    reachability_at_least: Ratio | None = Field(
        default=None, description="share of the demand between living routers that arrives"
    )
    no_loop: Literal[True] | None = Field(default=None, description="no demand goes in circles")
    no_blackhole: Literal[True] | None = Field(
        default=None, description="no demand between living routers is dropped"
    )
    fidelity_at_least: Ratio | None = Field(
        default=None, description="how far shadow and production agree"
    )

    def checks(self, moment: Moment) -> tuple[Check, ...]:
        """What they become."""
        return tuple(
            Check(moment=moment, kind=kind, limit=0.0 if value is True else float(value))
            for field, kind in CHECK_FIELDS.items()
            if (value := getattr(self, field)) is not None
        )


CHECK_FIELDS = {
    "converged_within": CheckKind.CONVERGENCE,
    "outage_at_most": CheckKind.OUTAGE,
    "loss_at_most": CheckKind.LOSS,
    "latency_at_most": CheckKind.LATENCY,
    "utilisation_at_most": CheckKind.UTILISATION,
    "reachability_at_least": CheckKind.REACHABILITY,
    "no_loop": CheckKind.NO_LOOP,
    "no_blackhole": CheckKind.NO_BLACKHOLE,
    "fidelity_at_least": CheckKind.FIDELITY,
}
"""What each key of a file measures."""


class MomentsEntry(BaseModel):
    """Checks by moment."""

    model_config = _STRICT
    before: ChecksEntry = Field(
        default=ChecksEntry(), description="steady state: what must hold before anything is broken"
    )
    during: ChecksEntry = Field(
        default=ChecksEntry(), description="while the faults are in, once the tables are at rest"
    )
    after: ChecksEntry = Field(default=ChecksEntry(), description="when everything is undone")
