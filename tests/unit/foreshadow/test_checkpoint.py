"""State and offsets in one file: whole or not at all, and never believed where it is damaged."""

import os
from contextlib import closing
from pathlib import Path

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from foreshadow.checkpoint import (
    Checkpoint,
    StreamCheckpoint,
    checkpoint,
    checkpoint_of,
    copy_from,
    load,
    reopen,
    save,
)
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Stream
from foreshadow.stream_copy import StreamCopy
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from tests.fakes.bus import MemoryBus

R1 = NodeId("R1")
STREAM = StreamCheckpoint(
    device=R1,
    stream=Stream.FIB,
    epoch=2,
    seq=3,
    is_synced=True,
    values=(("a", b"1"),),
    incoming=(("b", b"2"),),
    coalesced=4,
    event_at_ns=5,
)
TAKEN = checkpoint({(Topic.STATE, 1): 7, (Topic.CONTROL, 0): 2}, [STREAM], own=b"mine")
GOLDEN = bytes.fromhex(
    "94ad636865636b706f696e742e76319293aa636f6e74726f6c2e7631000293a873746174652e763101079199a25231"
    "a36669620203c39192a161c401319192a162c401320405c4046d696e65"
)


def _copy(*, is_collecting: bool) -> StreamCopy:
    copy = StreamCopy()
    steps = [(1, 1, Op.SNAPSHOT_BEGIN, "a"), (1, 2, Op.SNAPSHOT_END, "b")]
    if is_collecting:
        steps.append((2, 1, Op.SNAPSHOT_BEGIN, "c"))
    for epoch, seq, op, key in steps:
        copy.apply(
            StateDelta(
                device=R1,
                stream=Stream.FIB,
                epoch=epoch,
                seq=seq,
                op=op,
                upserts=((key, b"1"),),
                coalesced=1,
            )
        )
    return copy


@pytest.mark.parametrize("is_collecting", [True, False])
def test_a_copy_goes_on_as_if_it_had_not_stopped(*, is_collecting: bool) -> None:
    """Also in the middle of a snapshot."""
    copy = _copy(is_collecting=is_collecting)
    again = copy_from(checkpoint_of(R1, Stream.FIB, copy))

    assert checkpoint_of(R1, Stream.FIB, again) == checkpoint_of(R1, Stream.FIB, copy)
    assert (again.values.root(), again.coalesced) == (copy.values.root(), copy.coalesced)
    assert (again.incoming is None) == (copy.incoming is None) == (not is_collecting)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    """The newest of several; nothing else is left in the folder."""
    path = tmp_path / "deep" / "state.checkpoint"
    save(path, checkpoint({}))
    save(path, TAKEN)

    assert load(path) == TAKEN
    assert TAKEN.positions(Topic.STATE) == {(Topic.STATE, 1): 7}
    assert TAKEN.positions() == {(Topic.STATE, 1): 7, (Topic.CONTROL, 0): 2}
    assert os.listdir(path.parent) == [path.name]  # noqa: PTH208 - hidden files count


def test_no_file_is_no_state(tmp_path: Path) -> None:
    """The first start has nothing to go on from."""
    assert load(tmp_path / "none") is None


def test_wire_form_of_a_checkpoint_never_changes() -> None:
    """Golden bytes: a newer version reads what an older one saved before it was replaced."""
    assert msgspec.msgpack.encode(TAKEN) == GOLDEN
    assert msgspec.msgpack.decode(GOLDEN, type=Checkpoint) == TAKEN


def test_checkpoints_of_older_and_newer_writers_are_read() -> None:
    """Fields are appended with defaults, both in the whole and in each stream."""
    stream = ["R1", "fib", 2, 3, True, [["a", b"1"]]]
    old = msgspec.msgpack.encode(["checkpoint.v1", [["state.v1", 1, 7]], [stream]])
    fields = msgspec.msgpack.decode(GOLDEN)
    new = msgspec.msgpack.encode([*fields, "of a later day"])

    (read,) = msgspec.msgpack.decode(old, type=Checkpoint).streams
    assert (read.values, read.incoming, read.coalesced) == (STREAM.values, None, 0)
    assert msgspec.msgpack.decode(new, type=Checkpoint) == TAKEN


@given(cut=st.integers(0, 10_000), flip=st.integers(0, 7))
def test_a_damaged_file_is_never_believed(
    tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int
) -> None:
    """Wherever it is cut, or whichever bit is wrong, the state is read anew instead."""
    path = tmp_path_factory.mktemp("damaged") / "state.checkpoint"
    save(path, TAKEN)
    whole = path.read_bytes()
    at = cut % len(whole)
    for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1 << flip]) + whole[at + 1 :]):
        path.write_bytes(damaged)
        assert load(path) is None


def test_a_checkpoint_of_another_version_is_none(tmp_path: Path) -> None:
    """It is whole, but nobody here knows what it means."""
    path = tmp_path / "state.checkpoint"

    class Later(msgspec.Struct, array_like=True, tag="checkpoint.v2"):
        pass

    save(path, Later())  # type: ignore[arg-type]

    assert load(path) is None


def test_reading_goes_on_where_the_saved_state_ends(tmp_path: Path) -> None:
    """Only what came after is read; where that is gone, everything is, and the state with it."""
    path, bus = tmp_path / "state.checkpoint", MemoryBus()
    for number in range(4):
        bus.append(Topic.STATE, "R1", str(number).encode())
    for at, expected in ((3, [b"3"]), (9, [b"0", b"1", b"2", b"3"])):
        taken = checkpoint({(Topic.STATE, 0): at})
        save(path, taken)
        subscription, saved = reopen(bus, path, Topic.STATE)
        with closing(subscription):
            assert [record.value for record in subscription.poll(0)] == expected
        assert saved == (taken if at == 3 else None)
