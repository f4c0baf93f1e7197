"""BMP messages as values, and where each ends (RFC 7854, RFC 8671, RFC 9069)."""

from collections.abc import Callable
from dataclasses import dataclass
from struct import Struct

from ingest.sources.bgp_octets import Malformed, Octets
from ingest.sources.bgp_open import Open, decode_open, why_notified
from ingest.sources.bmp_peer import Peer, decode_peer

HEADER_OCTETS = 6
LARGEST_MESSAGE_OCTETS = 1 << 20
"""A Peer Up holds two OPENs of 64 KB and some text at the most; nothing honest is longer."""
_VERSION = 3
_BGP_HEADER_OCTETS = 19
_BGP_MARKER = b"\xff" * 16
_OPEN, _UPDATE, _NOTIFICATION = 1, 2, 3
_LONGEST_TEXT = 255

_HEAD = Struct(">BIB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Initiation:
    """Who the router is; the first message of a session."""

    system_name: str = ""
    system_description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """The router ends the session."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerUp:
    """A session was established, or was so when the router began to tell."""

    peer: Peer
    sent: Open
    received: Open


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerDown:
    """A session ended.

    Attributes:
        is_removed: It is not configured any more, or not told of any more.
    """

    peer: Peer
    reason: str
    is_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMonitoring:
    """Routes of a peer.

    Attributes:
        update: The body of a BGP UPDATE.
    """

    peer: Peer
    update: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What the router counts of a peer; nobody here needs it."""

    peer: Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirroring:
    """A copy of what a peer sent, as it came; nobody here needs it."""

    peer: Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMessage:
    """A type that was defined after this was written; RFC 7854 section 4.1 lets it pass."""

    kind: int


Message = (
    Initiation
    | Termination
    | PeerUp
    | PeerDown
    | RouteMonitoring
    | Statistics
    | Mirroring
    | UnknownMessage
)

_TERMINATIONS = {
    0: "administratively closed",
    1: "unspecified",
    2: "out of resources",
    3: "redundant connection",
    4: "permanently administratively closed",
}


def length_of(head: bytes | bytearray) -> int:
    """How long the message is that begins with these `HEADER_OCTETS` octets.

    Raises:
        Malformed: No BMP message begins so, or none that long is taken.
    """
    version, length, _ = _HEAD.unpack_from(head)
    if version != _VERSION:
        raise Malformed(f"BMP version 3 expected, found {version}")
    if not HEADER_OCTETS <= length <= LARGEST_MESSAGE_OCTETS:
        raise Malformed(
            f"a message of {HEADER_OCTETS} to {LARGEST_MESSAGE_OCTETS} octets expected,"
            f" found {length}"
        )
    return int(length)


def decode_message(raw: bytes) -> Message:
    """What one whole message says.

    Raises:
        Malformed: It is none, or is damaged.
    """
    if len(raw) < HEADER_OCTETS:
        raise Malformed(f"a message of {HEADER_OCTETS} octets or more expected, found {len(raw)}")
    if (length := length_of(raw)) != len(raw):
        raise Malformed(f"the message says it is {length} octets long, and is {len(raw)}")
    reader = _READERS.get(raw[5])
    return UnknownMessage(kind=raw[5]) if reader is None else reader(Octets(raw[HEADER_OCTETS:]))


def _routes(octets: Octets) -> RouteMonitoring:
    return RouteMonitoring(peer=decode_peer(octets), update=_bgp(octets, _UPDATE))


def _statistics(octets: Octets) -> Statistics:
    return Statistics(peer=decode_peer(octets))


def _mirroring(octets: Octets) -> Mirroring:
    return Mirroring(peer=decode_peer(octets))


def _initiation(octets: Octets) -> Initiation:
    said = _information(octets)
    return Initiation(
        system_name=_text(said.get(2, b"")), system_description=_text(said.get(1, b""))
    )


def _bgp(octets: Octets, kind: int) -> bytes:
    """The body of the BGP message that comes next."""
    if octets.take(16) != _BGP_MARKER:
        raise Malformed("no BGP message: its marker is missing")
    length, found = octets.two(), octets.one()
    if found != kind:
        raise Malformed(f"a BGP message of type {kind} expected, found {found}")
    if length < _BGP_HEADER_OCTETS:
        raise Malformed(f"a BGP message says it is {length} octets long")
    return octets.take(length - _BGP_HEADER_OCTETS)


def _peer_up(octets: Octets) -> PeerUp:
    peer = decode_peer(octets)
    octets.take(20)  # Our end of the session: address and both ports.
    sent, received = decode_open(_bgp(octets, _OPEN)), decode_open(_bgp(octets, _OPEN))
    return PeerUp(peer=peer, sent=sent, received=received)


def _peer_down(octets: Octets) -> PeerDown:
    peer, code = decode_peer(octets), octets.one()
    match code:
        case 1:
            reason = f"closed by the router, {why_notified(_bgp(octets, _NOTIFICATION))}"
        case 2:
            reason = f"closed by the router, event {octets.two()} of its state machine"
        case 3:
            reason = f"closed by the peer, {why_notified(_bgp(octets, _NOTIFICATION))}"
        case 4:
            reason = "closed by the peer without a NOTIFICATION"
        case 5:
            reason = "not monitored or not configured any more"
        case 6:
            reason = "the table is not told of any more"
        case other:
            reason = f"reason {other}"
    return PeerDown(peer=peer, reason=f"{reason} (BMP reason {code})", is_removed=code in {5, 6})


def _termination(octets: Octets) -> Termination:
    said = _information(octets)
    code = int.from_bytes(said[1][:2]) if 1 in said else None
    reason = "no reason given" if code is None else _TERMINATIONS.get(code, f"reason {code}")
    text = _text(said.get(0, b""))
    return Termination(reason=f"{reason}: {text}" if text else reason)


def _information(octets: Octets) -> dict[int, bytes]:
    """The TLVs that are left, by type; of one that stands there twice, the last."""
    found: dict[int, bytes] = {}
    while octets.left:
        kind = octets.two()
        found[kind] = octets.take(octets.two())
    return found


def _text(raw: bytes) -> str:
    """Text of the router, with nothing in it that a terminal would obey."""
    text = raw.decode(errors="replace")[:_LONGEST_TEXT]
    return "".join(each if each.isprintable() else " " for each in text).strip()


_READERS: dict[int, Callable[[Octets], Message]] = {
    0: _routes,
    1: _statistics,
    2: _peer_down,
    3: _peer_up,
    4: _initiation,
    5: _termination,
    6: _mirroring,
}
