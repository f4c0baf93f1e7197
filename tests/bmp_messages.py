"""BMP and BGP messages made by hand, octet for octet as RFC 7854 and RFC 4271 want them."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network
from struct import pack

MARKER = b"\xff" * 16
PEER = "192.0.2.2"
LOCAL_AS, PEER_AS = 65_001, 65_002
SENT_S = 1_773_248_400
"""2026-03-11 17:00 UTC."""

IPV4_UNICAST = pack(">HBB", 1, 0, 1)
END_OF_RIB = b"\0\0\0\0"


def bmp(kind: int, body: bytes) -> bytes:
    """A message in its frame."""
    return pack(">BIB", 3, len(body) + 6, kind) + body


def tlv(kind: int, value: bytes) -> bytes:
    """A piece of information."""
    return pack(">HH", kind, len(value)) + value


def initiation(name: str = "R1", description: str = "a router") -> bytes:
    """Who the router is."""
    return bmp(4, tlv(1, description.encode()) + tlv(2, name.encode()))


def termination(reason: int = 0) -> bytes:
    """The router ends the session."""
    return bmp(5, tlv(1, pack(">H", reason)))


def peer_header(
    *,
    peer: str = PEER,
    peer_as: int = PEER_AS,
    kind: int = 0,
    flags: int = 0,
    distinguisher: int = 0,
    at_s: int = SENT_S,
) -> bytes:
    """The per-peer header."""
    address = bytes(12) + IPv4Address(peer).packed
    router_id = IPv4Address(peer).packed
    return pack(
        ">BBQ16sI4sII", kind, flags, distinguisher, address, peer_as, router_id, at_s, 250_000
    )


def loc_rib_header() -> bytes:
    """The header of the Loc-RIB (RFC 9069)."""
    return peer_header(peer="0.0.0.0", peer_as=LOCAL_AS, kind=3)


def bgp(kind: int, body: bytes) -> bytes:
    """A BGP message."""
    return MARKER + pack(">HB", len(body) + 19, kind) + body


def capability(code: int, value: bytes) -> bytes:
    """One capability of an OPEN."""
    return pack(">BB", code, len(value)) + value


def open_message(as_number: int, *, add_path: int = 0, families: bytes = IPV4_UNICAST) -> bytes:
    """An OPEN: four-octet AS numbers, IPv4 unicast, and a way with path ids."""
    capabilities = capability(1, families) + capability(65, pack(">I", as_number))
    if add_path:
        capabilities += capability(69, pack(">HBB", 1, 1, add_path))
    parameters = pack(">BB", 2, len(capabilities)) + capabilities
    body = pack(">BHH4sB", 4, 23_456, 180, IPv4Address("192.0.2.1").packed, len(parameters))
    return bgp(1, body + parameters)


def peer_up(
    header: bytes | None = None, *, peer_as: int = PEER_AS, we_add: int = 0, they_add: int = 0
) -> bytes:
    """A session came up."""
    sent = open_message(LOCAL_AS, add_path=we_add)
    received = open_message(peer_as, add_path=they_add)
    ends = bytes(16) + pack(">HH", 179, 40_000)
    return bmp(3, (header or peer_header(peer_as=peer_as)) + ends + sent + received)


def peer_down(header: bytes | None = None, *, reason: int = 3, data: bytes | None = None) -> bytes:
    """A session went down; the peer's NOTIFICATION (6/4) by default."""
    said = bgp(3, b"\x06\x04") if data is None else data
    return bmp(2, (header or peer_header()) + bytes([reason]) + said)


def attribute(flags: int, code: int, value: bytes) -> bytes:
    """One path attribute."""
    if len(value) > 255:
        return pack(">BBH", flags | 0x10, code, len(value)) + value
    return pack(">BBB", flags, code, len(value)) + value


def as_path(*numbers: int) -> bytes:
    """AS_PATH of one sequence."""
    return attribute(0x40, 2, pack(f">BB{len(numbers)}I", 2, len(numbers), *numbers))


def attributes(
    *numbers: int, origin: int = 0, next_hop: str = PEER, more: Iterable[bytes] = ()
) -> bytes:
    """The mandatory attributes, and more."""
    path = numbers or (PEER_AS,)
    hop = attribute(0x40, 3, IPv4Address(next_hop).packed)
    return attribute(0x40, 1, bytes([origin])) + as_path(*path) + hop + b"".join(more)


def nlri(*prefixes: str, path_id: int | None = None) -> bytes:
    """Prefixes as BGP writes them."""
    return b"".join(
        (b"" if path_id is None else pack(">I", path_id))
        + bytes([network.prefixlen])
        + network.network_address.packed[: (network.prefixlen + 7) // 8]
        for network in map(IPv4Network, prefixes)
    )


def update(said: bytes = b"", announced: bytes = b"", withdrawn: bytes = b"") -> bytes:
    """The body of an UPDATE."""
    return pack(">H", len(withdrawn)) + withdrawn + pack(">H", len(said)) + said + announced


def routes(body: bytes, header: bytes | None = None) -> bytes:
    """Routes of a peer."""
    return bmp(0, (header or peer_header()) + bgp(2, body))


def announcing(*prefixes: str, header: bytes | None = None) -> bytes:
    """A peer announces prefixes."""
    return routes(update(attributes(), nlri(*prefixes)), header)


def withdrawing(*prefixes: str, header: bytes | None = None) -> bytes:
    """A peer withdraws prefixes."""
    return routes(update(withdrawn=nlri(*prefixes)), header)


def end_of_rib(header: bytes | None = None) -> bytes:
    """A peer's table is told."""
    return routes(END_OF_RIB, header)


def statistics() -> bytes:
    """What the router counts of a peer."""
    return bmp(1, peer_header() + pack(">I", 1) + tlv(7, pack(">Q", 2)))


def mirroring() -> bytes:
    """A copy of what a peer sent."""
    return bmp(6, peer_header() + tlv(0, bgp(2, END_OF_RIB)))
