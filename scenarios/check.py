"""What a drill demands of the network: one measured quantity against one limit, at one moment."""

from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """When a check is made, seen from the faults."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"


class CheckKind(StrEnum):
    """What is measured. The unit and the side of the limit that is good follow from the kind.

    `reachability`, `no-loop` and `no-blackhole` are about demand between routers that live: what
    enters at a dead router, or is delivered by nobody else, is not the network's to carry.
    """

    CONVERGENCE = "convergence"
    """Seconds from the fault to the last change of any forwarding table."""
    OUTAGE = "outage"
    """Seconds: the longest time no packet of a watched pair arrived."""
    LOSS = "loss"
    """Share of the watched packets that did not arrive."""
    LATENCY = "latency"
    """Seconds one way, the slowest watched pair once the tables are at rest."""
    UTILISATION = "utilisation"
    """Load over capacity of the fullest link."""
    REACHABILITY = "reachability"
    """Share of the demand that arrives."""
    NO_LOOP = "no-loop"
    """Share of the demand that goes round in circles; none is allowed."""
    NO_BLACKHOLE = "no-blackhole"
    """Share of the demand that is dropped on the way; none is allowed."""
    FIDELITY = "fidelity"
    """Share of adjacencies, sessions and next hops on which shadow and production agree."""

    @property
    def is_floor(self) -> bool:
        """Whether more is better."""
        return self in (CheckKind.REACHABILITY, CheckKind.FIDELITY)

    @property
    def unit(self) -> str:
        """`s` or `ratio`."""
        timed = (CheckKind.CONVERGENCE, CheckKind.OUTAGE, CheckKind.LATENCY)
        return "s" if self in timed else "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One demand on the network.

    Attributes:
        moment: When it is made.
        kind: What is measured.
        limit: In the kind's unit; 0 for `no-loop` and `no-blackhole`.
    """

    moment: Moment
    kind: CheckKind
    limit: float

    def holds(self, measured: float) -> bool:
        """Whether a measured value is on the good side of the limit, or on it."""
        return measured >= self.limit if self.kind.is_floor else measured <= self.limit
