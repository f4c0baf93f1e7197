"""Fifty times SIGKILL, on a real broker: nothing is lost, and nothing is done twice."""

import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import msgspec
import pytest

from console.broker import Broker
from console.kafka_bus import KafkaBus
from console.topics import create_topics
from foreshadow.bus import Publisher, Record
from foreshadow.checkpoint import Checkpoint, load
from foreshadow.clock import SystemClock, to_ns
from foreshadow.delta import Op, StateDelta
from foreshadow.follower import Follower
from foreshadow.observed import DemandRate, Interface, Session, Stream, encode
from foreshadow.settings import BusSettings
from foreshadow.telemetry import FlowRecord, Patch, TelemetrySample
from foreshadow.topics import SPECS, Topic
from foreshadow.topology import NodeId
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus
from tests.integration.ingest.killed_worker import FILE, Ledger, note, read

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.slow,
    # A start takes a second of two idle cores: on a host with no time left, ten.
    pytest.mark.timeout(900),
]

KILLS = 50
DEVICES = tuple(NodeId(f"R{number}") for number in range(1, 4))
INTERFACES = 30
_WITHIN_S = 60.0
_HERE = Path(__file__).parent
_CHILDREN = {"owner": "owner.checkpoint", "worker": FILE}
"""Each process, and the file that shows that it gets on."""


@dataclass
class Production:
    """What writes numbered telemetry, and knows what the state must be in the end."""

    publisher: Publisher
    rng: random.Random
    number: int = 0
    state: dict[tuple[NodeId, Stream], dict[str, bytes]] = field(default_factory=dict)
    intervals: set[tuple[NodeId, int]] = field(default_factory=set)
    _seqs: Counter[tuple[NodeId, Stream]] = field(default_factory=Counter)

    def begin(self) -> None:
        """Tell everything, as a source does that has just started."""
        for device in DEVICES:
            self.state[device, Stream.INTERFACE] = {}
            self._patch(device, Patch(phase="begin"))
            for port in range(INTERFACES):
                self._change(device, "part", port)
            self._patch(device, Patch(phase="end"))

    def go_on(self, changes: int) -> None:
        """Tell so many numbered changes."""
        for _ in range(changes):
            device = self.rng.choice(DEVICES)
            match self.rng.randrange(20):
                case 0:
                    self._interval(device)
                case 1 | 2:
                    self._reading(device)
                case _:
                    self._change(device, "change", self.rng.randrange(INTERFACES))

    def _change(self, device: NodeId, phase: str, port: int) -> None:
        self.number += 1
        name, known = f"eth{port}", self.state[device, Stream.INTERFACE]
        if phase == "change" and name in known and self.rng.random() < 0.2:
            del known[name]
            self._patch(device, Patch(phase="change", deletes=(name,)))
            return
        address = IPv4Interface((self.number, 32))
        is_up = self.rng.random() < 0.5
        value = Interface(name=name, is_admin_up=True, is_oper_up=is_up, addresses=(address,))
        known[name] = encode(value)
        self._patch(device, Patch(phase=phase, upserts=((name, known[name]),)))  # type: ignore[arg-type]

    def _reading(self, device: NodeId) -> None:
        self.number += 1
        peer = IPv4Address(self.rng.randrange(1, 9))
        state = f"state {self.number}"
        session = Session(peer=peer, remote_as=1, local_as=2, state=state)
        known = {str(peer): encode(session)}
        self.state[device, Stream.SESSION] = known
        self._say(device, Stream.SESSION, "state", tuple(known.items()))

    def _interval(self, device: NodeId) -> None:
        self.number += 1
        rates = {f"10.{n}.0.0/16": float(self.number) for n in range(self.rng.randrange(1, 4))}
        flows = tuple(FlowRecord(prefix=prefix, rate_bps=rate) for prefix, rate in rates.items())
        known = {prefix: encode(DemandRate(rate_bps=rate)) for prefix, rate in rates.items()}
        self.state[device, Stream.DEMAND] = known
        self.intervals.add((device, self.number))
        self._say(device, Stream.DEMAND, "flow", flows, event_at_ns=self.number)

    def _patch(self, device: NodeId, patch: Patch) -> None:
        self._say(device, Stream.INTERFACE, "patch", patch)

    def _say(
        self, device: NodeId, stream: Stream, encoding: str, body: object, *, event_at_ns: int = 0
    ) -> None:
        self._seqs[device, stream] += 1
        sample = TelemetrySample(
            device=device,
            stream=stream,
            source="test",
            epoch=1,
            seq=self._seqs[device, stream],
            observed_at_ns=to_ns(SystemClock().now()),
            encoding=encoding,  # type: ignore[arg-type]
            body=msgspec.msgpack.encode(body),
            event_at_ns=event_at_ns,
        )
        self.publisher.publish(Topic.TELEMETRY, device, msgspec.msgpack.encode(sample))


@dataclass
class Children:
    """The two processes; one that is killed is started again at once."""

    arguments: tuple[str, ...]
    folder: Path
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start one of them."""
        self._running[name] = subprocess.Popen(
            [sys.executable, _HERE / f"killed_{name}.py", *self.arguments, self.folder],
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stdout=subprocess.DEVNULL,
        )

    def kill(self, name: str) -> None:
        """SIGKILL, in the middle of whatever it does."""
        child = self._running.pop(name)
        assert child.poll() is None, f"the {name} ended by itself"
        child.kill()
        child.wait()

    def progress(self, name: str) -> int:
        """A number that grows with every checkpoint."""
        try:
            return (self.folder / _CHILDREN[name]).stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def await_progress(self, name: str, times: int) -> None:
        """Return after so many more checkpoints."""
        for _ in range(times):
            seen = self.progress(name)

            def is_on(seen: int = seen) -> bool:
                return self.progress(name) > seen

            eventually(is_on, within_s=_WITHIN_S, poll_s=0.003)


@contextmanager
def _children(arguments: tuple[str, ...], folder: Path) -> Iterator[Children]:
    children = Children(arguments, folder)
    try:
        for name in _CHILDREN:
            children.start(name)
        yield children
    finally:
        for name in tuple(children._running):
            child = children._running[name]
            child.kill()
            child.wait()


@pytest.fixture
def bus(broker: Broker, run_id: str) -> KafkaBus:
    """A bus with empty topics."""
    settings = BusSettings(bootstrap=broker.bootstrap, topic_prefix=run_id)
    create_topics(settings, run_id, SPECS)
    return KafkaBus(settings)


def test_fifty_kills_lose_nothing_and_do_nothing_twice(
    bus: KafkaBus, broker: Broker, run_id: str, tmp_path: Path
) -> None:
    """Owner and consumer are killed at random points while production goes on changing."""
    rng = random.Random(50)
    production = Production(bus.publisher(), rng)
    production.begin()
    production.publisher.flush()
    with _children((broker.bootstrap, run_id), tmp_path) as children:
        for _ in range(KILLS):
            victim = "owner" if rng.random() < 0.3 else "worker"
            children.await_progress(victim, times=rng.randrange(1, 4))
            production.go_on(rng.randrange(60))
            if rng.random() < 0.5:
                production.publisher.flush()
            children.kill(victim)
            children.start(victim)
        production.go_on(1)
        production.publisher.flush()

        def arrived() -> Checkpoint:
            saved = load(tmp_path / FILE)
            assert saved is not None
            held = _held(saved)
            wrong = [place for place, values in production.state.items() if held[place] != values]
            assert not wrong, {place: (held[place], production.state[place]) for place in wrong}
            return saved

        saved = eventually(arrived, within_s=_WITHIN_S, poll_s=0.1)

    reference, ledger = _uninterrupted(bus, saved)
    intervals = _intervals(bus)
    assert read(saved.own) == ledger
    assert set(ledger.values()) == {1}
    assert _held(reference.checkpoint({})) == production.state
    assert intervals.keys() == production.intervals
    assert set(intervals.values()) == {1}
    assert max(epoch for _, _, epoch, _ in ledger) > KILLS / 10


def _held(saved: Checkpoint) -> dict[tuple[NodeId, Stream], dict[str, bytes]]:
    synced = (it for it in saved.streams if it.is_synced)
    return defaultdict(dict, {(it.device, it.stream): dict(it.values) for it in synced})


def _state_records(bus: KafkaBus) -> Iterator[Record]:
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        while not subscription.is_caught_up():
            yield from subscription.poll(0.1)


def _uninterrupted(bus: KafkaBus, saved: Checkpoint) -> tuple[Follower, Ledger]:
    """What a reader that is never killed makes of the topic, up to where the worker was."""
    follower, ledger = Follower("reference", MemoryBus().publisher(), SystemClock()), Ledger()
    ends = saved.positions()
    for record in _state_records(bus):
        if record.offset < ends[record.topic, record.partition]:
            note(follower, ledger, record)
    return follower, ledger


def _intervals(bus: KafkaBus) -> Counter[tuple[NodeId, int]]:
    """How often each demand interval was told; to whoever asked again does not count."""
    told: Counter[tuple[NodeId, int]] = Counter()
    decoder = msgspec.msgpack.Decoder(StateDelta)
    for record in _state_records(bus):
        delta = decoder.decode(record.value)
        is_first = delta.op is Op.CHANGE or (delta.op is Op.SNAPSHOT_END and delta.seq == 2)
        if delta.event_at_ns and is_first:
            told[delta.device, delta.event_at_ns] += 1
    return told
