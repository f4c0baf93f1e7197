"""What sources put on the bus before anybody has made sense of it."""

from typing import Literal

import msgspec

from foreshadow.bus import Record
from foreshadow.observed import Stream
from foreshadow.topology import NodeId

_DEAD_LETTER_SAMPLE_BYTES = 4096


class TelemetrySample(msgspec.Struct, frozen=True, array_like=True, tag="sample.v1", kw_only=True):
    """One reading of one stream of one device, as its source gave it.

    A reading is whole: it holds the full state of its stream, from which `ingest` takes the
    differences. Fields are only ever appended, with defaults (ADR 0002).
    """

    device: NodeId
    stream: Stream
    source: str
    epoch: int
    """Grows with each start of the source."""
    seq: int
    """Counts the source's readings of this stream from 1, without holes."""
    observed_at_ns: int
    encoding: Literal["frr", "flow"]
    body: bytes
    event_at_ns: int = 0


class FlowRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One aggregated flow of a `flow` body: mean rate towards a prefix over the interval."""

    prefix: str
    rate_bps: float


class Rejected(msgspec.Struct, frozen=True, tag="rejected.v1", tag_field="kind", kw_only=True):
    """A record nobody could use, kept with the reason on the dead-letter topic."""

    origin: str
    """`topic/partition/offset` of the record."""
    reason: str
    sample: bytes
    """The record, cut to a few kilobytes."""


def dead_letter(record: Record, reason: str) -> Rejected:
    """What goes to the dead-letter topic for a record nobody could use."""
    return Rejected(
        origin=record.origin, reason=reason, sample=record.value[:_DEAD_LETTER_SAMPLE_BYTES]
    )
