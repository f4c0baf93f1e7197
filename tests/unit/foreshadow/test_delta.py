"""The rules a copy follows, one by one; the laws are with `ingest.differential`."""

from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from foreshadow.delta import Effect, Op, StateDelta, StreamState, apply, digest
from foreshadow.observed import Stream
from foreshadow.topology import NodeId


def delta(epoch: int, seq: int, op: Op, **fields: Any) -> StateDelta:
    """One step of a stream of R1."""
    return StateDelta(device=NodeId("R1"), stream=Stream.FIB, epoch=epoch, seq=seq, op=op, **fields)


def level(values: dict[str, bytes], *, epoch: int = 1, seq: int = 5) -> StreamState:
    """A copy that is level with its owner."""
    return StreamState(epoch, seq, MappingProxyType(values), is_synced=True)


def test_change_applies_upserts_and_deletes_together() -> None:
    """One reading's differences never show by halves."""
    after, effect = apply(
        level({"a": b"1", "b": b"1"}),
        delta(1, 6, Op.CHANGE, upserts=(("a", b"2"), ("c", b"1")), deletes=("b",)),
    )

    assert effect is Effect.APPLIED
    assert after == level({"a": b"2", "c": b"1"}, seq=6)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (delta(1, 5, Op.CHANGE, upserts=(("a", b"2"),)), Effect.DUPLICATE),
        (delta(0, 9, Op.CHANGE, upserts=(("a", b"2"),)), Effect.ZOMBIE),
        (delta(0, 9, Op.HEARTBEAT, digest=b"x"), Effect.ZOMBIE),
    ],
)
def test_duplicates_and_zombies_change_nothing(step: StateDelta, expected: Effect) -> None:
    """What was seen, and what a dead owner still says, is ignored (R1, R3)."""
    before = level({"a": b"1"})

    assert apply(before, step) == (before, expected)


def test_gap_keeps_serving_old_values_as_stale() -> None:
    """A hole in the numbers makes the copy stale, and it stays so until a snapshot (R2)."""
    stale, effect = apply(level({"a": b"1"}), delta(1, 7, Op.CHANGE, deletes=("a",)))
    still, late = apply(stale, delta(1, 6, Op.CHANGE, upserts=(("b", b"1"),)))

    assert (effect, late) == (Effect.GAP, Effect.GAP)
    assert (still.values, still.is_synced, still.position) == ({"a": b"1"}, False, (1, 5))


def test_new_epoch_is_collected_aside_and_swapped_in_whole() -> None:
    """Until its end a snapshot is not seen; then what it does not name is gone (R4)."""
    copy, _ = apply(level({"a": b"1", "gone": b"1"}), delta(2, 1, Op.SNAPSHOT_BEGIN))
    copy, _ = apply(copy, delta(2, 2, Op.CHANGE, upserts=(("a", b"2"),)))
    during = copy
    copy, _ = apply(copy, delta(2, 3, Op.SNAPSHOT_END, digest=digest({"a": b"2"})))

    assert (during.values, during.is_synced) == ({"a": b"1", "gone": b"1"}, False)
    assert copy == level({"a": b"2"}, epoch=2, seq=3)


@pytest.mark.parametrize("op", [Op.SNAPSHOT_END, Op.HEARTBEAT])
def test_wrong_digest_makes_the_copy_stale(op: Op) -> None:
    """A copy that differs from its owner says so (R5)."""
    seq = 6 if op is Op.SNAPSHOT_END else 5
    copy, effect = apply(level({"a": b"1"}), delta(1, seq, op, digest=digest({"a": b"2"})))

    assert (effect, copy.is_synced) == (Effect.DIVERGED, False)


def test_digest_does_not_depend_on_order() -> None:
    """Two maps with the same entries have the same digest, others do not."""
    assert digest({"a": b"1", "b": b"2"}) == digest({"b": b"2", "a": b"1"})
    assert digest({"a": b"1", "b": b"2"}) != digest({"a": b"2", "b": b"1"})
    assert len(digest({})) == 32


def test_wire_form_of_version_1_never_changes() -> None:
    """Golden bytes: a published wire version keeps its meaning (ADR 0002)."""
    step = delta(7, 9, Op.CHANGE, upserts=(("k", b"v"),), deletes=("d",), observed_at_ns=11)
    golden = bytes.fromhex(
        "9ba864656c74612e7631a25231a36669620709a66368616e67659192a16bc4017691a164c4000b00"
    )

    assert msgspec.msgpack.encode(step) == golden
    assert msgspec.msgpack.decode(golden, type=StateDelta) == step


def test_records_of_an_older_writer_are_read() -> None:
    """Fields are appended with defaults: a record without the last ones still decodes."""
    raw = msgspec.msgpack.encode(["delta.v1", "R1", "fib", 1, 1, "begin"])

    assert msgspec.msgpack.decode(raw, type=StateDelta) == delta(1, 1, Op.SNAPSHOT_BEGIN)


def test_records_of_a_newer_writer_are_read() -> None:
    """What was appended after this version is passed over."""
    step = delta(7, 9, Op.CHANGE, upserts=(("k", b"v"),))
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(step))
    raw = msgspec.msgpack.encode([*fields, "of a later day"])

    assert msgspec.msgpack.decode(raw, type=StateDelta) == step
