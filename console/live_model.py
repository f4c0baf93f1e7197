"""What the live view shows: one frozen picture of the demo at a moment."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLine:
    """One stage and how far it is."""

    name: str
    status: str
    """`waiting`, `running`, `held` or `broken`."""
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveLine:
    """One wave of the rollout under way."""

    txn: str
    number: int
    affected_pct: float
    step: str
    says: str = ""
    gates: tuple[tuple[str, str], ...] = ()
    """(gate, verdict)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPoint:
    """The watched link at one step, in percent of its capacity."""

    at: datetime
    now_pct: float
    median_pct: float
    upper_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything the screen needs, once or a few times a second."""

    run_id: str
    headline: str
    """What is happening right now, in words a stranger understands."""
    event_time: datetime | None = None
    elapsed_s: float = 0.0
    is_standing_still: bool = False
    history_share: float | None = None
    """0 to 1 while history is fed."""
    stages: tuple[StageLine, ...] = ()
    watched: str = ""
    """`ATLAng->IPLSng if CHINng-NYCMng fails`."""
    limit_pct: float = 85.0
    band: tuple[BandPoint, ...] = ()
    waves: tuple[WaveLine, ...] = ()
    lines: tuple[str, ...] = field(default=())
    """The last few things that happened."""
