"""`report.json`: what a run of the demo found, as a public interface.

`foreshadow report schema` prints its JSON Schema. Fields are only ever added within a schema
version; a change of meaning is a new version.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from foreshadow.experiment import Verdict

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Stage(BaseModel):
    """One of the eleven stages of the loop."""

    model_config = _STRICT
    name: str
    held: bool = Field(description="whether everything the stage promises was observed")
    summary: str = Field(description="one sentence with the numbers")
    evidence: dict[str, Any] = Field(default_factory=dict)
    took_s: float = 0.0
    unseen: bool = Field(
        default=False, description="not held for want of evidence, rather than on bad evidence"
    )


class WorstLink(BaseModel):
    """The fullest link at the moment the failure came; percent of its capacity."""

    model_config = _STRICT
    name: str = Field(description="src->dst, of the link that would have been fullest")
    at: str = Field(description="event time, ISO 8601 UTC")
    load_pct_no_failure: float = Field(description="fullest link, neither failure nor policy")
    load_pct_failure: float = Field(description="under the failure, without the policy")
    load_pct_failure_with_policy: float = Field(description="fullest link, as in production")
    load_pct_no_failure_with_policy: float | None = Field(
        default=None, description="fullest link in production just before the failure"
    )


class Sync(BaseModel):
    """What the differential synchronisation sent, against full state for every reading."""

    model_config = _STRICT
    messages: int
    bytes: int
    full_state_bytes: int
    rejected: int = 0


class Rollback(BaseModel):
    """The harmful candidate, undone."""

    model_config = _STRICT
    gate_to_reverted_s: float = Field(
        description="failed gate to the last affected router reverted"
    )
    rib_digest_before: str
    rib_digest_after: str


class DeadMan(BaseModel):
    """The controller killed in the middle of a wave."""

    model_config = _STRICT
    armed_s: float = Field(description="seconds the device was armed for")
    reverted_after_s: float = Field(description="from arming to the device's own revert")


class MapNode(BaseModel):
    """A router on the map."""

    model_config = _STRICT
    name: str
    latitude: float
    longitude: float


class MapLink(BaseModel):
    """One direction of a link with its loads at the moment the failure came, in percent."""

    model_config = _STRICT
    link: str
    src: str
    dst: str
    capacity_gbps: float
    load_pct_no_failure: float
    load_pct_failure: float | None = Field(description="without the policy; None on the cut link")
    load_pct_failure_with_policy: float | None


class ForecastPoint(BaseModel):
    """The watched link at one live step: what was and what was expected."""

    model_config = _STRICT
    at: str
    now_pct: float
    median_pct: float
    upper_pct: float
    naive_last_pct: float
    naive_day_pct: float


class ForecastSeries(BaseModel):
    """The live steps of the link the warning was about."""

    model_config = _STRICT
    link: str
    under_failure: str | None
    horizon_s: int
    quantile: float
    limit_pct: float
    points: tuple[ForecastPoint, ...]
    policy_from: str | None = Field(
        default=None, description="event time of the first point with the policy in force"
    )


class TriageRow(BaseModel):
    """One single failure at the forecast demand."""

    model_config = _STRICT
    failure: str
    worst_link: str
    load_pct: float


class CandidateRow(BaseModel):
    """One candidate that was considered."""

    model_config = _STRICT
    label: str
    prefixes: tuple[str, ...]
    moved_pct: float
    worst_no_failure: str
    worst_no_failure_pct: float
    worst_failure: str
    worst_failure_pct: float
    is_measured: bool
    is_chosen: bool
    rejected_because: str


class GateRow(BaseModel):
    """One gate's judgement."""

    model_config = _STRICT
    gate: str
    verdict: Literal["PASSED", "INCONCLUSIVE", "FAILED"]
    says: str


class WaveRow(BaseModel):
    """One wave of a rollout and where it ended."""

    model_config = _STRICT
    txn: str
    kind: Literal["proven", "harmful", "controller-killed"]
    number: int
    affected_pct: float
    prefixes: tuple[str, ...]
    devices: tuple[str, ...]
    steps: tuple[str, ...]
    outcome: str
    gates: tuple[GateRow, ...]


class FeedbackRow(BaseModel):
    """Predicted against what came, in percent."""

    model_config = _STRICT
    link: str
    under_failure: str | None
    made_at: str
    at: str
    forecast_upper_pct: float
    shadow_pct: float | None
    observed_pct: float


class Times(BaseModel):
    """The demo's rollout times beside production's, in seconds."""

    model_config = _STRICT
    profile: str
    settle_s: float
    soak_s: float
    dead_man_s: float
    production_settle_s: float
    production_soak_s: float
    production_dead_man_s: float


class Report(BaseModel):
    """One run of the demo, whole."""

    model_config = _STRICT
    schema_version: Literal[1] = 1
    run_id: str
    network: str
    assumption: str
    traffic: str = Field(description="`built-in profile` or the matrix file's name")
    growth: float
    limit_pct: float
    held: bool = Field(description="all eleven stages held")
    wall_s: float
    peak_memory_mb: float = Field(description="everything the run started, broker included")
    broker: str
    stages: tuple[Stage, ...]
    worst_link: WorstLink | None = None
    sync: Sync | None = None
    fidelity_pct: float | None = None
    rollback: Rollback | None = None
    dead_man: DeadMan | None = None
    times: Times
    routers: tuple[MapNode, ...] = ()
    links: tuple[MapLink, ...] = ()
    cut: str = ""
    forecast: ForecastSeries | None = None
    triage: tuple[TriageRow, ...] = ()
    candidates: tuple[CandidateRow, ...] = ()
    waves: tuple[WaveRow, ...] = ()
    feedback: tuple[FeedbackRow, ...] = ()
    notes: tuple[str, ...] = Field(default=(), description="limits, assumptions")


def outcome(report: Report) -> Verdict:
    """What a run comes to: what was seen to fail fails it, what was not seen leaves it open."""
    if report.held:
        return Verdict.PASSED
    has_failed = any(not stage.held and not stage.unseen for stage in report.stages)
    return Verdict.FAILED if has_failed else Verdict.INCONCLUSIVE


STAGE_NAMES = (
    "telemetry",
    "sync",
    "shadow",
    "forecast",
    "triage",
    "drill",
    "policy",
    "rollout",
    "the day",
    "rollback",
    "feedback",
)
