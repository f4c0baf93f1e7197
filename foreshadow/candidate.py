"""A proven policy, whole: what it changes, in which waves, what it will do, the way back."""

from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address

from foreshadow.demand import DemandMatrix
from foreshadow.experiment import DeviceChange, RouterTables
from foreshadow.routing import PathChange
from foreshadow.topology import LinkId, NodeId, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPreferenceShift:
    """The knob: prefer the exit at one border router for some prefixes."""

    device: NodeId
    neighbor: IPv4Address
    local_preference: int
    prefixes: tuple[Prefix, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One step of the rollout: a generation with a larger prefix list than the one before.

    Attributes:
        number: From 1.
        affected_share: Cumulative share of the affected traffic, 0 to 1.
        prefixes: Cumulative.
        changes: One per device.
        path_changes: Best-path changes predicted against the state before the *first* wave.
        tables: Every router's tables as measured in the shadow after this wave.
    """

    number: int
    affected_share: float
    prefixes: tuple[Prefix, ...]
    changes: tuple[DeviceChange, ...]
    path_changes: tuple[PathChange, ...]
    tables: tuple[RouterTables, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Governance:
    """Who allowed how much, and why."""

    moved_traffic_cap: float
    raised_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateScore:
    """What one candidate did in the shadow, without and under the failure."""

    label: str
    prefixes: tuple[Prefix, ...]
    moved_share: float
    """Share of all traffic whose exit changes."""
    worst_no_failure: str
    worst_no_failure_ratio: float
    worst_failure: str
    worst_failure_ratio: float
    is_measured: bool
    """Measured on FRR in the shadow; otherwise only estimated by the model."""
    rejected_because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A proven policy, ready to roll out.

    Attributes:
        precondition: SHA-256 of each affected device's running configuration when it was measured.
        digest_before: RIB digest (all routers) it starts from and must return to when rolled back.
        evidence: (experiment id, SHA-256 of its result).
        override: Empty, or why a candidate that did not pass its proof may roll out all the same.
        scores: Every candidate that was considered, best first, "do nothing" among them.
    """

    id: str
    drill: str
    warning: str
    made_at: datetime
    expires_at: datetime
    knob: LocalPreferenceShift
    under_failure: LinkId | None
    demand: DemandMatrix
    waves: tuple[Wave, ...]
    precondition: tuple[tuple[NodeId, str], ...]
    digest_before: str
    governance: Governance
    scores: tuple[CandidateScore, ...]
    evidence: tuple[tuple[str, str], ...]
    load_limit: float
    override: str = ""
