"""How a process says how it is doing, in numbers: what there is to count, and the port to count on.

Every number of the house is declared here once, named by Prometheus' conventions (base units, a
`_total` for what only grows). Rooms count on the `Meter` they are given; what serves the numbers is
wired by the composition root. The same numbers are scraped, told on the bus and shown to people.

Source: prometheus.io, "Metric and label naming".
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, or one per combination of labels.

    Attributes:
        name: With the unit; counters end in `_total`.
        kind: Whether it only grows.
        help: One line for people.
        labels: Names of the labels; their values must be few.
    """

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


class Meter(Protocol):
    """Takes counts and levels; safe to use from several threads, and cheap."""

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def total(self, metric: Metric, value: float, **labels: str) -> None:
        """Bring a counter up to a total that somebody keeps who counts for himself."""
        ...

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...


class SilentMeter:
    """A meter nobody reads."""

    def count(self, metric: Metric, by: float = 1, **labels: str) -> None:
        """Nothing is kept."""

    def total(self, metric: Metric, value: float, **labels: str) -> None:
        """Nothing is kept."""

    def level(self, metric: Metric, value: float, **labels: str) -> None:
        """Nothing is kept."""


SILENT = SilentMeter()


def _counter(name: str, text: str, *labels: str) -> Metric:
    return Metric(f"foreshadow_{name}_total", Kind.COUNTER, text, labels)


def _gauge(name: str, text: str, *labels: str) -> Metric:
    return Metric(f"foreshadow_{name}", Kind.GAUGE, text, labels)


# The bus, as every process sees it.
RECORDS_READ = _counter("bus_records_read", "Records read from a topic", "topic")
RECORDS_WRITTEN = _counter("bus_records_written", "Records published to a topic", "topic")
BYTES_READ = _counter("bus_read_bytes", "Bytes of the records read", "topic")
BYTES_WRITTEN = _counter("bus_written_bytes", "Bytes of the records published", "topic")
LAG = _gauge("bus_lag_records", "Records on the topics that were not read yet", "topics")
REJECTS = _counter("rejects", "Records nobody could use, on the dead-letter topic", "reason")

# Copies of the state.
GAPS = _counter("state_gaps", "Deltas that came after a hole", "follower")
DIVERGENCES = _counter("state_divergences", "Copies whose digest was not their owner's", "follower")
RESYNCS_ASKED = _counter("state_resyncs_asked", "Snapshots or buckets asked for", "follower")
STALE_STREAMS = _gauge(
    "state_stale_streams", "Streams with a gap, or not whole yet", "follower", "device"
)
STALENESS = _gauge(
    "state_staleness_seconds", "Time since a device was last heard of", "follower", "device"
)
VECTOR_AGE = _gauge(
    "shadow_applied_vector_age_seconds", "How long the oldest news has waited for the mirror"
)
FIDELITY = _gauge("shadow_fidelity_ratio", "Share of production that the mirror agrees with")

# The sources of telemetry.
SOURCE_SAMPLES = _counter("ingest_source_samples", "Samples a source published", "source", "device")
SOURCE_INCIDENTS = _counter("ingest_source_incidents", "Incidents a source told", "source")
SOURCE_REFUSED = _counter("ingest_source_refused", "Records a source could not use", "source")
SOURCE_HEARD = _gauge(
    "ingest_source_heard_timestamp_seconds",
    "When a source last said something of a device, seconds since 1970",
    "source",
    "device",
)

# The owner of the state.
READINGS = _counter("ingest_readings", "Readings taken in", "stream")
DELTAS_SENT = _counter("ingest_deltas_sent", "Deltas published for them", "stream")
STATE_BYTES = _counter("ingest_state_bytes", "Their size on the wire", "stream")
FULL_STATE_BYTES = _counter(
    "ingest_full_state_bytes", "What full state each time would have taken", "stream"
)
SHADOWED = _counter("ingest_readings_shadowed", "Readings another source knew better")
INCIDENTS = _counter("incidents", "What occurred to routers", "what")

# The owner of the rates.
COUNTER_ROWS = _counter("ingest_counter_rows", "Interfaces' counters read")
COUNTER_ROWS_VOID = _counter(
    "ingest_counter_rows_void", "Of them, without a rate: cleared, beyond belief, or the first"
)
COUNTER_BLOCKS_OLD = _counter("ingest_counter_blocks_old", "Readings repeated or out of order")
COUNTER_BLOCKS_OTHER = _counter(
    "ingest_counter_blocks_other", "Readings of a source that is not followed"
)
RATE_FRAMES = _counter("ingest_rate_frames", "Rate frames published")
RATE_ROWS = _counter("ingest_rate_rows", "Interfaces' rates published")

# Exporters of flows.
FLOW_DATAGRAMS = _counter("flow_datagrams", "Datagrams of an exporter", "exporter")
FLOW_REFUSED = _counter("flow_refused", "Of them, not or not wholly understood", "exporter")
FLOW_LOST = _counter("flow_lost", "Exports missing by their sequence numbers", "exporter")
FLOW_CLOCK_OFF = _counter("flow_clock_off", "Datagrams whose clock was wrong", "exporter")
FLOW_STRANGERS = _counter("flow_strangers", "Datagrams of senders nobody named")
FLOW_DROPPED = _counter("flow_dropped", "Datagrams that found the kernel's buffer full")
FLOW_UNSENT = _counter("flow_unsent", "What was heard while the broker was away for too long")
FLOW_BYTES = _counter("flow_traffic_bytes", "Estimated traffic that became demand", "device")
FLOW_ASIDE_BYTES = _counter(
    "flow_aside_bytes", "Estimated traffic that did not", "device", "reason"
)
FLOW_WITHHELD = _counter(
    "flow_intervals_withheld", "Intervals not shown, as flows of them could not be read", "device"
)
FLOW_ERROR = _gauge(
    "flow_sampling_error_ratio", "Standard error of a device's last total, of sampling", "device"
)

# Routers that tell their routes by BMP, targets of gNMI, and devices that write syslog.
BMP_ROUTERS = _gauge("bmp_routers", "Routers whose BMP session stands")
BMP_MESSAGES = _counter("bmp_messages", "BMP messages of a router", "device")
BMP_UNUSED = _counter("bmp_unused", "What of them says nothing to us", "device", "reason")
BMP_CUT_OFF = _counter("bmp_cut_off", "BMP sessions ended for a reason of ours")
GNMI_NOTIFICATIONS = _counter("gnmi_notifications", "gNMI and MDT notifications", "source")
GNMI_UPDATES = _counter(
    "gnmi_updates", "Updates in them, by what became of them", "source", "outcome"
)
GNMI_SUBSCRIPTIONS = _counter(
    "gnmi_subscriptions", "How often a target was subscribed to", "device"
)
GNMI_FAILURES = _counter("gnmi_failures", "Subscriptions that failed or ended", "device")
SYSLOG_LINES = _counter("syslog_lines", "Lines, by what became of them", "outcome")
SYSLOG_DROPPED = _counter("syslog_dropped", "Datagrams that found the kernel's buffer full")

# The forecast.
FORECAST_WAITS = _gauge(
    "forecast_waits", "1 while some router's routing is not known: nothing is forecast before"
)
FORECAST_STEPS = _counter("forecast_steps", "Intervals learnt from")
FORECAST_ERROR = _gauge(
    "forecast_error_ratio", "Sum of errors over sum of peaks (WAPE), recent", "horizon"
)
FORECAST_NAIVE_ERROR = _gauge(
    "forecast_naive_error_ratio", "The same for the last value as the forecast", "horizon"
)
FORECAST_SKILL = _gauge(
    "forecast_skill_ratio", "1 - error over the naive forecast's error", "horizon"
)
FORECAST_COVERAGE = _gauge(
    "forecast_coverage_ratio", "Share of peaks at or below their bound", "horizon", "quantile"
)
FORECAST_MISCALIBRATED = _gauge(
    "forecast_miscalibrated", "1 where coverage has left its nominal value", "horizon", "quantile"
)
FORECAST_DRIFTS = _counter("forecast_drifts", "Restarts of a residual window after a drift")
WARNINGS_SENT = _counter("forecast_warnings_sent", "Spike warnings published")
WARNINGS_HELD = _counter("forecast_warnings_held", "Warnings held back", "reason")
BRIER = _gauge("forecast_brier_score", "Of the overload probabilities", "stage")

# What became of it.
TRIAGED = _counter("triage_scenarios", "Failures worked out")
MODEL_ERROR = _gauge("triage_model_error_ratio", "Model against emulation, worst link, last drill")
