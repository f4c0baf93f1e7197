"""The topics of the bus, who writes them and how they are kept."""

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """A topic's name without the prefix that keeps two runs apart."""

    TELEMETRY = "telemetry.v1"
    STATE = "state.v1"
    METRICS = "metrics.v1"
    INCIDENT = "incident.v1"
    REJECT = "reject.v1"
    CONTROL = "control.v1"
    STATUS = "status.v1"
    """What is said again and again, and only the latest of which counts: reports by who reports."""
    FORECAST = "forecast.v1"
    WARNING = "warning.v1"
    DRILL = "drill.v1"
    VERDICT = "verdict.v1"
    CANDIDATE = "candidate.v1"
    ROLLOUT = "rollout.v1"
    FEEDBACK = "feedback.v1"

    def under(self, prefix: str) -> str:
        """The full name on the broker: `fs3fa9c1.state.v1`."""
        return f"{prefix}.{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """How a topic is created."""

    topic: Topic
    partitions: int
    retention_ms: int
    is_compacted: bool = False


LARGEST_RECORD_BYTES = 32 << 20
"""A planned drill of 200 routers carries some 40,000 demands, 2.4 MB; brokers and clients stop at
1 MB unless they are told otherwise, topic by topic."""

_DAY_MS = 24 * 60 * 60 * 1000

SPECS: tuple[TopicSpec, ...] = (
    TopicSpec(topic=Topic.TELEMETRY, partitions=4, retention_ms=_DAY_MS),
    TopicSpec(topic=Topic.STATE, partitions=4, retention_ms=7 * _DAY_MS),
    TopicSpec(topic=Topic.METRICS, partitions=4, retention_ms=7 * _DAY_MS),
    *(
        TopicSpec(topic=topic, partitions=1, retention_ms=90 * _DAY_MS)
        for topic in Topic
        if topic not in (Topic.TELEMETRY, Topic.STATE, Topic.METRICS, Topic.STATUS)
    ),
    TopicSpec(topic=Topic.STATUS, partitions=1, retention_ms=7 * _DAY_MS, is_compacted=True),
)
