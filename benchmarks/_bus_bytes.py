"""Bytes on the bus, against the full state each interval: measured traffic and a real leaf.

Everything goes through the real intake; what it would put on the bus is weighed instead, before
compression. Full state each interval is the same values in the same encoding: every map of the
state as one message, every rate in a whole frame. Ours is all there is: changes, snapshots,
heartbeats, rate frames, incidents.
"""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from benchmarks._labs import lab_of
from benchmarks._leaf_recording import DATA, leaf_readings
from benchmarks._report import NotMeasured, Row, least_row
from console.host import Standing, Wish, examine
from foreshadow.bus import Record
from foreshadow.clock import SystemClock, to_ns
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import Stream
from foreshadow.settings import IngestSettings
from foreshadow.telemetry import TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.collector import Collector
from ingest.heard import Refused
from ingest.intake import Intake
from ingest.owner import StateOwner
from ingest.rates_demand import DemandDeadband
from ingest.rates_owner import RateOwner
from ingest.rates_publisher import RatePublisher
from ingest.sources.frr import FrrAgent
from ingest.sources.traffic import DemandSeries, demands, flow_samples, read_matrices
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.production_state import abilene

_TRAFFIC = DATA / "traffic" / "abilene_tm_5min_20040301-20040314_mbps.csv.gz"
WEEK = 2016
"""Intervals of 5 minutes; settings were chosen on the first week, the second is weighed."""
_LEAST = 10.0
_NS = 1_000_000_000
_NEEDS, _UNFIT = ("root", "FRR", "iproute2", "network namespaces"), Standing.UNFIT
DEFAULT = DemandDeadband(
    share=IngestSettings().demand_deadband, floor_share=IngestSettings().demand_deadband_floor
)
COARSE = DemandDeadband(share=0.1, floor_share=0.02)
"""What nearly saves nine tenths of demand alone; it costs 3.7 % of error on the links' loads."""
_INTERVAL_S = 300.0


def abilene_bytes() -> Iterator[Row]:
    """The second week of measured demand, beside the state of 12 real routers on which it runs.

    Nothing fails in it, so of the state only heartbeats travel. Once with everything at the pace of
    the demand, one heartbeat a stream and interval; once as the house runs, where state is read
    every 2 s and vouched for every 5 s.
    """
    alone: dict[DemandDeadband, tuple[int, int]] = {}
    for name, deadband in (
        ("every change", DemandDeadband()),
        ("default deadband", DEFAULT),
        ("10 % and 2 % of the router's", COARSE),
    ):
        alone[deadband] = ours, full = _demand_bytes(deadband)
        yield _ratio(f"Abilene, demand alone, {name}: full / bytes on the bus", ours, full, None)
    first, state, heartbeats = _state_bytes()
    settings = IngestSettings()
    reads, beats = _INTERVAL_S / settings.poll_s, _INTERVAL_S / settings.heartbeat_s
    for name, times, vouched in (("5 min for all", 1.0, 1.0), ("the house's pace", reads, beats)):
        ours, full = alone[DEFAULT]
        ours += first + round(heartbeats * vouched * WEEK)
        full += round(state * times * WEEK)
        yield _ratio(f"Abilene, state and demand, {name}: full / bytes", ours, full, _LEAST)
        yield _mib(f"Abilene, state and demand, {name}, on the bus in a week", ours)


def leaf_bytes() -> Iterator[Row]:
    """5.5 hours of a Cisco leaf: interface state, and counters every 10 s."""
    bus = _Weighed()
    _leaf(bus)
    ours = sum(bus.sent.values())
    yield _ratio("Cisco leaf, state and rates: full / bytes on the bus", ours, bus.full, _LEAST)
    yield _ratio("Cisco leaf, as it came from the device / bytes on the bus", ours, bus.came, None)
    for topic, size in bus.sent.items():
        yield _mib(f"Cisco leaf, {topic} in 5.5 hours", size)
    yield _mib("Cisco leaf, full state and rates each interval", bus.full)


def _ratio(name: str, ours: int, full: int, target: float | None) -> Row:
    return least_row(name, [full / ours], "x", target)


def _mib(name: str, size: int) -> Row:
    return Row(name=name, value=size / (1 << 20), unit="MiB", target=None, repetitions=1)


@cache
def series() -> DemandSeries:
    """Both weeks of measured demand, on the demo's network."""
    if not _TRAFFIC.exists():
        raise NotMeasured(f"needs {_TRAFFIC}")
    network = abilene()
    matrices = read_matrices(_TRAFFIC, [router.name for router in network.routers])
    return demands(matrices, network)


def _demand_bytes(deadband: DemandDeadband) -> tuple[int, int]:
    """Ours and full, over the second week."""
    sent: Counter[Topic] = Counter()

    def emit(topic: Topic, _key: str, value: bytes) -> None:
        sent[topic] += len(value)

    intake = Intake(StateOwner(1), emit, demand_deadband=deadband)
    intake.go_live()
    encoder = msgspec.msgpack.Encoder()
    for number in range(WEEK, len(series())):
        matrix = series().matrix(number)
        at_ns = to_ns(matrix.at)
        for sample in flow_samples(matrix, epoch=1, seq=number, observed_at_ns=at_ns):
            intake.take(_record(encoder.encode(sample)))
    report = intake.report(SystemClock().now())
    if report.rejects:
        raise RuntimeError(f"{report.rejects} intervals were refused")
    return sent[Topic.STATE], report.full_state_bytes


def _state_bytes() -> tuple[int, int, int]:
    """What the state of the 12 routers takes: at first, whole once, and vouched for once."""
    sent: Counter[str] = Counter()
    is_beating = False

    def emit(topic: Topic, _key: str, value: bytes) -> None:
        if topic is Topic.REJECT:
            raise RuntimeError(f"refused: {value[:300]!r}")
        sent["heartbeats" if is_beating else "first"] += len(value)

    intake = Intake(StateOwner(1), emit)
    intake.go_live()
    for sample in _read_routers():
        intake.take(_record(msgspec.msgpack.encode(sample)))
    is_beating = True
    intake.heartbeat(0)
    full = intake.report(SystemClock().now()).full_state_bytes
    return sent["first"], full, sent["heartbeats"]


def _read_routers() -> Iterable[TelemetrySample]:
    """One reading of every stream of every router of the demo's production, up and converged."""
    if lacks := [it.found for it in examine(Wish(), *_NEEDS).values() if it.standing is _UNFIT]:
        raise NotMeasured("; ".join(lacks))
    samples: dict[tuple[NodeId, Stream], TelemetrySample] = {}
    stop, spec = threading.Event(), design(abilene())[1]
    with lab_of(spec) as lab:
        routers = [router.name for router in abilene().routers]
        agent = FrrAgent([_entry(lab, name) for name in routers], SystemClock(), poll_s=60)
        wanted = len(routers) * (len(Stream) - 1)

        class Outlet(_Quiet):
            def publish(self, published: Iterable[TelemetrySample]) -> None:
                for it in published:
                    if it.encoding == "frr":
                        samples.setdefault((it.device, it.stream), it)
                if len(samples) == wanted:
                    stop.set()

        agent.run(1, Outlet(), stop)
    return tuple(samples.values())


def _entry(lab: NetnsLab, name: str) -> DeviceEntry:
    nowhere = Path("unused")
    place = lab.pathspace(name)
    return DeviceEntry(
        name=name, ssh_key=nowhere, known_hosts=nowhere, namespace=place, pathspace=place
    )


class _Quiet:
    """An outlet for sources that have nothing to tell or to refuse."""

    def tell(self, incidents: Iterable[object]) -> None:
        raise RuntimeError(f"nothing is told here: {list(incidents)}")

    def refuse(self, refused: Iterable[Refused]) -> None:
        raise RuntimeError(f"nothing is refused here: {list(refused)}")


def _record(value: bytes) -> Record:
    return Record(topic=Topic.TELEMETRY, key="", value=value, partition=0, offset=0)


@dataclass(slots=True)
class _Weighed(_Quiet):
    """Takes samples into a real intake, and weighs what comes out."""

    sent: Counter[Topic] = field(default_factory=Counter)
    came: int = 0
    full_rates: int = 0
    intake: Intake = field(init=False)
    rates: RatePublisher = field(init=False)
    _encoder: msgspec.msgpack.Encoder = field(default_factory=msgspec.msgpack.Encoder)
    _widest: bytes = b""

    def __post_init__(self) -> None:
        self.rates = RatePublisher(RateOwner(1, IngestSettings()), self._emit)
        self.intake = Intake(StateOwner(1), self._emit, count=self.rates.take)
        self.intake.go_live()
        self.rates.settle(0)

    @property
    def full(self) -> int:
        """What the same readings would have taken as full state."""
        return self.full_rates + self.intake.report(SystemClock().now()).full_state_bytes

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """One reading; of counters, a whole frame of rates is what it would be otherwise."""
        for sample in samples:
            self.intake.take(_record(self._encoder.encode(sample)))
            self.rates.settle(sample.observed_at_ns)
            if sample.encoding == "counters":
                self.full_rates += len(self._widest)

    def _emit(self, topic: Topic, _key: str, value: bytes) -> None:
        if topic is Topic.REJECT:
            raise RuntimeError(f"refused: {value[:300]!r}")
        self.sent[topic] += len(value)
        if topic is Topic.METRICS and len(value) > len(self._widest):
            self._widest = value


@dataclass(slots=True)
class _EventClock:
    """The time of the recording."""

    at_ns: int = 0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_ns / _NS, UTC)

    def monotonic_s(self) -> float:
        return self.at_ns / _NS

    def sleep(self, duration_s: float) -> None:
        self.at_ns += round(duration_s * _NS)


def _leaf(bus: _Weighed) -> None:
    clock = _EventClock()
    collector = Collector("mdt", 1, bus, clock)
    settings = IngestSettings()
    beat_ns = 0
    for at_ns, size, heard in leaf_readings():
        clock.at_ns = at_ns
        bus.came += size
        collector.take([heard])
        if at_ns >= beat_ns + settings.heartbeat_s * _NS:
            # Those in between two readings would be the same: they are weighed, not sent.
            missed = 1 if not beat_ns else round((at_ns - beat_ns) / (settings.heartbeat_s * _NS))
            beat_ns = at_ns
            for _ in range(missed):
                bus.intake.heartbeat(at_ns - 60 * _NS)
