"""What the intake must not forget: how far each source has told, what it has told, and who speaks.

It is saved beside the state it led to and the offsets it had read to (`foreshadow.checkpoint`).
"""

import msgspec

from foreshadow.observed import Stream
from foreshadow.topology import NodeId


class Line(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """One `Testimony`. Fields are only ever appended, with defaults (ADR 0002)."""

    device: NodeId
    stream: Stream
    source: str
    epoch: int
    seq: int
    is_whole: bool
    is_torn: bool
    is_patched: bool
    whole_at_ns: int
    coalesced: int
    told: tuple[tuple[str, bytes], ...] | None
    """None: what the owner has published."""


class Voice(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """Who speaks for a stream. Fields are only ever appended, with defaults."""

    device: NodeId
    stream: Stream
    source: str
    spoke_ns: int
    heard_ns: int
    """When the source last said anything about the device."""


class IntakeCheckpoint(msgspec.Struct, frozen=True, array_like=True, tag="intake.v1", kw_only=True):
    """The intake at one moment. Fields are only ever appended, with defaults."""

    epoch: int
    """Of the owner."""
    lines: tuple[Line, ...]
    voices: tuple[Voice, ...]


_encoder, _decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(IntakeCheckpoint)


def encode(taken: IntakeCheckpoint) -> bytes:
    """As it is saved."""
    return _encoder.encode(taken)


def decode(raw: bytes) -> IntakeCheckpoint:
    """As it was saved.

    Raises:
        msgspec.DecodeError: It is of another version.
    """
    return _decoder.decode(raw)
