"""Exporters, devices, files and sockets: how flows come in."""

import re
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import dpkt
import pytest

from console.prometheus import PrometheusMeter
from foreshadow.clock import SystemClock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import DemandRate
from foreshadow.settings import BusSettings
from foreshadow.telemetry import TelemetrySample
from foreshadow.topology import Prefix
from ingest.demand_flow import Aside
from ingest.heard import DemandReading, Refused
from ingest.normalize import normalize
from ingest.source import Ground, Source
from ingest.source_file import parse_sources
from ingest.sources.flow_capture import FlowCapture
from ingest.sources.flow_feed import FlowConfig, FlowFeed
from ingest.sources.flow_listener import FlowListener, FlowListenerConfig
from ingest.sources.pcap import Datagram, udp_datagrams
from tests.eventually import eventually
from tests.fakes.clock import FakeClock
from tests.fakes.outlet import KeptOutlet
from tests.flow_cases import SENT_S, fields, plain, sflow, sflow_sample, template, v5, v9

_S = 1_000_000_000
_NOW = SENT_S * _S


def _ground(tmp_path: Path, *, names: tuple[str, ...] = ("r1", "r2")) -> Ground:
    return Ground(
        devices=tuple(
            DeviceEntry(name=name, ssh_key=tmp_path, known_hosts=tmp_path) for name in names
        ),
        clock=SystemClock(),
        state_dir=tmp_path,
        bus=BusSettings(),
        poll_s=1,
    )


def _feed(tmp_path: Path, **settings: object) -> FlowFeed:
    config = FlowConfig.model_validate(
        {
            "aliases": {"192.0.2.1": "r1", "192.0.2.2": "r1", "192.0.2.9": "r2"},
            "prefixes": ["10.1.0.0/16"],
            "interval_s": 10,
            "lateness_s": 5,
            **settings,
        }
    )
    return config.feed(_ground(tmp_path), since_ns=0)


def _hear(feed: FlowFeed, raw: bytes, sender: str, *, after_s: float = 0) -> list[object]:
    received_ns = _NOW + round(after_s * _S)
    return list(feed.hear(raw, sender=sender, origin=f"{sender}#1", received_ns=received_ns))


def _open(text: str, tmp_path: Path) -> tuple[Source, ...]:
    path = tmp_path / "sources.yaml"
    return parse_sources(text, path=path).open(_ground(tmp_path))


# --- exporters ------------------------------------------------------------------------------------


def test_exporters_of_one_device_are_one_demand(tmp_path: Path) -> None:
    """Two line cards with the same template numbers, one reading."""
    feed = _feed(tmp_path)
    other = v9(
        template(256, [(1, 4), (12, 4)]), fields(256, (50).to_bytes(4, "big") + b"\x0a\x01\x00\x01")
    )
    _hear(feed, v9(template(256), fields(256, plain("10.1.0.1", 1_000))), "192.0.2.1")
    _hear(feed, other, "192.0.2.2")

    (reading,) = feed.finish()

    assert reading.rates == {Prefix("10.1.0.0/16"): DemandRate(rate_bps=840)}


def test_a_relayed_agent_is_known_by_its_own_address(tmp_path: Path) -> None:
    """SFlow says whose it is; the relay has no alias."""
    feed = _feed(tmp_path)

    assert _hear(feed, sflow(sflow_sample("10.1.0.1")), "198.51.100.1") == []

    assert feed.demands["r2"].account.flows == 1


def test_strangers_are_refused_with_the_remedy_once_a_minute(tmp_path: Path) -> None:
    """The next refusal says how many there were."""
    feed = _feed(tmp_path)
    raw = v5(("10.1.0.1", 1, 1))

    first = [_hear(feed, raw, "203.0.113.9", after_s=second) for second in range(5)]
    (again,) = _hear(feed, raw, "203.0.113.9", after_s=61)

    (refused,) = [each for some in first for each in some]
    assert isinstance(refused, Refused)
    assert "203.0.113.9" in refused.reason
    assert "aliases" in refused.reason
    assert refused.sample == raw
    assert isinstance(again, Refused)
    assert (refused.count, again.count) == (1, 5)
    assert feed.strangers == 6


def test_what_is_no_flow_is_refused(tmp_path: Path) -> None:
    """Syslog at the wrong port, say."""
    (refused,) = _hear(_feed(tmp_path), b"<13>hello", "192.0.2.1")

    assert isinstance(refused, Refused)
    assert "NetFlow" in refused.reason


def test_readings_are_taken_by_the_owner_of_the_state(tmp_path: Path) -> None:
    """What comes out is a sample that normalises."""
    capture = tmp_path / "flows.bin"
    capture.write_bytes(v5(("10.1.0.1", 3_000, 2), sent_s=SENT_S))
    text = (
        f"{{version: 1, sources: [{{kind: flow-capture, files: [{capture}], sender: 192.0.2.1, "
        "aliases: {192.0.2.1: r1}, interval_s: 10}]}"
    )
    (source,) = _open(text, tmp_path)

    kept = _run(source)

    assert not kept.refused
    rates: dict[str, bytes] = {}
    for sample in kept.samples:
        reading = normalize(sample)
        rates |= reading.values  # type: ignore[union-attr]
    assert list(rates) == ["10.1.0.0/24"]


def test_everything_is_measured(tmp_path: Path) -> None:
    """By exporter and by device, as Prometheus sees it."""
    feed, meter = _feed(tmp_path, sampling={"r1": 100}), PrometheusMeter()
    _hear(feed, v5(("10.1.0.1", 100, 4), ("224.0.0.5", 9, 1)), "192.0.2.1")
    _hear(feed, b"?", "192.0.2.1")
    _hear(feed, b"?", "203.0.113.9")
    list(feed.finish())

    feed.measure(meter)
    feed.measure(meter)

    seen = dict(meter.values())
    assert seen['foreshadow_flow_datagrams_total{exporter="192.0.2.1"}'] == 2
    assert seen['foreshadow_flow_refused_total{exporter="192.0.2.1"}'] == 1
    assert seen["foreshadow_flow_strangers_total"] == 1
    assert seen['foreshadow_flow_traffic_bytes_total{device="r1"}'] == 10_000
    assert seen['foreshadow_flow_aside_bytes_total{device="r1",reason="multicast"}'] == 900
    assert seen['foreshadow_flow_sampling_error_ratio{device="r1"}'] >= 0


# --- configuration --------------------------------------------------------------------------------

_LISTENER = """\
version: 1
sources:
  - kind: flow-listener
    listen: ["127.0.0.1:0"]
    aliases: {192.0.2.1: r1}
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    aliases: {192.0.2.1: r9}", "'r9' is not in the inventory"),
        ("    edges: {r9: [1]}", "'r9' is not in the inventory"),
        ("    sampling: {r1: 0.5}", "sources.yaml:6:20"),
        ("    unlisted: whatever", "neither `mask` nor `aside` nor a prefix"),
        ("    prefixes: [10.1.2.3/8]", "IPv4 prefix such as"),
        ("    prefixes_file: /nowhere", "/nowhere: cannot be read"),
        ("    aliases: {router: r1}", "address"),
        ('    listen: ["here"]', "ADDRESS:PORT"),
        ('    listen: ["127.0.0.1:99999"]', "cannot listen on 127.0.0.1:99999"),
        ('    listen: ["192.0.2.77:0"]', "cannot listen on 192.0.2.77:0"),
        ("    intervals: 3", "there is no such field"),
    ],
)
def test_what_an_operator_got_wrong_is_named(tmp_path: Path, more: str, said: str) -> None:
    """The place, what is wrong, and what was expected."""
    field = more.partition(":")[0].strip()
    text = "".join(
        line for line in _LISTENER.splitlines(keepends=True) if not line.startswith(f"    {field}:")
    )
    with pytest.raises(ConfigError) as raised:
        _open(text + more, tmp_path)

    assert said in str(raised.value)


def test_the_example_of_the_document_is_one(repository: Path, tmp_path: Path) -> None:
    """Whoever copies it gets what the page says."""
    page = (repository / "docs" / "flows.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    (source,) = parse_sources(example, path=tmp_path / "sources.yaml").sources

    assert isinstance(source, FlowListenerConfig)
    feed = source.feed(_ground(tmp_path, names=("NYCMng", "CHINng")), since_ns=0)
    assert set(feed.demands) == {"NYCMng", "CHINng"}
    assert len(feed.exporters) == 3


def test_prefixes_come_from_a_file_too(tmp_path: Path) -> None:
    """One a line, with comments; a bad one is named with its line."""
    path = tmp_path / "prefixes"
    path.write_text("# ours\n10.1.0.0/16\n10.1.2.0/24  # a customer\n\n")
    feed = _feed(tmp_path, prefixes=[], prefixes_file=path)
    _hear(feed, v5(("10.1.2.3", 100, 1), ("10.1.3.3", 100, 1), ("10.9.0.1", 1, 1)), "192.0.2.1")

    reading, *_ = feed.finish()

    assert set(map(str, reading.rates)) == {"10.1.2.0/24", "10.1.0.0/16", "10.9.0.0/24"}
    path.write_text("10.1.0.0/16\n10.1.0.0/99\n")
    with pytest.raises(ConfigError, match=r"prefixes:2: '10\.1\.0\.0/99'"):
        _feed(tmp_path, prefixes_file=path)


def test_transit_between_routers_is_set_aside(tmp_path: Path) -> None:
    """With edges configured only they count."""
    feed = _feed(tmp_path, edges={"r1": [4]})

    _hear(feed, v5(("10.1.0.1", 100, 1)), "192.0.2.1")

    assert feed.demands["r1"].account.aside_octets == {Aside.NOT_AT_EDGE: 100}


# --- captures -------------------------------------------------------------------------------------


def _udp(payload: bytes, *, sender: str = "192.0.2.1") -> bytes:
    udp = dpkt.udp.UDP(sport=4_000, dport=2_055, data=payload, ulen=8 + len(payload))
    packet = dpkt.ip.IP(
        src=socket.inet_aton(sender), dst=b"\x7f\x00\x00\x01", p=17, data=udp, len=28 + len(payload)
    )
    return bytes(dpkt.ethernet.Ethernet(data=packet, type=0x0800))


def _capture(path: Path, *frames: bytes, link: int = 1, seconds: float = SENT_S) -> Path:
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file, linktype=link)
        for frame in frames:
            writer.writepkt(frame, ts=seconds)
    return path


def test_datagrams_of_a_capture_come_in_order(tmp_path: Path) -> None:
    """Each with its sender and time; what is not UDP is passed over."""
    arp = bytes(dpkt.ethernet.Ethernet(data=bytes(28), type=0x0806))
    path = _capture(tmp_path / "a.pcap", _udp(b"one"), arp, _udp(b"two", sender="192.0.2.2"))

    one, two = udp_datagrams(path)

    assert isinstance(one, Datagram)
    assert isinstance(two, Datagram)
    assert (one.payload, one.sender, one.at_ns) == (b"one", "192.0.2.1", _NOW)
    assert (two.payload, two.sender, two.origin) == (b"two", "192.0.2.2", "a.pcap:3 192.0.2.2#4000")


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (101, b""),
        (113, b"\x00\x00\x00\x01\x00\x06" + bytes(8) + b"\x08\x00"),
        (0, b"\x02\x00\x00\x00"),
    ],
    ids=["raw", "cooked", "loopback"],
)
def test_captures_of_other_links_are_read(tmp_path: Path, link: int, head: bytes) -> None:
    """`tcpdump -i any` and tunnels write others than Ethernet."""
    path = _capture(tmp_path / "a.pcap", head + _udp(b"one")[14:], link=link)

    (one,) = udp_datagrams(path)

    assert isinstance(one, Datagram)
    assert one.payload == b"one"


def test_damaged_captures_are_refused_from_there_on(tmp_path: Path) -> None:
    """Fragments, unknown links and a cut file too; no capture at all is the operator's error."""
    fragment = bytearray(_udp(b"one"))
    fragment[20] = 0x20
    path = _capture(tmp_path / "a.pcap", bytes(fragment), _udp(b"two")[:10], _udp(b"three"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])

    found = list(udp_datagrams(path))

    assert all(isinstance(each, Refused) for each in found)
    assert len(found) == 3
    (unknown,) = udp_datagrams(_capture(tmp_path / "b.pcap", _udp(b"one"), link=147))
    assert isinstance(unknown, Refused)
    assert "link type 147" in unknown.reason
    bad = tmp_path / "c.pcap"
    bad.write_bytes(b"no capture at all, but long enough")
    with pytest.raises(ConfigError, match="neither pcap nor pcapng"):
        list(udp_datagrams(bad))
    with pytest.raises(ConfigError, match="cannot be read"):
        list(udp_datagrams(tmp_path / "missing"))


def _run(source: Source) -> KeptOutlet:
    """What a source of files publishes; it waits for its end."""
    kept, stop = KeptOutlet(), threading.Event()
    thread = threading.Thread(target=source.run, args=(1, kept, stop))
    thread.start()
    try:
        eventually(lambda: kept.samples, within_s=30)
    finally:
        stop.set()
        thread.join()
    return kept


def test_a_capture_is_published_whole(tmp_path: Path) -> None:
    """Its first and last interval too: all there is, is in the file."""
    path = _capture(tmp_path / "a.pcap", _udp(v5(("10.1.0.1", 3_000, 2))))
    config = {"aliases": {"192.0.2.1": "r1"}, "interval_s": 10, "prefixes": ["10.0.0.0/8"]}
    feed = FlowConfig.model_validate(config).feed(_ground(tmp_path), since_ns=0)

    kept = _run(FlowCapture((path,), None, feed, FakeClock(datetime(2026, 3, 12, tzinfo=UTC))))

    # A flow of one second that ended with an interval, and an exporter heard of in the next.
    assert [sample.event_at_ns for sample in kept.samples] == [_NOW - 10 * _S, _NOW]
    assert feed.demands["r1"].account.octets == 3_000


def test_a_file_of_one_datagram_says_whose_it_is(tmp_path: Path) -> None:
    """A capture does itself."""
    path = tmp_path / "a.bin"
    path.write_bytes(v5(("10.1.0.1", 1, 1)))
    text = (
        f"{{version: 1, sources: [{{kind: flow-capture, files: [{path}], "
        "aliases: {192.0.2.1: r1}}]}"
    )

    with pytest.raises(ConfigError, match="needs `sender`"):
        _open(text, tmp_path)


# --- the listener ---------------------------------------------------------------------------------


@contextmanager
def _listening(
    tmp_path: Path, clock: FakeClock, outlet: KeptOutlet
) -> Iterator[tuple[FlowListener, socket.socket]]:
    (listener,) = _open_with(clock, tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(1, outlet, stop))
    thread.start()
    try:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as exporter:
            exporter.connect(listener.addresses[0])
            yield listener, exporter
    finally:
        stop.set()
        thread.join()


def _open_with(clock: FakeClock, tmp_path: Path) -> tuple[FlowListener]:
    text = """\
version: 1
sources:
  - kind: flow-listener
    listen: ["127.0.0.1:0"]
    aliases: {127.0.0.1: r1}
    prefixes: [10.1.0.0/16]
    interval_s: 10
    lateness_s: 5
"""
    base = _ground(tmp_path)
    ground = Ground(devices=base.devices, clock=clock, state_dir=tmp_path, bus=base.bus, poll_s=1)
    (listener,) = parse_sources(text, path=tmp_path / "s.yaml").open(ground)
    assert isinstance(listener, FlowListener)
    return (listener,)


def test_flows_over_udp_become_demand(tmp_path: Path) -> None:
    """Sent to a socket, published when the interval is over."""
    clock, kept = FakeClock(datetime(2026, 3, 11, 17, 0, tzinfo=UTC)), KeptOutlet()
    with _listening(tmp_path, clock, kept) as (listener, exporter):
        account = listener.feed.exporters["127.0.0.1"].account
        exporter.send(v9(template(256), fields(256, plain("10.1.0.1", 2_000))))
        exporter.send(b"what is this")
        eventually(lambda: account.datagrams == 2, within_s=30)
        clock.sleep(20)

        eventually(lambda: kept.samples and kept.refused, within_s=30)

    assert [sample.event_at_ns for sample in kept.samples] == [_NOW]
    assert [sample.encoding for sample in kept.samples] == ["flow"]
    assert kept.refused[0].origin.startswith("127.0.0.1#")
    assert listener.dropped == listener.not_queued == 0


def test_datagrams_that_found_the_buffer_full_are_counted(tmp_path: Path) -> None:
    """The kernel says how many there were, with the next one that finds room."""
    clock, kept = FakeClock(datetime(2026, 3, 11, 17, 0, tzinfo=UTC)), KeptOutlet()
    (listener,) = _open_with(clock, tmp_path)
    sock = listener._sockets[0]
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as exporter:
        exporter.connect(listener.addresses[0])
        for number in range(100):
            exporter.send(v5(("10.1.0.1", 1, 1), number=number))
        stop = threading.Event()
        thread = threading.Thread(target=listener.run, args=(1, kept, stop))
        thread.start()
        try:
            account = listener.feed.exporters["127.0.0.1"].account
            eventually(lambda: account.datagrams, within_s=30)

            def _all_accounted() -> bool:
                exporter.send(v5(("10.1.0.1", 1, 1), number=0))
                return listener.dropped > 0

            eventually(_all_accounted, within_s=30)
        finally:
            stop.set()
            thread.join()

    assert 0 < listener.dropped < 100


class _Broken(KeptOutlet):
    """An outlet whose broker is gone for good."""

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Fail."""
        raise ConnectionError(f"no broker for {list(samples)}")


def test_a_listener_ends_with_its_outlet(tmp_path: Path) -> None:
    """What the outlet raised is raised by `run`, so that the process is started anew."""
    clock = FakeClock(datetime(2026, 3, 11, 17, 0, tzinfo=UTC))
    (listener,) = _open_with(clock, tmp_path)
    listener.feed.demands["r1"].reach(to_ns(clock.now()))
    clock.sleep(60)

    with pytest.raises(ConnectionError, match="no broker"):
        listener.run(1, _Broken(), threading.Event())


def test_readings_carry_the_interval_they_are_of(tmp_path: Path) -> None:
    """Their length too: a rate without it says nothing about its error."""
    feed = _feed(tmp_path, interval_s=300)
    _hear(feed, v5(("10.1.0.1", 3_000, 2)), "192.0.2.1")

    readings = list(feed.finish())

    assert all(isinstance(each, DemandReading) for each in readings)
    assert {each.interval_s for each in readings} == {300}
