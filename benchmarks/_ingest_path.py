"""The whole way of telemetry: a source, the real broker, the ingest process, copies in a third.

Every part is the product's own, in a process of its own; only what the source says is made here.
"""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from tempfile import TemporaryDirectory

import msgspec
import psutil

from benchmarks._ingest_reader import Applied
from benchmarks._labs import REPOSITORY, a_run
from benchmarks._report import NotMeasured, Row, least_row
from console import apache_kafka
from console.broker import start_broker
from console.kafka_bus import KafkaBus
from foreshadow.bus import Publisher
from foreshadow.clock import SystemClock, to_ns
from foreshadow.observed import Interface, Stream
from foreshadow.topology import NodeId
from ingest.bus_outlet import BusOutlet
from ingest.collector import Collector
from ingest.heard import CounterReading, Counters, Heard, Phase, StatePatch

_DEVICES, _PORTS = 100, 50
_TICK_S = 0.02
_OFFERED_PER_S, _OFFER_S = 30_000, 20.0
_LEAST_PER_S, _MOST_LATE_S = 25_000.0, 2.0
_DRAINED = 500_000
_UP_WITHIN_S, _APPLIED_WITHIN_S = 60.0, 120.0
_MIB = 1 << 20

_clock = SystemClock()


def state_path() -> Iterator[Row]:
    """Changed values of the state offered at 30,000 a second, and as fast as they can be taken."""
    with ingest_path() as path:
        path.open_state()
        yield from path.offered(
            "changed values", path.patches, lambda applied: applied.values, is_exact=True
        )
        yield from path.drained()


def rate_path() -> Iterator[Row]:
    """Interface rows whose rates all leave the deadband, offered at 30,000 a second."""
    with ingest_path() as path:
        path.open_state()  # What is said before ingest is live is the past, and not said again.
        yield from path.offered(
            "interface rows", path.counters, lambda applied: applied.rows, is_exact=False
        )


@dataclass(slots=True)
class IngestPath:
    """The running parts, and what the source says."""

    collector: Collector
    ingest: "subprocess.Popen[bytes]"
    reader: "subprocess.Popen[bytes]"
    applied: Applied
    turn: int = 0

    def open_state(self) -> None:
        """Tell every port of every device; return when the copy has them all."""
        for device in range(_DEVICES):
            patch = self._patch(device, Phase.BEGIN)
            end = StatePatch(device=patch.device, stream=patch.stream, phase=Phase.END)
            self.collector.take([patch, end])
        self._await(lambda: self.applied.values >= _DEVICES * _PORTS)

    def patches(self, count: int) -> int:
        """Change so many values, a device's ports at a time; how many it were."""
        heard: list[Heard] = []
        for _ in range(max(1, round(count / _PORTS))):
            heard.append(self._patch(self.turn % _DEVICES, Phase.CHANGE))
            self.turn += 1
        self.collector.take(heard)
        return len(heard) * _PORTS

    def counters(self, count: int) -> int:
        """Count so many ports on, each faster or slower than before beyond the deadband."""
        heard: list[Heard] = []
        for _ in range(max(1, round(count / _PORTS))):
            round_, device = divmod(self.turn, _DEVICES)
            total = 10**6 * (3 * round_ + (round_ % 2))
            rows = tuple(
                Counters(interface=f"eth{port}", in_octets=total, out_octets=total)
                for port in range(_PORTS)
            )
            at_ns = to_ns(_clock.now())
            heard.append(CounterReading(device=_name(device), at_ns=at_ns, counters=rows))
            self.turn += 1
        self.collector.take(heard)
        return len(heard) * _PORTS

    def pace(self, say: Callable[[int], int], per_s: float, for_s: float) -> Iterator[int]:
        """Say things at an even pace; how many after each tick."""
        begun_s, said = _clock.monotonic_s(), 0
        while (past_s := _clock.monotonic_s() - begun_s) < for_s:
            owed = int(past_s * per_s) - said
            if owed >= _PORTS:
                said += say(owed)
                yield said
            else:
                _clock.sleep(_TICK_S)

    def offered(
        self,
        what: str,
        say: Callable[[int], int],
        done: Callable[[Applied], int],
        *,
        is_exact: bool,
    ) -> Iterator[Row]:
        """What comes out at the far end, and how late, when 30,000 a second are offered.

        Args:
            what: In the rows' names.
            say: Says about so many; how many it were.
            done: Of what was applied, what counts.
            is_exact: Whether everything that is said must come out.
        """
        for _ in self.pace(say, _OFFERED_PER_S / 4, 4):
            pass  # Readers are warm, topics have leaders, code is compiled.
        self._settled(done)
        self.reader.send_signal(signal.SIGUSR1)
        before, begun_ns = done(self._settled(done)), to_ns(_clock.now())
        *_, said = self.pace(say, _OFFERED_PER_S, _OFFER_S)
        if is_exact:
            self._await(lambda: done(self.applied) - before >= said)
        last = self._settled(done)
        took_s = (last.at_ns - begun_ns) / 1e9
        if not last.at_ns > begun_ns:
            raise RuntimeError("nothing came out")
        name = f"{what} through broker, ingest and copy"
        applied = done(last) - before
        if last.gaps or (is_exact and applied != said):
            raise RuntimeError(f"{said} said, {applied} applied, {last.gaps} gaps")
        yield least_row(name, [applied / took_s], f"{what}/s", _LEAST_PER_S)
        offered = f"{name}, {said / _OFFER_S:,.0f}/s offered"
        for quantile, value, target in (
            ("median", last.late_p50_s, None),
            ("p99", last.late_p99_s, _MOST_LATE_S),
            ("latest", last.late_most_s, None),
        ):
            yield Row(
                name=f"{offered}, from source to applied, {quantile}",
                value=value,
                unit="s",
                target=target,
                repetitions=said,
            )

    def drained(self) -> Iterator[Row]:
        """How fast what waits is taken: ingest is held while half a million changes are said."""
        before = self.applied.values
        self.ingest.send_signal(signal.SIGSTOP)
        said = 0
        while said < _DRAINED:
            said += self.patches(20 * _PORTS)
        begun_ns = to_ns(_clock.now())
        self.ingest.send_signal(signal.SIGCONT)
        self._await(lambda: self.applied.values - before >= said)
        took_s = (self.applied.at_ns - begun_ns) / 1e9
        yield least_row(
            "changed values that waited, through ingest and copy", [said / took_s], "values/s", None
        )

    def rss_mib(self, which: int) -> float:
        """Memory of ingest (0) or of the copy (1)."""
        process = (self.ingest, self.reader)[which]
        return float(psutil.Process(process.pid).memory_info().rss / _MIB)

    def listen(self) -> None:
        """Keep up with what the copy says, until it ends."""
        for line in self.reader.stdout or ():
            self.applied = msgspec.json.decode(line, type=Applied)

    def _settled(self, done: Callable[[Applied], int]) -> Applied:
        """What the copy says once nothing comes any more."""
        while True:
            before = done(self.applied)
            _clock.sleep(1.0)
            if done(self.applied) == before:
                return self.applied

    def _patch(self, device: int, phase: Phase) -> StatePatch:
        is_up = self.turn // _DEVICES % 2 == 1
        values = {
            f"eth{port}": Interface(name=f"eth{port}", is_admin_up=True, is_oper_up=is_up)
            for port in range(_PORTS)
        }
        return StatePatch(
            device=_name(device), stream=Stream.INTERFACE, phase=phase, upserts=values
        )

    def _await(self, holds: Callable[[], bool]) -> None:
        until_s = _clock.monotonic_s() + _APPLIED_WITHIN_S
        while not holds():
            for process in (self.ingest, self.reader):
                if process.poll() is not None:
                    raise RuntimeError(f"a process ended with {process.returncode}")
            if _clock.monotonic_s() > until_s:
                raise RuntimeError(f"not applied within {_APPLIED_WITHIN_S:g} s: {self.applied}")
            _clock.sleep(0.05)


def _name(device: int) -> NodeId:
    return NodeId(f"leaf{device}")


@contextmanager
def ingest_path() -> Iterator[IngestPath]:
    """Broker, ingest and a copy, up for the length of a `with` block.

    Raises:
        NotMeasured: Apache Kafka cannot be had here.
    """
    if (lack := apache_kafka.lack()) is not None:
        raise NotMeasured(f"needs Apache Kafka: {lack}")
    with (
        a_run("ingest") as run,
        start_broker(run, clock=_clock, may_embed=False) as broker,
        TemporaryDirectory() as folder,
    ):
        broker.create_topics(run.run_id)
        places = [broker.bootstrap, run.run_id]
        with (
            _process("_ingest_process", *places, folder) as ingest,
            _process("_ingest_reader", *places) as reader,
        ):
            bus = KafkaBus(broker.bus.model_copy(update={"topic_prefix": run.run_id}))
            outlet = BusOutlet(_publisher(bus))
            nothing = Applied(0, 0, 0, 0, 0.0, 0.0, 0.0)
            path = IngestPath(Collector("bench", 1, outlet, _clock), ingest, reader, nothing)
            threading.Thread(target=path.listen, daemon=True).start()
            yield path


def _publisher(bus: KafkaBus) -> Publisher:
    return bus.publisher()


@contextmanager
def _process(module: str, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
