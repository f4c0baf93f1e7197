"""Syslog over UDP, TCP and from files."""

import gzip
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.prometheus import PrometheusMeter
from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError
from foreshadow.incident import IncidentKind
from foreshadow.inventory import DeviceEntry
from foreshadow.meter import SILENT, Meter
from foreshadow.settings import BusSettings
from ingest.device_names import DeviceNames
from ingest.source import Ground
from ingest.source_file import parse_sources
from ingest.sources.syslog import SyslogFile
from ingest.sources.syslog_decoder import SyslogDecoder
from ingest.sources.syslog_framing import LONGEST_LINE, SyslogFraming, TooLong
from ingest.sources.syslog_listener import SyslogListener
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet

_WAIT_S = 30
_DOWN = b"<29>1 2026-03-01T00:00:00Z r1 bgpd - - - %ADJCHANGE: neighbor 192.0.2.9 Down"
_UP = b"<29>1 2026-03-01T00:00:05Z r1 bgpd - - - %ADJCHANGE: neighbor 192.0.2.9 Up"
_OTHER = b"<13>1 2026-03-01T00:00:05Z r1 cron - - - hello"


def _decoder() -> SyslogDecoder:
    return SyslogDecoder(DeviceNames(["r1"]), zone=ZoneInfo("UTC"), coalesce_s=0.5)


@contextmanager
def _serving(
    kept: KeptOutlet, *, most_connections: int = 256, meter: Meter = SILENT
) -> Iterator[SyslogListener]:
    """A server on free ports of this host."""
    here = ("127.0.0.1", 0)
    listener = SyslogListener(
        (here,),
        (here,),
        _decoder(),
        SystemClock(),
        most_connections=most_connections,
        meter=meter,
    )
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(1, kept, stop), name="syslog-test")
    thread.start()
    try:
        eventually(lambda: listener.bound, within_s=_WAIT_S)
        yield listener
    finally:
        stop.set()
        thread.join()


def _addresses(listener: SyslogListener) -> tuple[tuple[str, int], tuple[str, int]]:
    assert listener.bound is not None
    return listener.bound[0][0], listener.bound[1][0]


def _whats(kept: KeptOutlet) -> list[IncidentKind]:
    return [it.what for it in kept.incidents]


def test_datagrams_are_heard() -> None:
    """Each is one line; what is none is refused, with the sender's address."""
    kept, meter = KeptOutlet(), PrometheusMeter()
    with (
        _serving(kept, meter=meter) as listener,
        socket.socket(type=socket.SOCK_DGRAM) as sender,
    ):
        udp, _ = _addresses(listener)
        for raw in (_DOWN, _OTHER, b"\xff\xfe", _UP):
            sender.sendto(raw, udp)
        eventually(lambda: listener.decoder.lines.total() == 4, within_s=_WAIT_S)
        eventually(lambda: len(kept.incidents) == 2 and kept.refused, within_s=_WAIT_S)

        assert _whats(kept) == [IncidentKind.SESSION_LOST, IncidentKind.SESSION_ESTABLISHED]
        assert [it.origin for it in kept.refused] == [f"127.0.0.1:{sender.getsockname()[1]}"]
        assert listener.decoder.lines == {"incident": 2, "other": 1, "refused": 1}
        assert listener.dropped == 0
        other = 'foreshadow_syslog_lines_total{outcome="other"}'
        eventually(lambda: dict(meter.values()).get(other) == 1, within_s=_WAIT_S)


def test_a_storm_is_told_by_the_clock() -> None:
    """What followed the first is told though no further line comes."""
    kept = KeptOutlet()
    with _serving(kept) as listener, socket.socket(type=socket.SOCK_DGRAM) as sender:
        for _ in range(5):
            sender.sendto(_DOWN, _addresses(listener)[0])
        eventually(lambda: sum(it.count for it in kept.incidents) == 5, within_s=_WAIT_S)
    assert sum(it.count for it in kept.incidents) == 5


def test_connections_are_heard_to_their_last_word() -> None:
    """Counted or by line, in any pieces; a last line needs no end."""
    kept = KeptOutlet()
    counted = b"%d %s" % (len(_DOWN), _DOWN)
    with _serving(kept) as listener:
        with socket.create_connection(_addresses(listener)[1], timeout=_WAIT_S) as sender:
            stream = counted + _OTHER + b"\r\n" + _UP
            for at in range(0, len(stream), 11):
                sender.sendall(stream[at : at + 11])
        eventually(lambda: len(kept.incidents) == 2, within_s=_WAIT_S)
        assert listener.decoder.lines == {"incident": 2, "other": 1}
    assert kept.refused == []


def test_a_line_without_an_end_is_cut_off() -> None:
    """More than anybody writes: the connection is closed, and it is said why."""
    kept = KeptOutlet()
    with (
        _serving(kept) as listener,
        socket.create_connection(_addresses(listener)[1], timeout=_WAIT_S) as sender,
    ):
        sender.sendall(b"x" * (LONGEST_LINE + 1))
        eventually(lambda: kept.refused, within_s=_WAIT_S)
        with suppress(ConnectionResetError):
            assert sender.recv(1) == b""
    assert str(LONGEST_LINE) in kept.refused[0].reason


def test_no_more_connections_than_allowed() -> None:
    """One too many is hung up on."""
    kept = KeptOutlet()
    with _serving(kept, most_connections=1) as listener:
        tcp = _addresses(listener)[1]
        with socket.create_connection(tcp, timeout=_WAIT_S) as first:
            first.sendall(_OTHER + b"\n")
            eventually(lambda: listener.decoder.lines["other"] == 1, within_s=_WAIT_S)
            with socket.create_connection(tcp, timeout=_WAIT_S) as second:
                assert second.recv(1) == b""
        eventually(lambda: kept.refused, within_s=_WAIT_S)
    assert "most_connections" in kept.refused[0].reason


def test_an_address_in_use_is_an_operators_error() -> None:
    """It names the address and the fields."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()[:2]
        listener = SyslogListener((), (address,), _decoder(), SystemClock())
        with pytest.raises(ConfigError, match=f"127.0.0.1:{address[1]}.*`tcp`"):
            listener.run(1, KeptOutlet(), threading.Event())


_lines = st.binary(min_size=1, max_size=60).filter(
    lambda line: bool(line.strip()) and not {0, 10} & set(line)
)


@given(
    lines=st.lists(_lines.map(lambda line: b"<1>" + line), max_size=8),
    is_counted=st.booleans(),
    cuts=st.lists(st.integers(1, 90), max_size=20),
)
def test_lines_are_found_however_the_stream_is_cut(
    *, lines: list[bytes], is_counted: bool, cuts: list[int]
) -> None:
    """Framing does not depend on the pieces (RFC 6587)."""
    parts = [b"%d %s" % (len(it), it) if is_counted else it + b"\n" for it in lines]
    stream, framing, at = b"".join(parts), SyslogFraming(), 0
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        found += framing.feed(stream[at : at + cut])
        at += cut
    found += framing.end()

    assert found == lines


@given(pieces=st.lists(st.binary(max_size=200), max_size=20))
def test_any_stream_is_cut_into_lines(pieces: list[bytes]) -> None:
    """Nothing is raised, and no more is held than came."""
    framing = SyslogFraming()
    found = [line for piece in pieces for line in framing.feed(piece)]

    assert sum(map(len, [*found, *framing.end()])) <= sum(map(len, pieces))


@pytest.mark.parametrize("stream", [b"99999 <1>x", b"x" * (LONGEST_LINE + 1)])
def test_a_line_longer_than_any_is_refused_before_it_is_held(stream: bytes) -> None:
    """By its count, or by what came of it."""
    with pytest.raises(TooLong, match=str(LONGEST_LINE)):
        list(SyslogFraming().feed(stream))


def test_a_file_is_told_once(tmp_path: Path) -> None:
    """Packed too, with the number of the line that is refused; then the source waits."""
    path, kept, stop = tmp_path / "log", KeptOutlet(), threading.Event()
    path.write_bytes(gzip.compress(_DOWN + b"\n\nno syslog\n" + _UP))
    source = SyslogFile(path, _decoder(), SystemClock())
    thread = threading.Thread(target=source.run, args=(1, kept, stop), name="syslog-test")
    thread.start()
    try:
        eventually(lambda: kept.refused, within_s=_WAIT_S)
        assert _whats(kept) == [IncidentKind.SESSION_LOST, IncidentKind.SESSION_ESTABLISHED]
        assert kept.refused[0].origin == f"{path}:3"
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()


def _ground(tmp_path: Path) -> Ground:
    key = tmp_path / "key"
    r1 = DeviceEntry(name="r1", address="192.0.2.1", ssh_key=key, known_hosts=key)
    return Ground(
        devices=(r1,), clock=SystemClock(), state_dir=tmp_path, bus=BusSettings(), poll_s=10.0
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("udp: [nowhere]", "address:port"),
        ("udp: []", "neither"),
        ("zone: Mars/Olympus", "no time zone"),
        ("path: no-such.log", "no such file"),
        ("path: x\n    tcp: ['127.0.0.1:1']", "or `path`"),
        ("aliases: {core1: r9}", "'r9', which is no device"),
        ("device: r9", "'r9' is no device"),
    ],
)
def test_a_wrong_configuration_says_what_to_correct(
    tmp_path: Path, line: str, message: str
) -> None:
    """One clear error each."""
    text = f"version: 1\nsources:\n  - kind: syslog\n    {line}\n"
    with pytest.raises(ConfigError, match=message):
        parse_sources(text, path=tmp_path / "sources.yaml").open(_ground(tmp_path))


def test_a_configuration_becomes_a_server_or_a_file(tmp_path: Path) -> None:
    """With its defaults it listens on loopback, over UDP."""
    log = tmp_path / "log"
    log.write_bytes(b"")
    text = f"version: 1\nsources:\n  - {{kind: syslog}}\n  - {{kind: syslog, path: {log}}}\n"
    server, file = parse_sources(text, path=tmp_path / "sources.yaml").open(_ground(tmp_path))

    assert isinstance(server, SyslogListener)
    assert isinstance(file, SyslogFile)
