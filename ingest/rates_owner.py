"""Who owns the rates: counters of every device in, frames and incidents out.

Of each device one source is followed at a time: two that read the same counters at other moments
would see them go back and forth. Another takes over once the first was silent for a while.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from foreshadow import meter as metrics
from foreshadow.incident import Incident
from foreshadow.meter import Meter
from foreshadow.rates import RateFrame
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import TelemetrySample
from foreshadow.topology import NodeId
from ingest.rates_block import decode_block
from ingest.rates_deadband import Deadband
from ingest.rates_incidents import CounterIncidents
from ingest.rates_table import CounterTable, prepare

HANDOVER_S = 60.0
_MISSED_READINGS = 3
"""Silence is longer than this, and than so many of the source's own intervals."""
_NS = 1_000_000_000
_LATEST_NS = 1 << 62
"""Beyond it a time is no time, and would not fit the arrays."""

Said = RateFrame | Incident


@dataclass(slots=True)
class RateCounts:
    """What came in and what went out since the owner began."""

    blocks: int = 0
    rows: int = 0
    void_rows: int = 0
    """Rows whose interval gave no rate: cleared, gone beyond belief, or the first of its kind."""
    old_blocks: int = 0
    """Repeated or out of order."""
    other_sources: int = 0
    """Blocks of a source that is not followed."""
    frames: int = 0
    rows_said: int = 0

    def tell(self, meter: Meter) -> None:
        """Bring the process's numbers up to these."""
        meter.total(metrics.COUNTER_ROWS, self.rows)
        meter.total(metrics.COUNTER_ROWS_VOID, self.void_rows)
        meter.total(metrics.COUNTER_BLOCKS_OLD, self.old_blocks)
        meter.total(metrics.COUNTER_BLOCKS_OTHER, self.other_sources)
        meter.total(metrics.RATE_FRAMES, self.frames)
        meter.total(metrics.RATE_ROWS, self.rows_said)


@dataclass(slots=True)
class _Device:
    table: CounterTable
    incidents: CounterIncidents
    source: str
    heard_ns: int
    every_ns: int = 0
    said_ns: int = 0
    whole_ns: int = -_LATEST_NS


@dataclass(slots=True)
class RateOwner:
    """Every device's counters, and what was said of them.

    Attributes:
        epoch: Of this start of the owner.
        settings: Deadband, heartbeat, longest gap.
        counts: For metrics.
    """

    epoch: int
    settings: IngestSettings
    counts: RateCounts = field(default_factory=RateCounts)
    _devices: dict[NodeId, _Device] = field(default_factory=dict)
    _waiting: set[NodeId] = field(default_factory=set)

    def __post_init__(self) -> None:
        prepare()

    def take(self, sample: TelemetrySample) -> tuple[Said, ...]:
        """Read one sample of counters; what is to be said at once.

        Raises:
            msgspec.DecodeError: Its body is no block of counters.
            ValueError: The block is malformed, or has no time.
        """
        if not sample.device:
            raise ValueError("counters of no device")
        at_ns = sample.event_at_ns or sample.observed_at_ns
        if not (0 < at_ns < _LATEST_NS and 0 < sample.observed_at_ns < _LATEST_NS):
            raise ValueError("counters without a time (observed_at_ns, event_at_ns)")
        block = decode_block(sample.body)
        device = self._followed(sample)
        if device is None:
            self.counts.other_sources += 1
            return ()
        taken = device.table.take(block, at_ns, sample.observed_at_ns)
        if taken is None:
            self.counts.old_blocks += 1
            return ()
        self.counts.blocks += 1
        self.counts.rows += taken.tally.later
        self.counts.void_rows += taken.tally.void
        self._waiting.add(sample.device)
        said: tuple[Said, ...] = () if taken.frame is None else (self._counted(taken.frame),)
        if taken.tally.eventful:
            said += device.incidents.take(sample, taken.names, taken.counted)
        return said

    def settle(self, now_ns: int) -> Iterable[Said]:
        """What waits to be said after a batch of samples, and the whole frames that are due.

        Args:
            now_ns: Our clock.
        """
        for name in self._waiting:
            device = self._devices[name]
            is_whole = now_ns - device.whole_ns >= self.settings.rate_whole_s * _NS
            is_quiet = now_ns - device.said_ns >= self.settings.rate_heartbeat_s * _NS
            if is_whole:
                for interface in device.table.forget_silent():
                    device.incidents.forget(interface)
            frame = device.table.frame(is_whole=is_whole, may_be_empty=is_quiet)
            if frame is not None:
                device.said_ns = now_ns
                device.whole_ns = now_ns if frame.is_whole else device.whole_ns
                yield self._counted(frame)
            yield from device.incidents.waited(now_ns)
        self._waiting.clear()

    def _followed(self, sample: TelemetrySample) -> _Device | None:
        """The device, if the sample is of the source that is followed for it."""
        known = self._devices.get(sample.device)
        if known is None:
            known = self._devices[sample.device] = self._opened(sample)
        elif known.source != sample.source:
            patience_ns = max(HANDOVER_S * _NS, _MISSED_READINGS * known.every_ns)
            if sample.observed_at_ns - known.heard_ns < patience_ns:
                return None
            known.table.part_with_past()
            known.source = sample.source
        known.every_ns = sample.observed_at_ns - known.heard_ns
        known.heard_ns = sample.observed_at_ns
        return known

    def _opened(self, sample: TelemetrySample) -> _Device:
        settings = self.settings
        deadband = Deadband(share=settings.rate_deadband, least_bps=settings.rate_deadband_bps)
        return _Device(
            table=CounterTable(
                sample.device, self.epoch, deadband, longest_gap_s=settings.longest_gap_s
            ),
            incidents=CounterIncidents(sample.device),
            source=sample.source,
            heard_ns=sample.observed_at_ns,
        )

    def _counted(self, frame: RateFrame) -> RateFrame:
        self.counts.frames += 1
        self.counts.rows_said += frame.row_count
        return frame


COUNTER_ERRORS = (msgspec.DecodeError, ValueError)
"""What `RateOwner.take` raises on a bad sample."""
