"""Known traffic past a real exporter (softflowd) is the demand that is published."""

import os
import random
import re
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt
from pathlib import Path

import msgspec
import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock, to_ns
from foreshadow.settings import BusSettings
from foreshadow.telemetry import FlowRecord
from frr.namespace import inside
from ingest.demand_flow import Aside
from ingest.source import Ground
from ingest.sources.flow_listener import FlowListener, FlowListenerConfig
from shadow.emulation import namespaces
from shadow.emulation.namespaces import Namespace
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_SOFTFLOWD, _SOFTFLOWCTL = Path("/usr/sbin/softflowd"), "/usr/sbin/softflowctl"
_PORT = 9_909
_INTERVAL_S = 2
_PACKETS = 6_000
_PREFIXES = {"127.1.0.0/16": ("127.1.0.1", 172), "127.2.0.0/16": ("127.2.0.1", 972)}
"""Destination and payload by prefix."""
_NOWHERE = "127.9.0.1"
_HEADERS = 28
_INDEX = 3


class _AheadClock(SystemClock):
    """The system's, with an offset: time for exporters to tell what they know passes at once."""

    ahead = timedelta()

    def now(self) -> datetime:
        """The system's time and the offset."""
        return super().now() + self.ahead


class _Kept(KeptOutlet):
    """An outlet that keeps what it is given, and adds it up."""

    def octets(self) -> Counter[str]:
        """What all readings together carry to each prefix."""
        carried: Counter[str] = Counter()
        for sample in self.samples:
            for flow in msgspec.msgpack.decode(sample.body, type=list[FlowRecord]):
                carried[flow.prefix] += round(flow.rate_bps * _INTERVAL_S / 8)
        return carried


@pytest.fixture
def netns(run: Run) -> Iterator[str]:
    """A namespace of this test's own, with `lo` up."""
    if not _SOFTFLOWD.exists():
        if "netns" in os.environ.get("FORESHADOW_REQUIRE", ""):
            pytest.fail("FORESHADOW_REQUIRE demands netns, and softflowd is not installed")
        pytest.skip("softflowd is not installed")
    name = f"{run.run_id}-flow"
    namespaces.create([name])
    namespace = Namespace(name)
    namespace.make_router(has_ipv6=False)
    yield name
    namespace.close()
    namespaces.remove(name)


@dataclass
class _Exporter:
    """One softflowd and the listener it sends to."""

    version: str
    one_in: int
    listener: FlowListener
    kept: _Kept
    process: subprocess.Popen[bytes]
    control: Path
    said: Path

    def has_metered(self, packets: int) -> bool:
        """Whether it has seen so many go by; `Packets processed` are those it sampled."""
        (processed,) = re.findall(rb"Packets processed: (\d+)", self.ask("statistics"))
        return int(processed) * self.one_in >= packets

    def ask(self, command: str) -> bytes:
        """What it answers to a command."""
        asked = [_SOFTFLOWCTL, "-c", str(self.control), command]
        return subprocess.run(asked, check=True, timeout=30, capture_output=True).stdout

    @property
    def is_watching(self) -> bool:
        """Whether it says that it captures."""
        return b"starting data collection" in self.said.read_bytes()


@contextmanager
def _listening(
    netns: str, clock: SystemClock, tmp_path: Path
) -> Iterator[tuple[FlowListener, _Kept]]:
    config = FlowListenerConfig.model_validate(
        {
            "kind": "flow-listener",
            "listen": ["127.0.0.1:0"],
            "aliases": {"127.0.0.1": "r1"},
            "edges": {"r1": [_INDEX]},
            "prefixes": list(_PREFIXES),
            "unlisted": "aside",
            "interval_s": _INTERVAL_S,
            "lateness_s": 60,
        }
    )
    ground = Ground(devices=(), clock=clock, state_dir=tmp_path, bus=BusSettings(), poll_s=1)
    with inside(netns):
        listener = config.open(ground)
    kept, stop = _Kept(), threading.Event()
    thread = threading.Thread(target=listener.run, args=(1, kept, stop))
    thread.start()
    try:
        yield listener, kept
    finally:
        stop.set()
        thread.join()


@contextmanager
def _exporting(
    netns: str, how: tuple[str, int], clock: SystemClock, tmp_path: Path
) -> Iterator[_Exporter]:
    version, one_in = how
    name = f"v{version}-{one_in}"
    said, control = tmp_path / f"{name}.log", tmp_path / f"{name}.ctl"
    with _listening(netns, clock, tmp_path) as (listener, kept), said.open("wb") as log:
        address, port = listener.addresses[0]
        process = subprocess.Popen(
            [
                *("ip", "netns", "exec", netns, str(_SOFTFLOWD), "-d", "-i", f"{_INDEX}:lo"),
                *("-v", version, "-s", str(one_in), "-n", f"{address}:{port}"),
                *("-p", str(tmp_path / f"{name}.pid"), "-c", str(control)),
                *("-B", str(32 << 20), "-t", "expint=1", "-t", "udp=1", "-t", "maxlife=2"),
                f"udp and dst port {_PORT}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            yield _Exporter(version, one_in, listener, kept, process, control, said)
        finally:
            process.terminate()
            process.wait(30)


def _send(netns: str, exporters: Sequence[_Exporter]) -> dict[str, int]:
    """Traffic of known size to each prefix, in an order that sampling cannot be in step with.

    A capture hands on what it has when its block is full, so more follows, to nowhere in
    particular, until every exporter has seen all that counts.
    """
    order = [prefix for prefix in _PREFIXES for _ in range(_PACKETS)]
    random.Random(20040311).shuffle(order)
    sent = dict.fromkeys(_PREFIXES, 0)
    with inside(netns):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(sender):
        for number, prefix in enumerate(order):
            address, payload = _PREFIXES[prefix]
            sender.sendto(bytes(payload), (address, _PORT))
            sent[prefix] += payload + _HEADERS
            if number % 100 == 0:  # Slow enough for four captures on a busy host.
                threading.Event().wait(0.02)

        def all_metered() -> bool:
            for _ in range(100):
                sender.sendto(bytes(1_000), (_NOWHERE, _PORT))
            return all(each.has_metered(len(order)) for each in exporters)

        eventually(all_metered, within_s=60, poll_s=0.1)
    return sent


def _interval(clock: SystemClock) -> int:
    return to_ns(clock.now()) // 1_000_000_000 // _INTERVAL_S


def _end(netns: str, exporter: _Exporter) -> None:
    """Have the exporter tell the rest; a datagram behind it says when all of it was read."""
    exporter.ask("shutdown")
    exporter.process.wait(30)
    with inside(netns):
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with closing(sender):
        sender.sendto(b"that was all", exporter.listener.addresses[0])
    eventually(lambda: exporter.kept.refused, within_s=30)


def test_what_was_sent_is_the_demand(netns: str, tmp_path: Path) -> None:
    """NetFlow 5 and 9 and IPFIX: all octets where nothing is sampled, else within the error."""
    clock = _AheadClock()
    with ExitStack() as stack:
        exporters = [
            stack.enter_context(_exporting(netns, how, clock, tmp_path))
            for how in (("5", 1), ("5", 10), ("9", 10), ("10", 10))
        ]
        eventually(lambda: all(each.is_watching for each in exporters), within_s=30)
        # The interval in which listening began is dropped; exporters date by whole seconds.
        begun = _interval(clock)
        eventually(lambda: _interval(clock) > begun + 1, within_s=30)
        sent = _send(netns, exporters)
        for exporter in exporters:
            _end(netns, exporter)
        clock.ahead = timedelta(seconds=150)
        eventually(lambda: all(sum(each.kept.octets().values()) for each in exporters), within_s=30)

    for exporter in exporters:
        carried, account = exporter.kept.octets(), exporter.listener.feed.demands["r1"].account
        label = f"softflowd -v {exporter.version} -s {exporter.one_in}: {account}"
        assert exporter.listener.dropped == 0
        assert set(account.aside_octets) <= {Aside.UNLISTED}, label
        assert set(carried) == set(sent), label
        for prefix, octets in sent.items():
            if exporter.one_in == 1:
                assert abs(carried[prefix] - octets) <= len(exporter.kept.samples), label
            else:
                error = sqrt(exporter.one_in / _PACKETS)
                assert carried[prefix] == pytest.approx(octets, rel=4 * error), label
        assert len(exporter.kept.refused) == 1, label
        if exporter.one_in > 1:
            (whole,) = {max(each.relative_error for each in account.recent if each.packets > 50)}
            assert 0 < whole < 0.2
