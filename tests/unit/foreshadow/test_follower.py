"""A process's copy: what it asks for, and how often."""

from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Network

import msgspec
import pytest
from msgspec import structs

from foreshadow.bucket_map import BucketMap
from foreshadow.bus import Record
from foreshadow.codec import from_json
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import Effect, Op, StateDelta, digest
from foreshadow.follower import Follower
from foreshadow.observed import Stream, encode
from foreshadow.routing import FibEntry, Terminal
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock

R1 = NodeId("R1")


@pytest.fixture
def bus() -> MemoryBus:
    """A bus of this test's own."""
    return MemoryBus()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock(datetime(2026, 1, 1, tzinfo=UTC))


def _record(value: bytes) -> Record:
    return Record(topic=Topic.STATE, key="R1", value=value, partition=0, offset=3)


def _delta(seq: int, op: Op = Op.CHANGE, map_digest: bytes = b"", *, epoch: int = 1) -> Record:
    delta = StateDelta(
        device=R1, stream=Stream.DEMAND, epoch=epoch, seq=seq, op=op, digest=map_digest
    )
    return _record(msgspec.msgpack.encode(delta))


def test_gap_is_asked_about_once_in_a_while(bus: MemoryBus, clock: FakeClock) -> None:
    """A copy that lost its place asks, names where it stands, and gives the owner time."""
    follower = Follower("test", bus.publisher(), clock, resync_pause_s=2)
    for seq in (7, 8):
        followed = follower.take(_delta(seq))
        assert followed is not None
        assert followed.effect is Effect.GAP
    clock.sleep(2)
    follower.take(_delta(9))

    asked = [decode_control(record.value) for record in bus.read(Topic.CONTROL, 0, 10)]
    places = [(m.device, m.epoch, m.seq) for m in asked if isinstance(m, ResyncRequest)]
    assert places == [(R1, 1, 0)] * 2


def test_record_that_is_no_delta_is_a_dead_letter(bus: MemoryBus, clock: FakeClock) -> None:
    """Whoever writes nonsense to the state topic stops nobody."""
    follower = Follower("test", bus.publisher(), clock)

    assert follower.take(_record(b"nonsense")) is None
    rejected = from_json(bus.read(Topic.REJECT, 0, 1)[0].value, Rejected)
    assert rejected.origin == "state.v1/0/3"
    assert rejected.sample == b"nonsense"


def test_silence_is_not_trusted(bus: MemoryBus, clock: FakeClock) -> None:
    """A stream whose owner says nothing for too long counts as out of date (R6)."""
    follower = Follower("test", bus.publisher(), clock)
    follower.take(_delta(1, Op.SNAPSHOT_BEGIN))
    follower.take(_delta(2, Op.SNAPSHOT_END, digest({})))
    fresh = follower.untrusted(15)
    clock.sleep(16)

    assert fresh == ()
    assert follower.untrusted(15) == ((R1, Stream.DEMAND),)


def test_streams_that_are_not_followed_are_passed_over(bus: MemoryBus, clock: FakeClock) -> None:
    """They are neither kept nor asked about."""
    follower = Follower("test", bus.publisher(), clock, streams=(Stream.FIB,))

    assert follower.take(_delta(7)) is None
    assert follower.state.vector() == {}
    assert bus.end(Topic.CONTROL) == 0


def test_an_owner_that_was_replaced_is_neither_heard_nor_asked(
    bus: MemoryBus, clock: FakeClock
) -> None:
    """What a zombie says is no sign of life of its stream (R3)."""
    follower = Follower("test", bus.publisher(), clock)
    follower.take(_delta(1, Op.SNAPSHOT_BEGIN, epoch=2))
    clock.sleep(10)
    followed = follower.take(_delta(9))

    assert followed is not None
    assert followed.effect is Effect.ZOMBIE
    assert (R1, Stream.DEMAND) in follower.untrusted(5)
    assert bus.end(Topic.CONTROL) == 0


def _encoded(deltas: Iterable[StateDelta]) -> list[Record]:
    return [_record(msgspec.msgpack.encode(delta)) for delta in deltas]


def _fib(count: int) -> dict[str, bytes]:
    prefixes = [IPv4Network((number << 8, 24)) for number in range(count)]
    return {
        str(prefix): encode(FibEntry(prefix=prefix, terminal=Terminal.DELIVERED))
        for prefix in prefixes
    }


def _snapshot(values: dict[str, bytes]) -> list[Record]:
    begin = StateDelta(
        device=R1,
        stream=Stream.FIB,
        epoch=1,
        seq=1,
        op=Op.SNAPSHOT_BEGIN,
        upserts=tuple(values.items()),
    )
    return _encoded(
        [begin, structs.replace(begin, seq=2, op=Op.SNAPSHOT_END, upserts=(), digest=b"")]
    )


def _beat(seq: int, values: dict[str, bytes]) -> Record:
    return _encoded(
        [
            StateDelta(
                device=R1,
                stream=Stream.FIB,
                epoch=1,
                seq=seq,
                op=Op.HEARTBEAT,
                root=BucketMap(values).root(),
            )
        ]
    )[0]


def _requests(bus: MemoryBus) -> list[ResyncRequest]:
    asked = [decode_control(record.value) for record in bus.read(Topic.CONTROL, 0, 100)]
    return [message for message in asked if isinstance(message, ResyncRequest)]


def test_large_copy_asks_for_the_buckets_that_differ_and_then_for_everything(
    bus: MemoryBus, clock: FakeClock
) -> None:
    """What comparing does not heal, the whole does; once level, it begins anew."""
    values = _fib(600)
    follower = Follower("test", bus.publisher(), clock, resync_pause_s=2)
    for record in _snapshot(values):
        follower.take(record)
    for seq in (3, 4, 5):
        follower.take(_beat(seq, {}))
        clock.sleep(2)
    follower.take(_beat(6, values))
    follower.take(_beat(7, {}))

    digests = BucketMap(values).digests()
    assert [it.buckets for it in _requests(bus)] == [digests, digests, b"", digests]
    assert (follower.divergences, follower.resyncs, follower.gaps) == (4, 4, 0)


def test_who_is_not_healed_asks_less_and_less_often(bus: MemoryBus, clock: FakeClock) -> None:
    """A value that this version cannot read would otherwise be asked for every two seconds."""
    follower = Follower("test", bus.publisher(), clock, resync_pause_s=2)
    for seq in range(3, 303):
        follower.take(_delta(seq))
        clock.sleep(1)

    assert 6 < len(_requests(bus)) < 15
    assert follower.gaps == 300


def test_follower_goes_on_from_its_checkpoint(bus: MemoryBus, clock: FakeClock) -> None:
    """What was applied before it is there, what comes again is a duplicate, silence counts anew."""
    values = _fib(3)
    follower = Follower("test", bus.publisher(), clock)
    for record in _snapshot(values):
        follower.take(record)
    clock.sleep(100)
    saved = follower.checkpoint({(Topic.STATE, 0): 2}, own=b"mine")
    successor = Follower("test", bus.publisher(), clock)
    successor.resume(saved)

    assert successor.state.fibs() == follower.state.fibs()
    assert successor.state.vector() == {(R1, Stream.FIB): (1, 2)}
    assert [it.effect for it in map(successor.take, _snapshot(values)) if it] == [
        Effect.DUPLICATE,
        Effect.DUPLICATE,
    ]
    assert successor.untrusted(15) == ()
    assert (saved.own, saved.positions()) == (b"mine", {(Topic.STATE, 0): 2})


def test_a_record_nested_without_end_is_a_dead_letter(bus: MemoryBus, clock: FakeClock) -> None:
    """What a later version may append is skipped, but not at any price."""
    raw = _delta(1).value
    assert raw[0] == 0x9E
    follower = Follower("test", bus.publisher(), clock)

    assert follower.take(_record(b"\x9f" + raw[1:] + b"\x91" * 100_000)) is None
    assert follower.rejects == 1
