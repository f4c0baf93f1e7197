"""Differential state: what travels instead of the state, and how a copy is kept level.

State is a map key -> value per (device, stream). Its owner numbers every change with (epoch, seq):
the epoch grows with each start of the owner, the sequence counts from 1 within it and has no holes.
A copy that has applied (epoch, seq) holds exactly the owner's map at that point, or knows that it
does not.

    R1  seq <= last seen           duplicate: ignored
    R2  seq > last seen + 1        gap: the copy is stale, serves what it has and asks for a resync
    R3  lower epoch                a zombie owner: ignored
    R4  higher epoch               collected aside from SNAPSHOT_BEGIN to SNAPSHOT_END, then swapped
    in whole, so that
                                   what was deleted meanwhile goes too
    R5  digest differs             the copy is stale
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

import msgspec

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
    observed_at_ns: int = 0
    """When the router was read, by the reader's clock."""
    event_at_ns: int = 0
    """Event time where it differs from the wall clock: the interval demand rates belong to."""


class Effect(StrEnum):
    """What applying one delta did to a copy."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    ZOMBIE = "zombie"
    GAP = "gap"
    DIVERGED = "diverged"
    """The digest shows the copy differs from its owner."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """A copy of one stream of one device at a known point."""

    epoch: int = 0
    seq: int = 0
    values: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}))
    is_synced: bool = False
    """A whole snapshot has been seen and no gap since."""
    incoming: Mapping[str, bytes] | None = None
    """The snapshot of a newer epoch while it is being collected."""

    @property
    def position(self) -> tuple[int, int]:
        """(epoch, seq) of the last change applied."""
        return self.epoch, self.seq


def digest(values: Mapping[str, bytes]) -> bytes:
    """SHA-256 over a map, independent of order; 32 bytes."""
    total = 0
    for key, value in values.items():
        total += int.from_bytes(hashlib.sha256(key.encode() + b"\0" + value).digest(), "big")
    return (total % (1 << 256)).to_bytes(32, "big")


def apply(state: StreamState, delta: StateDelta) -> tuple[StreamState, Effect]:
    """One delta applied to a copy: idempotent, ordered by (epoch, seq), total (rules above)."""
    if delta.epoch < state.epoch:
        return state, Effect.ZOMBIE
    if delta.epoch > state.epoch:
        state = StreamState(epoch=delta.epoch, values=state.values)
    if delta.op is Op.HEARTBEAT:
        return _compare(state, delta)
    if delta.seq <= state.seq:
        return state, Effect.DUPLICATE
    if delta.op is Op.SNAPSHOT_BEGIN:
        # A snapshot heals: whatever was missed before it is in it.
        opened = StreamState(
            epoch=delta.epoch,
            seq=delta.seq,
            values=state.values,
            incoming=_merged({}, delta),
        )
        return opened, Effect.APPLIED
    if delta.seq > state.seq + 1 or not (state.is_synced or state.incoming is not None):
        return StreamState(state.epoch, state.seq, state.values), Effect.GAP
    return _change(state, delta)


def _change(state: StreamState, delta: StateDelta) -> tuple[StreamState, Effect]:
    at = StreamState(epoch=delta.epoch, seq=delta.seq)
    target = _merged(state.values if state.incoming is None else state.incoming, delta)
    if delta.op is Op.SNAPSHOT_END:
        is_whole = not delta.digest or digest(target) == delta.digest
        return (
            replace(at, values=target, is_synced=is_whole),
            Effect.APPLIED if is_whole else Effect.DIVERGED,
        )
    if state.incoming is None:
        return replace(at, values=target, is_synced=True), Effect.APPLIED
    return replace(at, values=state.values, incoming=target), Effect.APPLIED


def _merged(values: Mapping[str, bytes], delta: StateDelta) -> Mapping[str, bytes]:
    gone = frozenset(delta.deletes)
    kept = {key: value for key, value in values.items() if key not in gone} if gone else values
    return {**kept, **dict(delta.upserts)}


def _compare(state: StreamState, delta: StateDelta) -> tuple[StreamState, Effect]:
    is_level = state.is_synced and delta.seq == state.seq and digest(state.values) == delta.digest
    if is_level:
        return state, Effect.APPLIED
    return StreamState(state.epoch, state.seq, state.values), Effect.DIVERGED
