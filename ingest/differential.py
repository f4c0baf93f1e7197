"""The owner's side of differential state: what of a reading travels, and under which number.

A reading is whole, a delta is not: of a reading only the differences from the one before travel,
numbered without holes. Values that did not change never travel again, with one exception on
purpose: a demand reading always gives a delta, even an empty one, because its event time says that
the interval is over. The rules a copy follows are in `foreshadow.delta`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import msgspec

from foreshadow.delta import Op, StateDelta, digest
from foreshadow.observed import Stream
from foreshadow.topology import NodeId

Upserts = tuple[tuple[str, bytes], ...]

SNAPSHOT_PART = 1000
"""Values in one message of a snapshot: far below a broker's message limit of 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole state of one stream of one device at one time, in our words."""

    device: NodeId
    stream: Stream
    values: Mapping[str, bytes]
    observed_at_ns: int
    event_at_ns: int = 0
    """Start of the interval, for demand; otherwise 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedStream:
    """A stream as its owner last published it; `seq` is 0 before the epoch's first publication."""

    device: NodeId
    stream: Stream
    epoch: int
    seq: int = 0
    values: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    observed_at_ns: int = 0
    event_at_ns: int = 0


def advance(owned: OwnedStream, reading: Reading) -> tuple[OwnedStream, tuple[StateDelta, ...]]:
    """What to publish for a reading: a snapshot for the epoch's first, then differences, if any."""
    is_demand = owned.stream is Stream.DEMAND
    if is_demand and reading.event_at_ns <= owned.event_at_ns:
        return owned, ()
    if owned.seq == 0:
        return snapshot(_level(owned, reading, seq=0))
    known, seen = owned.values, reading.values
    upserts = tuple(item for item in seen.items() if known.get(item[0]) != item[1])
    deletes = tuple(sorted(known.keys() - seen.keys()))
    if not (upserts or deletes or is_demand):
        return _level(owned, reading, seq=owned.seq), ()
    after = _level(owned, reading, seq=owned.seq + 1)
    return after, (_delta(after, Op.CHANGE, upserts=upserts, deletes=deletes),)


def snapshot(owned: OwnedStream) -> tuple[OwnedStream, tuple[StateDelta, ...]]:
    """The whole map, numbered on from where the stream is.

    Only its end carries the event time: before it, a copy still shows the values of an earlier one.
    """
    entries = tuple(owned.values.items())
    parts = [entries[at : at + SNAPSHOT_PART] for at in range(0, len(entries), SNAPSHOT_PART)]
    deltas: list[StateDelta] = []
    for part in parts or [()]:
        owned = replace(owned, seq=owned.seq + 1)
        op = Op.CHANGE if deltas else Op.SNAPSHOT_BEGIN
        deltas.append(_delta(replace(owned, event_at_ns=0), op, upserts=part))
    owned = replace(owned, seq=owned.seq + 1)
    end = _delta(owned, Op.SNAPSHOT_END, map_digest=digest(owned.values))
    return owned, (*deltas, end)


def heartbeat(owned: OwnedStream) -> StateDelta:
    """A sign of life that lets every copy compare itself; it begins no interval."""
    return _delta(replace(owned, event_at_ns=0), Op.HEARTBEAT, map_digest=digest(owned.values))


def full_size(owned: OwnedStream) -> int:
    """Bytes that the whole map takes as one message: what a reading costs without differences."""
    return len(_encoder.encode(_delta(owned, Op.CHANGE, upserts=tuple(owned.values.items()))))


_encoder = msgspec.msgpack.Encoder()


def _level(owned: OwnedStream, reading: Reading, *, seq: int) -> OwnedStream:
    return OwnedStream(
        device=owned.device,
        stream=owned.stream,
        epoch=owned.epoch,
        seq=seq,
        values=reading.values,
        observed_at_ns=reading.observed_at_ns,
        event_at_ns=reading.event_at_ns,
    )


def _delta(
    owned: OwnedStream,
    op: Op,
    *,
    upserts: Upserts = (),
    deletes: tuple[str, ...] = (),
    map_digest: bytes = b"",
) -> StateDelta:
    """One step at the stream's present number; what completes a reading has its event time."""
    return StateDelta(
        device=owned.device,
        stream=owned.stream,
        epoch=owned.epoch,
        seq=owned.seq,
        op=op,
        upserts=upserts,
        deletes=deletes,
        digest=map_digest,
        observed_at_ns=owned.observed_at_ns,
        event_at_ns=owned.event_at_ns,
    )
