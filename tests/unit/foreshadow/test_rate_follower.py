"""A process's copy of the rates, from records of the metrics topic."""

import msgspec

from foreshadow.bus import Record
from foreshadow.codec import from_json
from foreshadow.rate_follower import RateFollower
from foreshadow.rates import RATE_COLUMNS, RateFrame
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from tests.fakes.bus import MemoryBus
from tests.fakes.clock import FakeClock

R1 = NodeId("R1")


def _record(value: bytes) -> Record:
    return Record(topic=Topic.METRICS, key=R1, value=value, partition=0, offset=7)


def _frame(seq: int, *, epoch: int = 1, is_whole: bool = False) -> Record:
    frame = RateFrame(
        device=R1,
        epoch=epoch,
        seq=seq,
        observed_at_ns=seq,
        is_whole=is_whole,
        interfaces=("e1",),
        columns=(bytes(8),) * len(RATE_COLUMNS),
    )
    return _record(msgspec.msgpack.encode(frame))


def test_frames_are_applied_and_counted(fake_clock: FakeClock) -> None:
    """Only what changed the copy is given back; the rest is counted for what it was."""
    follower = RateFollower("forecast", MemoryBus().publisher(), fake_clock)
    records = [
        _frame(1, epoch=2, is_whole=True),
        _frame(1, epoch=2, is_whole=True),
        _frame(9, epoch=1),
        _frame(3, epoch=2),
    ]
    taken = [follower.take(record) for record in records]

    assert [frame and frame.seq for frame in taken] == [1, None, None, 3]
    counts = follower.counts
    assert (counts.frames, counts.rows, counts.gaps) == (2, 2, 1)
    assert (counts.duplicates, counts.zombies, counts.rejects) == (1, 1, 0)


def test_what_is_no_frame_is_a_dead_letter(fake_clock: FakeClock) -> None:
    """With who refused it and why; the copy is as it was."""
    bus = MemoryBus()
    follower = RateFollower("forecast", bus.publisher(), fake_clock)
    bad = msgspec.msgpack.decode(_frame(1, is_whole=True).value)
    bad[-1] = [b"?"]
    for value in (b"\xc1", msgspec.msgpack.encode(bad)):
        assert follower.take(_record(value)) is None

    letters = [from_json(it.value, Rejected) for it in bus.read(Topic.REJECT, 0, 9)]
    assert [it.origin for it in letters] == ["metrics.v1/0/7"] * 2
    assert all(it.reason.startswith("forecast: not a rate frame: ") for it in letters)
    assert follower.counts.rejects == 2
    assert follower.table.devices() == ()


def test_a_device_is_untrusted_after_a_gap_and_in_silence(fake_clock: FakeClock) -> None:
    """Until the next whole frame."""
    follower = RateFollower("forecast", MemoryBus().publisher(), fake_clock)
    follower.take(_frame(1, is_whole=True))
    assert follower.untrusted(180) == ()
    fake_clock.sleep(181)
    assert follower.untrusted(180) == (R1,)

    follower.take(_frame(3))
    assert follower.untrusted(180) == (R1,)
    follower.take(_frame(4, is_whole=True))
    assert follower.untrusted(180) == ()
