"""The ingest process, on a bus in memory."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from foreshadow.checkpoint import load
from foreshadow.clock import SystemClock, to_ns
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Stream
from foreshadow.settings import IngestSettings
from foreshadow.state import NetworkState
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.app import run
from ingest.source import Outlet, Source
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus

R1 = NodeId("R1")
SETTINGS = IngestSettings(poll_s=60, heartbeat_s=0.05, report_s=0.05)


class OneReading:
    """A source that reads one configuration and then sees nothing new."""

    name = "one-reading"

    def __init__(self, text: str) -> None:
        """The configuration it will read."""
        self._text = text

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish the reading and wait."""
        body = msgspec.json.encode({"show running-config": self._text})
        sample = TelemetrySample(
            device=R1,
            stream=Stream.CONFIG,
            source=self.name,
            epoch=epoch,
            seq=1,
            observed_at_ns=to_ns(SystemClock().now()),
            encoding="frr",
            body=body,
        )
        outlet.publish([sample])
        stop.wait()


class Broken:
    """A source with a bug."""

    name = "broken"

    def run(self, _epoch: int, _outlet: Outlet, _stop: threading.Event) -> None:
        """Fail at once."""
        raise RuntimeError("a bug")


class Silent:
    """A source that has nothing to say."""

    name = "silent"

    def run(self, _epoch: int, _outlet: Outlet, stop: threading.Event) -> None:
        """Wait."""
        stop.wait()


@contextmanager
def _running(
    bus: MemoryBus, epoch_file: Path, source: Source, settings: IngestSettings = SETTINGS
) -> Iterator[None]:
    stop = threading.Event()
    process = threading.Thread(
        target=run,
        args=(bus, settings, SystemClock(), stop),
        kwargs={"epoch_file": epoch_file, "sources": [source]},
    )
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join()


def _deltas(bus: MemoryBus) -> list[StateDelta]:
    records = bus.read(Topic.STATE, 0, 10_000)
    return [msgspec.msgpack.decode(record.value, type=StateDelta) for record in records]


def _hostname(bus: MemoryBus) -> str:
    state = NetworkState()
    for delta in _deltas(bus):
        state.apply(delta)
    config = state.running_config(R1)
    return config.text.split()[1] if config and not state.stale_streams() else ""


def test_what_a_source_reads_becomes_state_that_is_vouched_for(tmp_path: Path) -> None:
    """Snapshot, heartbeats and an account of it all; stopping ends the process."""
    bus = MemoryBus()
    with _running(bus, tmp_path / "epoch", OneReading("hostname one\n")):
        eventually(lambda: _hostname(bus) == "one", within_s=10)
        eventually(lambda: _deltas(bus)[-1].op is Op.HEARTBEAT, within_s=10)

        def report() -> SyncReport | None:
            messages = [decode_control(it.value) for it in bus.read(Topic.STATUS, 0, 10_000)]
            found = [it for it in messages if isinstance(it, SyncReport) and it.messages]
            return found[-1] if found else None

        seen = eventually(report, within_s=10)
        assert seen is not None
        assert (seen.epoch, seen.rejects) == (1, 0)


def test_successor_takes_over_under_a_higher_epoch(tmp_path: Path) -> None:
    """It reads what was published, and what changed meanwhile replaces it."""
    bus = MemoryBus()
    with _running(bus, tmp_path / "epoch", OneReading("hostname one\n")):
        eventually(lambda: _hostname(bus) == "one", within_s=10)
    with _running(bus, tmp_path / "epoch", OneReading("hostname two\n")):
        eventually(lambda: _hostname(bus) == "two", within_s=10)

    assert {delta.epoch for delta in _deltas(bus)} == {1, 2}


def test_resync_requests_are_answered_with_one_snapshot(tmp_path: Path) -> None:
    """Several copies that ask at once cost one answer."""
    bus = MemoryBus()
    with _running(bus, tmp_path / "epoch", OneReading("hostname one\n")):
        eventually(lambda: _hostname(bus) == "one", within_s=10)
        for name in ("a", "b", "c"):
            request = ResyncRequest(
                device=R1, stream=Stream.CONFIG, epoch=0, seq=0, asked_by=name, reason="gap"
            )
            bus.append(Topic.CONTROL, R1, to_json(request))
        bus.append(Topic.CONTROL, R1, b"nonsense")
        eventually(lambda: _begins(bus) == 2, within_s=10)
        beats = len(_deltas(bus))
        eventually(lambda: len(_deltas(bus)) > beats + 2, within_s=10)

    assert _begins(bus) == 2
    assert _hostname(bus) == "one"


def test_a_bug_in_a_source_ends_the_process(tmp_path: Path) -> None:
    """Nobody goes on vouching for what is no longer read; the supervisor starts a successor."""
    with pytest.raises(RuntimeError, match="a bug"):
        run(
            MemoryBus(),
            SETTINGS,
            SystemClock(),
            threading.Event(),
            epoch_file=tmp_path / "epoch",
            sources=[Broken()],
        )


def _begins(bus: MemoryBus) -> int:
    return sum(delta.op is Op.SNAPSHOT_BEGIN for delta in _deltas(bus))


def test_successor_goes_on_from_the_checkpoint(tmp_path: Path) -> None:
    """Of the state topic only what came after is read: what stood before may be gone from it."""
    bus, settings = MemoryBus(), SETTINGS.model_copy(update={"checkpoint_s": 0.01})
    checkpoint_file = tmp_path / "owner.checkpoint"
    with _running(bus, tmp_path / "owner.epoch", OneReading("hostname one\n"), settings):
        eventually(lambda: _hostname(bus) == "one", within_s=30)
        eventually(lambda: _has_stream(checkpoint_file), within_s=30)
    saved = load(checkpoint_file)
    assert saved is not None
    first = _begins(bus)
    with _running(bus, tmp_path / "owner.epoch", Silent(), settings):
        eventually(lambda: _deltas(bus)[-1].epoch == 2, within_s=30)

    assert _begins(bus) == first == 1
    assert saved.positions(Topic.STATE)[Topic.STATE, 0] > 0
    assert _hostname(bus) == "one"


@pytest.mark.parametrize("damage", [b"", b"nonsense"])
def test_a_damaged_checkpoint_is_as_none(tmp_path: Path, damage: bytes) -> None:
    """The topics still know everything."""
    bus = MemoryBus()
    with _running(bus, tmp_path / "owner.epoch", OneReading("hostname one\n")):
        eventually(lambda: _hostname(bus) == "one", within_s=30)
    (tmp_path / "owner.checkpoint").write_bytes(damage)
    with _running(bus, tmp_path / "owner.epoch", OneReading("hostname two\n")):
        eventually(lambda: _hostname(bus) == "two", within_s=30)


def _has_stream(path: Path) -> bool:
    saved = load(path)
    return saved is not None and bool(saved.streams)
