"""The wire form of a delta: what was published keeps its meaning, both ways."""

from typing import Any

import msgspec

from foreshadow.delta import Op, StateDelta, digest
from foreshadow.observed import Stream
from foreshadow.topology import NodeId


class FirstDelta(msgspec.Struct, frozen=True, array_like=True, tag="delta.v1", kw_only=True):
    """`delta.v1` as it was first published: what an old process reads and writes."""

    device: NodeId
    stream: Stream
    epoch: int
    seq: int
    op: Op
    upserts: tuple[tuple[str, bytes], ...] = ()
    deletes: tuple[str, ...] = ()
    digest: bytes = b""
    observed_at_ns: int = 0
    event_at_ns: int = 0


FIRST = bytes.fromhex(
    "9ba864656c74612e7631a25231a36669620709a66368616e67659192a16bc4017691a164c4000b00"
)
NOW = bytes.fromhex(
    "9ea864656c74612e7631a25231a36669620709a66368616e67659192a16bc4017691a164c4000b00c40172c4020103"
    "04"
)


def _delta(epoch: int, seq: int, op: Op, **fields: Any) -> StateDelta:
    return StateDelta(device=NodeId("R1"), stream=Stream.FIB, epoch=epoch, seq=seq, op=op, **fields)


FIRST_STEP = _delta(7, 9, Op.CHANGE, upserts=(("k", b"v"),), deletes=("d",), observed_at_ns=11)
STEP = msgspec.structs.replace(FIRST_STEP, root=b"r", buckets=b"\1\3", coalesced=4)


def test_wire_form_of_version_1_never_changes() -> None:
    """Golden bytes: a published wire version keeps its meaning (ADR 0002)."""
    assert msgspec.msgpack.encode(STEP) == NOW
    assert msgspec.msgpack.decode(NOW, type=StateDelta) == STEP


def test_first_bytes_of_version_1_are_read_for_ever() -> None:
    """A record that was written before fields were appended has their defaults."""
    assert msgspec.msgpack.decode(FIRST, type=StateDelta) == FIRST_STEP
    raw = msgspec.msgpack.encode(["delta.v1", "R1", "fib", 1, 1, "begin"])
    assert msgspec.msgpack.decode(raw, type=StateDelta) == _delta(1, 1, Op.SNAPSHOT_BEGIN)


def test_an_old_reader_takes_what_it_knows_from_a_new_writer() -> None:
    """What was appended is passed over, also what a later version will append."""
    old = msgspec.msgpack.decode(NOW, type=FirstDelta)
    fields = msgspec.msgpack.decode(NOW)
    later = msgspec.msgpack.encode([*fields, "of a later day"])

    assert msgspec.msgpack.encode(old) == FIRST
    assert msgspec.msgpack.decode(later, type=StateDelta) == STEP


def test_digest_does_not_depend_on_order() -> None:
    """Two maps with the same entries have the same digest, others do not."""
    assert digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"})
    assert digest({"a": b"1", "b": b"2"}) != digest({"a": b"2", "b": b"1"})
    assert digest({}) == bytes(32)


def test_digest_of_version_1_never_changes() -> None:
    """An old copy compares itself by this very number."""
    golden = "4351aecae812848617671538a170ab45db25d7c8"

    assert digest({"k": b"v"}).hex()[:40] == golden
