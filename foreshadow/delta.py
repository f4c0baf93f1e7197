"""Differential state: what travels instead of the state, and how a copy is kept level.

State is a map key -> value per (device, stream). Its owner numbers every change with (epoch, seq):
the epoch grows with each start of the owner, the sequence counts from 1 within it and has no holes.
A copy that has applied (epoch, seq) holds exactly the owner's map at that point, or knows that it
does not (`foreshadow.stream_copy` follows these rules, `ingest.differential` keeps them):

    R1  seq <= last seen           duplicate: ignored
    R2  seq > last seen + 1        gap: the copy is stale, serves what it has and asks for what it
                                   lacks
    R3  lower epoch                a zombie owner: ignored
    R4  higher epoch               its snapshot is collected aside from SNAPSHOT_BEGIN to
                                   SNAPSHOT_END, then swapped in whole, so that what was deleted
                                   meanwhile goes too
    R5  digest differs             the copy is stale and asks, with the digests of its 256 buckets;
                                   the owner sends only the buckets that differ
    R6  no heartbeat for 3 periods nobody vouches for the stream: it is not to be trusted
    R7  equal values               never travel

Whoever has the owner's digest has the owner's map: that alone makes a copy level, however it came
to it. So a successor opens its epoch over a map that it inherited with one heartbeat, and only the
copies for which it does not hold ask for more.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from foreshadow.bucket_map import BucketMap
from foreshadow.observed import Stream
from foreshadow.topology import NodeId


class Op(StrEnum):
    """What a delta is to the map of its stream."""

    SNAPSHOT_BEGIN = "begin"
    """Opens a new whole map; may already carry values."""
    CHANGE = "change"
    """One reading's differences, applied together; inside a snapshot, its next part."""
    SNAPSHOT_END = "end"
    """Closes the whole map; `digest` is the map's."""
    HEARTBEAT = "heartbeat"
    """Changes nothing, is numbered like the last change; `digest` is the map's."""


class StateDelta(msgspec.Struct, frozen=True, array_like=True, tag="delta.v1", kw_only=True):
    """One numbered step of a stream. Fields are only ever appended, with defaults (ADR 0002).

    All changes of one reading travel and apply together, so a copy never shows half a reading.
    """

    device: NodeId
    stream: Stream
    epoch: int
    seq: int
    op: Op
    upserts: tuple[tuple[str, bytes], ...] = ()
    deletes: tuple[str, ...] = ()
    digest: bytes = b""
    """The sum over the map (`BucketMap.total`)."""
    observed_at_ns: int = 0
    """When the router was read, by the reader's clock."""
    event_at_ns: int = 0
    """Event time where it differs from the wall clock: the interval demand rates belong to."""
    root: bytes = b""
    """The digest over the map's 256 buckets (`BucketMap.root`)."""
    buckets: bytes = b""
    """A repair: numbers of buckets, a byte each, that `upserts` holds whole; whatever else a copy
    has in them goes. Where the copy is level, or knows no buckets, it changes nothing."""
    coalesced: int = 0
    """Transitions since the delta before that nobody sent: values that were passed on the way."""


class Effect(StrEnum):
    """What applying one delta did to a copy."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    ZOMBIE = "zombie"
    GAP = "gap"
    DIVERGED = "diverged"
    """The digest shows the copy differs from its owner."""


def digest(values: Mapping[str, bytes]) -> bytes:
    """The sum over a map, independent of order; 32 bytes."""
    return BucketMap(values).total()
