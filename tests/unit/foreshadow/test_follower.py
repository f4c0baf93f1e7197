"""A process's copy: what it asks for, and how often."""

from datetime import UTC, datetime

import msgspec
import pytest

from foreshadow.bus import Record
from foreshadow.codec import from_json
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import Effect, Op, StateDelta, digest
from foreshadow.follower import Follower
from foreshadow.observed import Stream
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
