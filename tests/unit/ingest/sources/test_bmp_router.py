"""One router's BMP session becomes state: snapshots, changes, incidents, and what is left aside."""

from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import ReceivedPath, Session, Stream, Value, decode, encode
from foreshadow.routing import BestPath
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES, Patch
from ingest import testimony
from ingest.device_names import DeviceNames
from ingest.heard import Heard, Phase, Refused, StatePatch
from ingest.sources.bmp_capture import pieces
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_framing import BmpFraming
from tests import bmp_messages as made

_NOW_NS = made.SENT_S * 10**9 + 500_000_000
_OTHER = "192.0.2.3"


def _decoder(**options: object) -> BmpDecoder:
    return BmpDecoder(DeviceNames(["r1"], {"R1": "r1"}), **options)  # type: ignore[arg-type]


def _hear(decoder: BmpDecoder, *messages: bytes) -> list[Heard]:
    return [
        each
        for raw in messages
        for each in decoder.decode(raw, origin="198.51.100.1:4711", received_ns=_NOW_NS)
    ]


class _State:
    """What the state's owner makes of patches."""

    def __init__(self) -> None:
        self.lines = {stream: testimony.Testimony() for stream in Stream}

    def take(self, heard: Iterable[Heard]) -> None:
        """Patches in their order; nothing else is looked at."""
        for each in heard:
            if isinstance(each, StatePatch):
                patch = Patch(
                    phase=each.phase.value,
                    upserts=tuple((key, encode(value)) for key, value in each.upserts.items()),
                    deletes=each.deletes,
                    subtrees=each.subtrees,
                )
                self.lines[each.stream].note_patch(patch, 1)

    def whole(self, stream: Stream) -> Mapping[str, bytes] | None:
        """The map of a stream, or None while it is not told."""
        line = self.lines[stream]
        return line.told if line.is_whole else None


def _state(*heard: Iterable[Heard]) -> _State:
    state = _State()
    for each in heard:
        state.take(each)
    return state


def _encoded(values: dict[str, Value]) -> dict[str, bytes]:
    return {key: encode(value) for key, value in values.items()}


def _path(prefix: str, **said: object) -> BestPath:
    known = {"next_hop": IPv4Address(made.PEER), "as_path": "65002", **said}
    return BestPath(prefix=IPv4Network(prefix), **known)  # type: ignore[arg-type]


def _received(*prefixes: str) -> dict[str, bytes]:
    peer = IPv4Address(made.PEER)
    return _encoded(
        {f"{peer}/{prefix}": ReceivedPath(peer=peer, path=_path(prefix)) for prefix in prefixes}
    )


def _incidents(heard: Iterable[Heard]) -> list[Incident]:
    return [each for each in heard if isinstance(each, Incident)]


def _refusals(heard: Iterable[Heard]) -> list[str]:
    return [each.reason for each in heard if isinstance(each, Refused)]


def _session(raw: bytes) -> Session:
    found = decode(Stream.SESSION, raw)
    assert isinstance(found, Session)
    return found


def _as_path(raw: bytes) -> str:
    found = decode(Stream.RECEIVED, raw)
    assert isinstance(found, ReceivedPath)
    return found.path.as_path


_OPENING = (made.initiation(), made.peer_up())


def test_routes_are_whole_with_the_last_end_of_rib() -> None:
    """Two peers: the stream is an open snapshot until both have told theirs."""
    decoder, other = _decoder(), made.peer_header(peer=_OTHER)
    heard = _hear(decoder, *_OPENING, made.peer_up(other), made.announcing("203.0.113.0/24"))
    half = _hear(decoder, made.end_of_rib())
    rest = _hear(decoder, made.end_of_rib(other))

    assert _state(heard, half).whole(Stream.RECEIVED) is None
    assert _state(heard, half, rest).whole(Stream.RECEIVED) == _received("203.0.113.0/24")
    first = next(it for it in heard if isinstance(it, StatePatch) and it.stream is Stream.RECEIVED)
    assert first.phase is Phase.BEGIN


def test_sessions_are_whole_with_the_first_route() -> None:
    """All that are up come first; also of a router whose peers send nothing, when it is quiet."""
    expected = _encoded(
        {
            made.PEER: Session(
                peer=IPv4Address(made.PEER),
                remote_as=made.PEER_AS,
                local_as=made.LOCAL_AS,
                state="Established",
            )
        }
    )
    decoder = _decoder()
    opening = _hear(decoder, *_OPENING)
    assert _state(opening).whole(Stream.SESSION) is None
    assert _state(opening, _hear(decoder, made.end_of_rib())).whole(Stream.SESSION) == expected

    quiet = _decoder()
    opening = _hear(quiet, *_OPENING)
    assert quiet.router is not None
    state = _state(opening, list(quiet.router.settle()))
    assert state.whole(Stream.SESSION) == expected
    assert state.whole(Stream.RECEIVED) is None


def test_quiet_ends_the_routes_only_where_that_is_asked_for() -> None:
    """A router that never says End-of-RIB is believed when it falls silent, if one says so."""
    decoder = _decoder()
    heard = _hear(decoder, *_OPENING, made.announcing("203.0.113.0/24"))
    assert decoder.router is not None

    assert _state(heard, decoder.router.settle()).whole(Stream.RECEIVED) is None
    settled = decoder.router.settle(without_end_of_rib=True)
    assert _state(heard, settled).whole(Stream.RECEIVED) == _received("203.0.113.0/24")


def test_a_router_without_ebgp_peers_has_received_nothing() -> None:
    """Once it is quiet: no peer is waited for."""
    decoder = _decoder()
    inner = made.peer_header(peer_as=made.LOCAL_AS)
    heard = _hear(decoder, made.initiation(), made.peer_up(inner, peer_as=made.LOCAL_AS))
    assert decoder.router is not None

    assert _state(heard, decoder.router.settle()).whole(Stream.RECEIVED) == {}


def test_routes_come_and_go() -> None:
    """After the snapshot each message is a change; a new word on a prefix replaces the last."""
    decoder = _decoder()
    heard = _hear(
        decoder,
        *_OPENING,
        made.end_of_rib(),
        made.announcing("203.0.113.0/24", "198.51.100.0/25"),
        made.withdrawing("203.0.113.0/24"),
        made.routes(made.update(made.attributes(65_002, 65_010), made.nlri("198.51.100.0/25"))),
    )

    peer = IPv4Address(made.PEER)
    longer = ReceivedPath(peer=peer, path=_path("198.51.100.0/25", as_path="65002 65010"))
    assert _state(heard).whole(Stream.RECEIVED) == {f"{peer}/198.51.100.0/25": encode(longer)}


def test_a_lost_session_takes_its_routes_along() -> None:
    """The session is down, its routes are gone, others stay, and the reason is told."""
    decoder, other = _decoder(), made.peer_header(peer=_OTHER)
    before = _hear(
        decoder,
        *_OPENING,
        made.peer_up(other),
        made.announcing("203.0.113.0/24"),
        made.announcing("203.0.113.0/24", header=other),
        made.end_of_rib(),
        made.end_of_rib(other),
    )
    down = _hear(decoder, made.peer_down())

    state = _state(before, down)
    received, sessions = state.whole(Stream.RECEIVED), state.whole(Stream.SESSION)
    assert received is not None
    assert list(received) == [f"{_OTHER}/203.0.113.0/24"]
    assert sessions is not None
    assert _session(sessions[made.PEER]).state == "Idle"
    assert _incidents(before) == []
    (lost,) = _incidents(down)
    assert (lost.device, lost.what, lost.subject) == ("r1", IncidentKind.SESSION_LOST, made.PEER)
    assert lost.at_ns == made.SENT_S * 10**9 + 250_000_000
    assert "closed by the peer, NOTIFICATION 6/4 (administrative reset)" in lost.text


def test_a_session_that_comes_back_is_an_incident_and_begins_with_nothing() -> None:
    """Its routes are told as they come: nobody waits for another End-of-RIB."""
    decoder = _decoder()
    before = _hear(decoder, *_OPENING, made.announcing("203.0.113.0/24"), made.end_of_rib())
    again = _hear(decoder, made.peer_down(), made.peer_up(), made.announcing("198.51.100.0/25"))

    assert _state(before, again).whole(Stream.RECEIVED) == _received("198.51.100.0/25")
    assert [it.what for it in _incidents(again)] == [
        IncidentKind.SESSION_LOST,
        IncidentKind.SESSION_ESTABLISHED,
    ]


def test_a_session_that_is_told_down_again_is_no_new_loss() -> None:
    """FRR says so at each of its attempts; of a peer that was never up nothing was lost."""
    decoder, other = _decoder(), made.peer_header(peer=_OTHER)
    heard = _hear(
        decoder,
        made.initiation(),
        made.peer_down(other),
        made.peer_up(),
        made.end_of_rib(),
        made.peer_down(other),
        made.peer_down(other),
    )

    assert _incidents(heard) == []
    sessions = _state(heard).whole(Stream.SESSION)
    assert sessions is not None
    assert sorted(sessions) == [made.PEER, _OTHER]


def test_a_peer_that_was_down_at_first_is_not_waited_for() -> None:
    """It comes up while the router still introduces itself; its table began empty."""
    decoder = _decoder()
    heard = _hear(
        decoder,
        made.initiation(),
        made.peer_down(),
        made.peer_up(),
        made.announcing("203.0.113.0/24"),
    )
    assert decoder.router is not None

    settled = list(decoder.router.settle())
    assert _state(heard, settled).whole(Stream.RECEIVED) == _received("203.0.113.0/24")


def test_a_session_taken_out_of_the_configuration_is_gone() -> None:
    """Peer Down reason 5: there is no such session any more."""
    decoder = _decoder()
    heard = _hear(decoder, *_OPENING, made.end_of_rib(), made.peer_down(reason=5, data=b""))

    assert _state(heard).whole(Stream.SESSION) == {}


def test_a_new_connection_sweeps_what_was_lost_in_between() -> None:
    """Mark and sweep: a prefix that is not told again is gone with the End-of-RIB."""
    state = _state(
        _hear(_decoder(), *_OPENING, made.announcing("203.0.113.0/24"), made.end_of_rib())
    )
    again = _decoder()
    state.take(_hear(again, *_OPENING, made.announcing("198.51.100.0/25")))
    assert state.whole(Stream.RECEIVED) is None
    state.take(_hear(again, made.end_of_rib()))

    assert state.whole(Stream.RECEIVED) == _received("198.51.100.0/25")


def test_the_loc_rib_is_what_the_router_chose() -> None:
    """RFC 9069: best paths, with their local preference, a snapshot of their own."""
    header = made.loc_rib_header()
    said = made.attributes(more=(made.attribute(0x40, 5, b"\0\0\0\x96"),))
    decoder = _decoder()
    heard = _hear(
        decoder,
        made.initiation(),
        made.peer_up(header),
        made.routes(made.update(said, made.nlri("203.0.113.0/24", "198.51.100.0/25")), header),
        made.withdrawing("198.51.100.0/25", header=header),
    )
    assert _state(heard).whole(Stream.BEST_PATH) is None
    heard += _hear(decoder, made.end_of_rib(header))

    best = _path("203.0.113.0/24", local_preference=150)
    assert _state(heard).whole(Stream.BEST_PATH) == {"203.0.113.0/24": encode(best)}
    assert _incidents(heard) == []


def test_a_loc_rib_without_peer_up_is_taken() -> None:
    """FRR 9 tells no Peer Up of it."""
    header = made.loc_rib_header()
    heard = _hear(
        _decoder(),
        *_OPENING,
        made.announcing("203.0.113.0/24", header=header),
        made.end_of_rib(header),
    )

    assert list(_state(heard).whole(Stream.BEST_PATH) or {}) == ["203.0.113.0/24"]
    assert _refusals(heard) == []


def test_best_paths_are_not_vouched_for_once_the_loc_rib_is_not_told() -> None:
    """After its Peer Down (RFC 9069 section 5.3) the other streams still are."""
    header, decoder = made.loc_rib_header(), _decoder()
    _hear(decoder, *_OPENING, made.peer_up(header), made.end_of_rib(header), made.end_of_rib())
    assert decoder.router is not None
    every = {Stream.SESSION, Stream.RECEIVED, Stream.BEST_PATH}
    assert _vouched(decoder) == every
    _hear(decoder, made.peer_down(header, reason=6, data=b""))

    assert _vouched(decoder) == every - {Stream.BEST_PATH}


def _vouched(decoder: BmpDecoder) -> set[Stream]:
    assert decoder.router is not None
    patches = [it for it in decoder.router.vouch() if isinstance(it, StatePatch)]
    assert all(it.phase is Phase.CHANGE and not it.upserts for it in patches)
    return {it.stream for it in patches}


def test_nothing_is_vouched_for_before_it_is_whole() -> None:
    """An open snapshot is no word on the state."""
    decoder = _decoder()
    _hear(decoder, *_OPENING)
    assert _vouched(decoder) == set()


def test_what_the_vocabulary_cannot_hold_is_counted() -> None:
    """iBGP, post-policy, Adj-RIB-Out, VRFs, IPv6 and other messages."""
    decoder = _decoder()
    inner = made.peer_header(peer=_OTHER, peer_as=made.LOCAL_AS)
    vrf = made.peer_header(kind=1, distinguisher=7)
    heard = _hear(
        decoder,
        *_OPENING,
        made.peer_up(inner, peer_as=made.LOCAL_AS),
        made.announcing("203.0.113.0/24", header=inner),
        made.announcing("203.0.113.0/24"),
        made.announcing("203.0.113.0/24", header=made.peer_header(flags=0x40)),
        made.announcing("203.0.113.0/24", header=made.peer_header(flags=0x10)),
        made.peer_up(vrf),
        made.announcing("203.0.113.0/24", header=vrf),
        made.statistics(),
        made.mirroring(),
        made.bmp(99, b""),
        made.end_of_rib(),
    )

    assert _refusals(heard) == []
    assert _state(heard).whole(Stream.RECEIVED) == _received("203.0.113.0/24")
    assert decoder.router is not None
    assert decoder.router.unused == {
        "routes: iBGP pre-policy": 1,
        "routes: post-policy": 1,
        "routes: adj-rib-out": 1,
        "peers: vrf": 1,
        "routes: vrf pre-policy": 1,
        "messages: Statistics": 1,
        "messages: Mirroring": 1,
        "messages: UnknownMessage": 1,
    }


def test_a_router_that_tells_the_other_table_only_is_never_whole_and_says_why() -> None:
    """FRR ends both tables with an End-of-RIB, whichever it was told to show."""
    post, decoder = made.peer_header(flags=0x40), _decoder()
    heard = _hear(
        decoder,
        *_OPENING,
        *[made.announcing(f"203.0.{number}.0/24", header=post) for number in range(3)],
        made.end_of_rib(post),
        made.end_of_rib(),
    )

    (reason,) = _refusals(heard)
    assert "adj_rib_in: post-policy" in reason
    assert _state(heard).whole(Stream.RECEIVED) is None

    asked = _hear(_decoder(adj_rib_in="post-policy"), *_OPENING)
    decoder = _decoder(adj_rib_in="post-policy")
    asked = _hear(
        decoder,
        *_OPENING,
        made.announcing("203.0.113.0/24", header=post),
        made.end_of_rib(post),
    )
    assert _state(asked).whole(Stream.RECEIVED) == _received("203.0.113.0/24")


def test_a_damaged_update_withdraws_its_routes_and_is_refused() -> None:
    """RFC 7606 treat-as-withdraw, with the reason on the dead-letter topic."""
    long = made.attribute(0xC0, 99, bytes(9_000))
    bad = made.update(made.attribute(0x40, 1, b"\x09") + long, made.nlri("203.0.113.0/24"))
    heard = _hear(
        _decoder(),
        *_OPENING,
        made.announcing("203.0.113.0/24", "198.51.100.0/25"),
        made.end_of_rib(),
        made.routes(bad),
    )

    assert _state(heard).whole(Stream.RECEIVED) == _received("198.51.100.0/25")
    (refused,) = [it for it in heard if isinstance(it, Refused)]
    assert "ORIGIN" in refused.reason
    assert "RFC 7606" in refused.reason
    assert len(refused.sample) == DEAD_LETTER_SAMPLE_BYTES


def test_of_several_paths_of_a_peer_the_lowest_id_stands_for_all() -> None:
    """With add-path a prefix is gone with its last path, not with its first."""
    decoder = _decoder()

    def path(path_id: int, *numbers: int) -> bytes:
        nlri = made.nlri("203.0.113.0/24", path_id=path_id)
        return made.routes(made.update(made.attributes(*numbers), nlri))

    def gone(path_id: int) -> bytes:
        nlri = made.nlri("203.0.113.0/24", path_id=path_id)
        return made.routes(made.update(withdrawn=nlri))

    state = _State()
    up = made.peer_up(we_add=1, they_add=2)
    state.take(_hear(decoder, made.initiation(), up, made.end_of_rib()))
    seen = []
    for message in (path(9, 65_002, 9), path(3, 65_002, 3), path(12, 65_002), gone(3), gone(12)):
        state.take(_hear(decoder, message))
        ((_, raw),) = (state.whole(Stream.RECEIVED) or {}).items()
        seen.append(_as_path(raw))

    assert seen == ["65002 9", "65002 3", "65002 3", "65002 9", "65002 9"]
    state.take(_hear(decoder, gone(9)))
    assert state.whole(Stream.RECEIVED) == {}


def test_frr_writes_its_own_as_in_front_and_is_read_without_it() -> None:
    """FRR 8.4 tells a peer's path as it would pass it on; other routers are taken at their word."""
    said = made.routes(
        made.update(made.attributes(made.LOCAL_AS, made.PEER_AS), made.nlri("203.0.113.0/24"))
    )
    paths = []
    for description in ("FRRouting 8.4.4", "another"):
        opening = made.initiation(description=description), made.peer_up()
        heard = _hear(_decoder(), *opening, said, made.end_of_rib())
        ((_, raw),) = (_state(heard).whole(Stream.RECEIVED) or {}).items()
        paths.append(_as_path(raw))

    assert paths == ["65002", "65001 65002"]


def test_short_as_numbers_are_read_where_the_header_says_so() -> None:
    """RFC 7854 section 4.2, flag A: the AS_PATH is of two-octet numbers."""
    path = made.attribute(0x40, 2, b"\x02\x01\xfd\xea")
    hop = made.attribute(0x40, 3, IPv4Address(made.PEER).packed)
    body = made.update(made.attribute(0x40, 1, b"\0") + path + hop, made.nlri("203.0.113.0/24"))
    short = made.peer_header(flags=0x20)
    heard = _hear(_decoder(), *_OPENING, made.routes(body, short), made.end_of_rib())

    assert _state(heard).whole(Stream.RECEIVED) == _received("203.0.113.0/24")


def test_a_time_ahead_of_ours_is_not_believed() -> None:
    """An hour ahead: the time of receipt counts."""
    early = made.peer_header(at_s=made.SENT_S + 3_600)
    heard = _hear(_decoder(), *_OPENING, made.end_of_rib(), made.peer_down(early))

    (lost,) = _incidents(heard)
    assert lost.at_ns == _NOW_NS


def test_a_router_is_known_by_its_name_or_by_its_address() -> None:
    """By sysName first; an unknown one is refused with the remedy."""
    by_address = BmpDecoder(DeviceNames(["r1"], {"198.51.100.1": "r1"}))
    unknown = BmpDecoder(DeviceNames(["r1"]))

    _hear(by_address, made.initiation("nobody"))
    (reason,) = _refusals(_hear(unknown, made.initiation("R7")))

    assert by_address.device == "r1"
    assert unknown.device is None
    assert "'R7'" in reason
    assert "aliases" in reason


def test_routes_of_a_peer_nobody_told_of_are_refused() -> None:
    """Without its OPENs nobody knows how to read them."""
    heard = _hear(_decoder(), made.initiation(), made.announcing("203.0.113.0/24"))

    (reason,) = _refusals(heard)
    assert "Peer Up" in reason


@pytest.mark.parametrize(
    "raw",
    [
        made.bmp(0, made.peer_header() + made.bgp(1, b"")),
        made.bmp(0, made.peer_header() + bytes(19)),
        made.bmp(3, made.peer_header()),
        made.bmp(2, made.peer_header()),
        made.bmp(0, b"short"),
        b"\x02" + made.initiation()[1:],
        made.initiation() + b"more",
        made.routes(made.update(made.attributes(), b"\x40")),
    ],
)
def test_a_malformed_message_is_refused_and_the_session_goes_on(raw: bytes) -> None:
    """Its frame was whole, so what follows can be read."""
    decoder = _decoder()
    _hear(decoder, *_OPENING)

    (reason,) = _refusals(_hear(decoder, raw))
    after = _hear(decoder, made.announcing("203.0.113.0/24"))

    assert reason.startswith("BMP: ")
    assert any(isinstance(it, StatePatch) and it.upserts for it in after)


@pytest.mark.shared_data
def test_a_juniper_tells_its_peers_and_its_end(shared_data: Path) -> None:
    """The captures of one session after another: two of its four peers are IPv4's."""
    decoder = BmpDecoder(DeviceNames(["mx"], {"vMX": "mx"}))
    heard: list[Heard] = []
    for name in ("init", "peers-up", "eor", "terminate"):
        framing = BmpFraming()
        for piece in pieces(shared_data / "telemetry" / "pcap_bmp" / f"bmp-{name}.pcap"):
            for raw in framing.feed(piece.octets):
                received_ns = piece.at_ns
                heard += decoder.decode(raw, origin=piece.origin, received_ns=received_ns)
        assert framing.held_octets == 0

    assert decoder.device == "mx"
    assert _refusals(heard) == []
    state = _state(heard)
    sessions = state.whole(Stream.SESSION)
    assert sessions is not None
    found = {key: _session(raw) for key, raw in sessions.items()}
    assert {key: it.remote_as for key, it in found.items()} == {
        "192.0.2.1": 65_011,
        "192.0.2.5": 65_500,
    }
    assert state.whole(Stream.RECEIVED) == {}
