"""What sources put on the bus before anybody has made sense of it."""

from typing import Literal

import msgspec

from foreshadow.bus import Record
from foreshadow.observed import Stream
from foreshadow.topology import NodeId

DEAD_LETTER_SAMPLE_BYTES = 4096


class TelemetrySample(
    msgspec.Struct, frozen=True, array_like=True, tag="sample.v1", kw_only=True, gc=False
):
    """One reading of one stream of one device, as its source gave it.

    A body of `frr`, `flow` or `state` is whole: it holds the full state of its stream, from which
    `ingest` takes the differences. A `patch` says itself what it is to the stream (`Patch`), and
    `counters` are what an interface has counted so far (`CounterBlock`). Fields are only ever
    appended, with defaults (ADR 0002).
    """

    device: NodeId
    stream: Stream
    source: str
    epoch: int
    """Grows with each start of the source."""
    seq: int
    """Counts the source's readings of this stream from 1, without holes."""
    observed_at_ns: int
    encoding: Literal["frr", "flow", "state", "patch", "counters"]
    body: bytes
    event_at_ns: int = 0


class FlowRecord(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One aggregated flow of a `flow` body: mean rate towards a prefix over the interval."""

    prefix: str
    rate_bps: float


class Patch(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The body of a `patch`: part of a stream's map. Fields are only ever appended.

    Attributes:
        phase: `begin`, `part`, `end` or `change`; what is not told between `begin` and `end` is
            gone.
        upserts: (key, value as JSON).
        deletes: Keys that are gone.
        subtrees: Key prefixes all of which is gone.
        coalesced: Transitions the device passed over.
    """

    phase: Literal["begin", "part", "end", "change"]
    upserts: tuple[tuple[str, bytes], ...] = ()
    deletes: tuple[str, ...] = ()
    subtrees: tuple[str, ...] = ()
    coalesced: int = 0


COUNTER_COLUMNS = (
    "in_octets",
    "out_octets",
    "in_errors",
    "out_errors",
    "in_discards",
    "out_discards",
    "carrier_transitions",
)
"""Order of the columns of a `CounterBlock`; more are only ever appended."""

NOT_COUNTED = (1 << 64) - 1
"""In a column: nobody counts that on this interface."""


class CounterBlock(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The body of `counters`: absolute counters of some interfaces, read together.

    Attributes:
        interfaces: Names, one a row.
        columns: One per `COUNTER_COLUMNS`, little-endian uint64, one value a row.
        bits: Width at which the octet counters wrap: 32 or 64.
        capacities_bps: Little-endian float64, one value a row; 0 where the device does not say.
        since_ns: Little-endian int64, one value a row: when the device says that it began to count
            (last clear, discontinuity, boot), by its own clock; 0 where it does not say.
    """

    interfaces: tuple[str, ...]
    columns: tuple[bytes, ...]
    bits: int = 64
    capacities_bps: bytes = b""
    since_ns: bytes = b""


class Rejected(
    msgspec.Struct,
    frozen=True,
    tag="rejected.v1",
    tag_field="kind",
    kw_only=True,
    omit_defaults=True,
):
    """A record nobody could use, kept with the reason on the dead-letter topic."""

    origin: str
    """`topic/partition/offset` of the record."""
    reason: str
    sample: bytes
    """The record, cut to a few kilobytes."""
    count: int = 1
    """How many records it stands for: of those that are the same, one a minute is kept."""


def dead_letter(record: Record, reason: str) -> Rejected:
    """What goes to the dead-letter topic for a record nobody could use."""
    return Rejected(
        origin=record.origin, reason=reason, sample=record.value[:DEAD_LETTER_SAMPLE_BYTES]
    )
