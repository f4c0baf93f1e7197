"""Counters through the ingest process, from a source to a copy of the rates, over its death too."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import from_json
from foreshadow.rate_follower import RateFollower
from foreshadow.rates import decode_frame
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import CounterBlock, Rejected
from foreshadow.topics import Topic
from ingest.app import run
from ingest.bus_outlet import BusOutlet
from tests.counter_samples import R1, SECOND_NS, block, octets, sample
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus

SETTINGS = IngestSettings(poll_s=60, heartbeat_s=60, report_s=60, checkpoint_s=0.01)


@contextmanager
def _ingest(bus: MemoryBus, folder: Path) -> Iterator[None]:
    stop = threading.Event()
    process = threading.Thread(
        target=run,
        args=(bus, SETTINGS, SystemClock(), stop),
        kwargs={"epoch_file": folder / "epoch", "sources": []},
    )
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _publish(bus: MemoryBus, seq: int, count: int, at_ns: int) -> None:
    reading = sample(block(octets(e1=count)), at_ns / SECOND_NS, seq=seq)
    BusOutlet(bus.publisher()).publish([reading])


def _shown(bus: MemoryBus) -> RateFollower:
    follower = RateFollower("test", bus.publisher(), SystemClock())
    for record in bus.read(Topic.METRICS, 0, 10_000):
        follower.take(record)
    return follower


def test_counters_become_rates_on_the_bus_and_a_successor_goes_on(tmp_path: Path) -> None:
    """Its first frame is whole and of a higher epoch; the rate is the mean over its absence."""
    bus, begun_ns = MemoryBus(), to_ns(SystemClock().now()) - 60 * SECOND_NS
    with _ingest(bus, tmp_path):
        _publish(bus, 1, 0, begun_ns)
        _publish(bus, 2, 10**6, begun_ns + 10 * SECOND_NS)
        eventually(lambda: _shown(bus).table.rate(R1, "e1", "in_bps") == 800_000.0, within_s=60)
    with _ingest(bus, tmp_path):
        _publish(bus, 3, 4 * 10**6, begun_ns + 20 * SECOND_NS)
        _publish(bus, 4, 9 * 10**6, begun_ns + 30 * SECOND_NS)
        eventually(lambda: _shown(bus).table.rate(R1, "e1", "in_bps") == 4_000_000.0, within_s=60)

    frames = [decode_frame(it.value) for it in bus.read(Topic.METRICS, 0, 10_000)]
    assert {it.epoch for it in frames} == {1, 2}
    assert next(it for it in frames if it.epoch == 2).is_whole
    assert _shown(bus).table.stale_devices() == ()


def test_what_was_counted_while_nobody_listened_is_said_afterwards(tmp_path: Path) -> None:
    """Since the checkpoint, interval by interval, but for the first, which has no beginning."""
    bus, begun_ns = MemoryBus(), to_ns(SystemClock().now()) - 90 * SECOND_NS
    with _ingest(bus, tmp_path):
        _publish(bus, 1, 0, begun_ns)
        eventually(lambda: _has_checkpoint(tmp_path), within_s=60)
    for number, count in enumerate((1, 2, 5, 9), start=2):
        _publish(bus, number, count * 10**6, begun_ns + number * 10 * SECOND_NS)
    with _ingest(bus, tmp_path):
        eventually(lambda: _shown(bus).table.rate(R1, "e1", "in_bps") == 3_200_000.0, within_s=60)

    follower = RateFollower("test", bus.publisher(), SystemClock())
    rates = [
        follower.table.rate(R1, "e1", "in_bps")
        for record in bus.read(Topic.METRICS, 0, 10_000)
        if follower.take(record) is not None
    ]
    assert list(dict.fromkeys(rates))[-3:] == [800_000.0, 2_400_000.0, 3_200_000.0]


def _has_checkpoint(folder: Path) -> bool:
    return any(folder.glob("*.checkpoint"))


def test_a_bad_block_is_a_dead_letter_with_its_reason(tmp_path: Path) -> None:
    """And nothing else of the process is the worse for it."""
    bus, now_ns = MemoryBus(), to_ns(SystemClock().now())
    bad = CounterBlock(interfaces=("e1",), columns=(b"short",) * 7)
    with _ingest(bus, tmp_path):
        BusOutlet(bus.publisher()).publish([sample(bad, now_ns / SECOND_NS)])
        letters = eventually(lambda: bus.read(Topic.REJECT, 0, 9), within_s=60)

    letter = from_json(letters[0].value, Rejected)
    assert "does not have 1 values" in letter.reason
    assert msgspec.msgpack.decode(letter.sample)[0] == "sample.v1"
