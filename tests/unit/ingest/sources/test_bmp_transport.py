"""BMP over TCP and from files: sessions begin, are cut off for a reason, and are told in order."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from struct import pack
from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.prometheus import PrometheusMeter
from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError
from foreshadow.inventory import DeviceEntry
from foreshadow.meter import SILENT, Meter
from foreshadow.observed import Stream, encode
from foreshadow.routing import BestPath
from foreshadow.settings import BusSettings
from foreshadow.topology import NodeId, Prefix
from ingest.device_names import DeviceNames
from ingest.heard import Phase, StatePatch
from ingest.source import Ground
from ingest.source_file import parse_sources
from ingest.sources.bgp_octets import Malformed
from ingest.sources.bmp_capture import pieces
from ingest.sources.bmp_connection import ListenerLimits
from ingest.sources.bmp_framing import BmpFraming
from ingest.sources.bmp_listener import BmpListener
from ingest.sources.bmp_merge import LARGEST_PATCH_CHARACTERS, merged
from ingest.sources.bmp_message import LARGEST_MESSAGE_OCTETS
from ingest.sources.bmp_replay import BmpReplay
from tests import bmp_messages as made
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet

_WAIT_S = 30
_NAMES = DeviceNames(["r1"], {"R1": "r1"})
_SESSION = (
    made.initiation(),
    made.peer_up(),
    made.announcing("203.0.113.0/24"),
    made.end_of_rib(),
)


@contextmanager
def _serving(kept: KeptOutlet, *, meter: Meter = SILENT, **limits: float) -> Iterator[BmpListener]:
    """A server on a free port of this host."""
    told = ListenerLimits(**{"settle_s": 0.2, "vouch_s": 0.2, **limits})  # type: ignore[arg-type]
    listener = BmpListener(("127.0.0.1", 0), _NAMES, SystemClock(), told, meter=meter)
    stop = threading.Event()
    thread = threading.Thread(target=listener.run, args=(1, kept, stop), name="bmp-test")
    thread.start()
    try:
        eventually(lambda: listener.bound, within_s=_WAIT_S)
        yield listener
    finally:
        stop.set()
        thread.join()


def _reasons(kept: KeptOutlet) -> list[str]:
    return [each.reason for each in kept.refused]


def _connected(listener: BmpListener) -> socket.socket:
    assert listener.bound is not None
    return socket.create_connection(listener.bound, timeout=_WAIT_S)


def _is_hung_up(connection: socket.socket) -> bool:
    connection.settimeout(_WAIT_S)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def _is_ended(connection: socket.socket) -> bool:
    """Whether the server hung up already; it sends nothing."""
    connection.setblocking(False)  # noqa: FBT003 - the socket's own interface
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False


def test_a_routers_session_reaches_the_bus_and_is_vouched_for() -> None:
    """In pieces of any size; afterwards an empty change says now and then that all still holds."""
    kept = KeptOutlet()
    with _serving(kept) as listener, _connected(listener) as router:
        stream = b"".join(_SESSION)
        for begin in range(0, len(stream), 7):
            router.sendall(stream[begin : begin + 7])

        def is_told() -> bool:
            received = kept.patches("r1", Stream.RECEIVED)
            told = [it.phase for it in received]
            assert "end" in told
            assert [key for it in received for key, _ in it.upserts] == ["192.0.2.2/203.0.113.0/24"]
            assert told.index("begin") < told.index("end")
            return told[-1] == "change" and not received[-1].upserts

        eventually(is_told, within_s=_WAIT_S)
        assert listener.routers == ("r1",)
    assert _reasons(kept) == []


def test_sessions_are_measured_over_all_a_router_had() -> None:
    """As Prometheus sees it: what was not used adds up, also when the router comes again."""
    kept, meter = KeptOutlet(), PrometheusMeter()
    with _serving(kept, meter=meter) as listener:
        for _ in range(2):
            with _connected(listener) as router:
                router.sendall(b"".join([*_SESSION, made.statistics()]))
                eventually(lambda: listener.routers == ("r1",), within_s=_WAIT_S)
                eventually(
                    lambda: dict(meter.values()).get("foreshadow_bmp_routers") == 1,
                    within_s=_WAIT_S,
                )
            eventually(lambda: not listener.routers, within_s=_WAIT_S)

        unused = 'foreshadow_bmp_unused_total{device="r1",reason="messages: Statistics"}'
        eventually(lambda: dict(meter.values()).get(unused) == 2, within_s=_WAIT_S)
        seen = dict(meter.values())
        assert seen['foreshadow_bmp_messages_total{device="r1"}'] == 2 * len(_SESSION) + 2
        assert seen["foreshadow_bmp_cut_off_total"] == 0


def test_a_router_that_comes_again_replaces_its_former_session() -> None:
    """The elder is hung up on, though it seems alive."""
    kept = KeptOutlet()
    with _serving(kept) as listener, _connected(listener) as elder:
        elder.sendall(b"".join(_SESSION))
        eventually(lambda: listener.routers == ("r1",), within_s=_WAIT_S)
        with _connected(listener) as younger:
            younger.sendall(b"".join(_SESSION))

            assert _is_hung_up(elder)
            eventually(lambda: listener.routers == ("r1",), within_s=_WAIT_S)
            assert not _is_ended(younger)
    assert _reasons(kept) == []


@pytest.mark.parametrize(
    ("sent", "limits", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", {}, "version 3 expected"),
        (pack(">BIB", 3, LARGEST_MESSAGE_OCTETS + 1, 0), {}, "octets expected"),
        (pack(">BIB", 3, 2, 0), {}, "octets expected"),
        (made.initiation("R7"), {}, "unknown"),
        (b"", {"hello_s": 0.1}, "Initiation"),
        (made.initiation() + pack(">BIB", 3, 500, 0), {"stall_s": 0.1}, "broke off"),
        (made.initiation() + made.bmp(0, b"") * 4, {"most_refused": 3}, "more than 3"),
    ],
)
def test_a_hostile_sender_is_cut_off_for_a_reason(
    sent: bytes, limits: dict[str, Any], reason: str
) -> None:
    """What is no BMP, nobody we know, silent, stalled, or wrong too often."""
    kept = KeptOutlet()
    with _serving(kept, **limits) as listener, _connected(listener) as sender:
        sender.sendall(sent)

        assert _is_hung_up(sender)
        eventually(lambda: reason in " ".join(_reasons(kept)), within_s=_WAIT_S)
        eventually(lambda: listener.account.cut_off == 1 and not listener.routers, within_s=_WAIT_S)


def test_a_message_that_trickles_in_is_cut_off() -> None:
    """An octet now and then is no progress: it is the rest of the message that is waited for."""
    kept = KeptOutlet()
    with _serving(kept, stall_s=0.5) as listener, _connected(listener) as sender:
        sender.sendall(made.initiation() + pack(">BIB", 3, 5_000, 0))

        def is_cut_off() -> bool:
            with suppress(OSError):
                sender.sendall(b"x")
            return "broke off" in " ".join(_reasons(kept))

        eventually(is_cut_off, within_s=_WAIT_S, poll_s=0.1)


def test_no_more_routers_than_allowed() -> None:
    """One too many is hung up on; the others stay."""
    kept = KeptOutlet()
    with _serving(kept, most_routers=1) as listener, _connected(listener) as first:
        first.sendall(made.initiation())
        eventually(lambda: listener.routers == ("r1",), within_s=_WAIT_S)
        with _connected(listener) as second:
            assert _is_hung_up(second)
        eventually(lambda: "most_routers" in " ".join(_reasons(kept)), within_s=_WAIT_S)
        assert listener.routers == ("r1",)


def test_one_that_does_not_say_who_it_is_keeps_nobody_out() -> None:
    """Where there is no more room it gives way to the next."""
    kept = KeptOutlet()
    with _serving(kept, most_routers=1) as listener, _connected(listener) as silent:
        eventually(lambda: listener.routers, within_s=_WAIT_S)
        with _connected(listener) as router:
            router.sendall(made.initiation())
            assert _is_hung_up(silent)
            eventually(lambda: listener.routers == ("r1",), within_s=_WAIT_S)


def test_a_stranger_that_comes_again_and_again_is_refused_once_a_minute() -> None:
    """Routers retry ten times a second."""
    kept = KeptOutlet()
    with _serving(kept) as listener:
        for _ in range(5):
            with _connected(listener) as stranger:
                stranger.sendall(made.initiation("R7"))
                assert _is_hung_up(stranger)
        eventually(lambda: listener.account.cut_off == 5, within_s=_WAIT_S)
        told = sorted(each.count for each in kept.refused)
    assert told == [1, 1], "one that it is unknown, one that it was cut off"
    assert sum(each.count for each in kept.refused) == 10, "the others are told at the end"


def test_an_address_in_use_is_an_operators_error() -> None:
    """It names the address and the field."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()[:2]
        listener = BmpListener(address, _NAMES, SystemClock(), ListenerLimits())
        with pytest.raises(ConfigError, match=f"127.0.0.1:{address[1]}.*listen"):
            listener.run(1, KeptOutlet(), threading.Event())


@given(cuts=st.lists(st.integers(1, 600), max_size=30))
def test_messages_are_found_however_the_stream_is_cut(cuts: list[int]) -> None:
    """Framing does not depend on the pieces."""
    stream, framing, at = b"".join(_SESSION), BmpFraming(), 0
    found: list[bytes] = []
    for cut in [*cuts, len(stream)]:
        found += framing.feed(stream[at : at + cut])
        at += cut

    assert tuple(found) == _SESSION
    assert framing.held_octets == 0


def test_messages_before_damage_are_found() -> None:
    """And then nobody can tell where another begins."""
    told = BmpFraming().feed(made.initiation() + b"\x09" * 6)

    assert next(told) == made.initiation()
    with pytest.raises(Malformed, match="version 3"):
        next(told)


def _frame(octets: bytes, seq: int, *, flags: int = dpkt.tcp.TH_ACK, sport: int = 40_000) -> bytes:
    segment = dpkt.tcp.TCP(sport=sport, dport=11_019, seq=seq, flags=flags, data=octets)
    packet = dpkt.ip.IP(src=b"\xc0\x00\x02\x01", dst=b"\xc0\x00\x02\x09", p=6, data=segment)
    packet.len = len(packet)
    return bytes(dpkt.ethernet.Ethernet(type=dpkt.ethernet.ETH_TYPE_IP, data=packet))


def _capture(path: Path, frames: Iterable[bytes]) -> Path:
    with path.open("wb") as file:
        writer = dpkt.pcap.Writer(file)
        for number, frame in enumerate(frames):
            writer.writepkt(frame, ts=made.SENT_S + number)
    return path


def _told(path: Path) -> bytes:
    return b"".join(piece.octets for piece in pieces(path))


def test_segments_are_put_in_order(tmp_path: Path) -> None:
    """Late, early, twice, overlapping, and across the end of the sequence numbers."""
    stream, start = b"".join(_SESSION), (1 << 32) - 100
    seqs = {at: (start + 1 + at) % (1 << 32) for at in range(0, len(stream), 50)}
    parts = [_frame(stream[at : at + 50], seq) for at, seq in seqs.items()]
    parts[2], parts[4] = parts[4], parts[2]
    overlapping = _frame(stream[100:180], seqs[100])
    opening = _frame(b"", start, flags=dpkt.tcp.TH_SYN)
    path = _capture(
        tmp_path / "s.pcap", [opening, *parts[:5], parts[1], overlapping, *parts[5:], b"\0" * 20]
    )

    assert _told(path) == stream


def test_sessions_of_a_capture_are_told_apart(tmp_path: Path) -> None:
    """Two connections at once, each in its order, each with its sender."""
    frames = [
        _frame(made.initiation(), 1, sport=1_000),
        _frame(made.initiation("R2"), 1, sport=2_000),
        _frame(made.peer_up(), 1 + len(made.initiation()), sport=1_000),
    ]
    found = list(pieces(_capture(tmp_path / "two.pcap", frames)))

    assert [it.origin for it in found] == [
        "[192.0.2.1]:1000",
        "[192.0.2.1]:2000",
        "[192.0.2.1]:1000",
    ]
    assert found[2].at_ns == (made.SENT_S + 2) * 10**9


def test_a_segment_that_was_not_captured_ends_the_telling(tmp_path: Path) -> None:
    """What follows cannot be read; memory for it is bounded."""
    frames = [_frame(b"x" * 10, 1 + 20 * number) for number in range(5_000)]

    assert _told(_capture(tmp_path / "hole.pcap", frames)) == b"x" * 10


@given(raw=st.binary(max_size=300))
def test_any_file_is_told_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """A capture that is none, or breaks off, raises nothing but what an operator can read."""
    path = tmp_path_factory.mktemp("any") / "file"
    for head in (b"", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a"):
        path.write_bytes(head + raw)
        try:
            _told(path)
        except ConfigError as error:
            assert str(path) in str(error)  # noqa: PT017 - either outcome is right


def test_a_file_of_octets_is_one_session(tmp_path: Path) -> None:
    """Told once, and then the source waits."""
    path, kept, stop = tmp_path / "session.bmp", KeptOutlet(), threading.Event()
    path.write_bytes(b"".join(_SESSION) + b"damage")
    replay = BmpReplay(path, _NAMES, SystemClock())
    thread = threading.Thread(target=replay.run, args=(1, kept, stop), name="bmp-test")
    thread.start()
    try:
        eventually(
            lambda: "end" in [it.phase for it in kept.patches("r1", Stream.RECEIVED)],
            within_s=_WAIT_S,
        )
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join()
    (reason,) = _reasons(kept)
    assert "passed over" in reason


_keys = st.sampled_from(["a/1", "a/2", "b/1"])


@st.composite
def _patches(draw: st.DrawFn) -> list[StatePatch]:
    """Patches of one stream, in any order of phases."""
    count = draw(st.integers(0, 12))
    return [
        StatePatch(
            device=NodeId("r1"),
            stream=Stream.RECEIVED,
            phase=draw(st.sampled_from(Phase)),
            upserts={} if draw(st.booleans()) else {draw(_keys): draw(st.integers(0, 3))},  # type: ignore[dict-item]
            deletes=tuple(draw(st.lists(_keys, max_size=1))),
            subtrees=tuple(draw(st.lists(st.sampled_from(["a/", "b/"]), max_size=1))),
        )
        for _ in range(count)
    ]


def _map_after(patches: Iterable[StatePatch]) -> tuple[dict[str, object], list[Phase]]:
    held: dict[str, object] = {}
    for it in patches:
        if it.phase is Phase.BEGIN:
            held = {}
        gone = {key for key in held for root in it.subtrees if key.startswith(root)}
        for key in gone | set(it.deletes):
            held.pop(key, None)
        held |= it.upserts
    return held, [it.phase for it in patches if it.phase in {Phase.BEGIN, Phase.END}]


@given(patches=_patches())
def test_merged_patches_mean_the_same(patches: list[StatePatch]) -> None:
    """The same map, the same beginnings and ends, in no more patches."""
    fewer = [it for it in merged(patches) if isinstance(it, StatePatch)]

    assert _map_after(fewer) == _map_after(patches)
    assert len(fewer) <= len(patches)


def test_a_large_patch_is_told_in_parts() -> None:
    """No part is larger than a record on the bus may be; together they say the same."""
    long = BestPath(prefix=Prefix("10.0.0.0/8"), next_hop=IPv4Address(0), as_path="65001 " * 1_000)
    whole = StatePatch(
        device=NodeId("r1"),
        stream=Stream.BEST_PATH,
        upserts={f"10.0.{number}.0/24": long for number in range(300)},
        coalesced=3,
    )
    parts = [it for it in merged([whole]) if isinstance(it, StatePatch)]

    assert _map_after(parts) == _map_after([whole])
    assert sum(it.coalesced for it in parts) == 3
    for part in parts:
        assert sum(len(encode(it)) for it in part.upserts.values()) < 2 * LARGEST_PATCH_CHARACTERS
    assert len(parts) > 3


def _ground(tmp_path: Path) -> Ground:
    def entry(name: str, address: str) -> DeviceEntry:
        key = tmp_path / "key"
        return DeviceEntry(name=name, address=address, ssh_key=key, known_hosts=key)

    return Ground(
        devices=(entry("r1", "192.0.2.1"), entry("r2", "192.0.2.2")),
        clock=SystemClock(),
        state_dir=tmp_path,
        bus=BusSettings(),
        poll_s=10.0,
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("listen: nowhere", "address:port"),
        ("listen: 127.0.0.1:99999", "address:port"),
        ("settle_s: 0", "greater than 0"),
        ("path: no-such.pcap", "no such file"),
        ("aliases: {core1: r9}", "'r9', which is no device"),
        ("adj_rib_in: post", "pre-policy"),
        ("listen: 127.0.0.1:1\n    path: x", "not both"),
    ],
)
def test_a_wrong_configuration_says_what_to_correct(
    tmp_path: Path, line: str, message: str
) -> None:
    """One clear error each."""
    text = f"version: 1\nsources:\n  - kind: bmp\n    {line}\n"
    with pytest.raises(ConfigError, match=message):
        parse_sources(text, path=tmp_path / "sources.yaml").open(_ground(tmp_path))


def test_a_configuration_becomes_a_server(tmp_path: Path) -> None:
    """With its defaults it listens on loopback."""
    text = "version: 1\nsources:\n  - {kind: bmp, aliases: {core1: r1}}\n"
    (source,) = parse_sources(text, path=tmp_path / "sources.yaml").open(_ground(tmp_path))

    assert isinstance(source, BmpListener)
    assert source.name == "bmp"
