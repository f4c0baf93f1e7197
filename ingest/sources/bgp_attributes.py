"""The path attributes of a BGP UPDATE, and which damage costs the routes (RFC 4271, RFC 7606).

No package does this for us: exabgp's decoder is the one that is maintained, and one attribute of
64 KB of communities holds it for 9.6 s; pybgpkit-parser reads files of MRT only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address
from struct import iter_unpack
from typing import Any

from ingest.sources.bgp_octets import Malformed, Octets

_ORIGINS = ("IGP", "EGP", "incomplete")

_OPTIONAL, _TRANSITIVE, _EXTENDED = 0x80, 0x40, 0x10

_ORIGIN, _AS_PATH, _NEXT_HOP, _MED, _LOCAL_PREF = 1, 2, 3, 4, 5
_COMMUNITIES, _EXTENDED_COMMUNITIES, _AS4_PATH, _LARGE_COMMUNITIES = 8, 16, 17, 32
MP_REACH, MP_UNREACH = 14, 15
_BROKEN_OFF = 0

_WELL_KNOWN_COMMUNITIES = {
    0xFFFF_0000: "graceful-shutdown",
    0xFFFF_0001: "accept-own",
    0xFFFF_0002: "route-filter-translated-v4",
    0xFFFF_0003: "route-filter-v4",
    0xFFFF_0004: "route-filter-translated-v6",
    0xFFFF_0005: "route-filter-v6",
    0xFFFF_0006: "llgr-stale",
    0xFFFF_0007: "no-llgr",
    0xFFFF_0008: "accept-own-nexthop",
    0xFFFF_029A: "blackhole",
    0xFFFF_FF01: "no-export",
    0xFFFF_FF02: "no-advertise",
    0xFFFF_FF03: "local-AS",
    0xFFFF_FF04: "no-peer",
}
"""As FRR's CLI prints them."""

_SEGMENTS = {1: ("{", ",", "}"), 2: ("", " ", ""), 3: ("(", " ", ")"), 4: ("[", ",", "]")}
"""How a segment of an AS path is printed: AS_SET, AS_SEQUENCE, and the two of a confederation."""
_CONFEDERATION = {3, 4}

_Segment = tuple[int, tuple[int, ...]]
_LONGEST_REMEMBERED = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class PathAttributes:
    """What an UPDATE says about all its routes; None where it does not say.

    Attributes:
        mp_reach: The body of MP_REACH_NLRI (RFC 4760).
        mp_unreach: The body of MP_UNREACH_NLRI.
        fault: Why the routes count as withdrawn (RFC 7606); empty where all is well.
    """

    origin: str | None = None
    as_path: str | None = None
    next_hop: IPv4Address | None = None
    med: int | None = None
    local_preference: int | None = None
    communities: tuple[str, ...] = ()
    large_communities: tuple[str, ...] = ()
    mp_reach: bytes | None = None
    mp_unreach: bytes | None = None
    fault: str = ""


def decode_attributes(raw: bytes, *, as_octets: int) -> PathAttributes:
    """What a list of path attributes says.

    Args:
        raw: The attributes, without their total length.
        as_octets: 2 or 4: the width of an AS number in AS_PATH.

    Raises:
        Malformed: So badly damaged that the routes themselves cannot be told.
    """
    if len(raw) <= _LONGEST_REMEMBERED:
        return _remembered(raw, as_octets)
    return _decoded(raw, as_octets)


@lru_cache(maxsize=4_096)
def _remembered(raw: bytes, as_octets: int) -> PathAttributes:
    """Peers send the same attributes again and again."""
    return _decoded(raw, as_octets)


def _decoded(raw: bytes, as_octets: int) -> PathAttributes:
    said, fault = dict[int, Any](), ""
    for code, flags, body in _listed(raw):
        try:
            said[code] = _read(code, flags, body, as_octets)
        except Malformed as error:
            # RFC 6793 section 6: a damaged AS4_PATH is discarded, the routes stay.
            if code != _AS4_PATH:
                fault = fault or f"{_NAMES.get(code, 'the list of attributes')}: {error}"
    path = said.get(_AS_PATH)
    return PathAttributes(
        origin=said.get(_ORIGIN),
        as_path=None if path is None else _printed(_with_as4(path, said.get(_AS4_PATH) or ())),
        next_hop=said.get(_NEXT_HOP),
        med=said.get(_MED),
        local_preference=said.get(_LOCAL_PREF),
        communities=said.get(_COMMUNITIES, ()),
        large_communities=said.get(_LARGE_COMMUNITIES, ()),
        mp_reach=said.get(MP_REACH),
        mp_unreach=said.get(MP_UNREACH),
        fault=fault,
    )


def _listed(raw: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Code, flags and body of each attribute; a list that ends within one ends with code 0.

    Raises:
        Malformed: The routes stand there twice: RFC 7606 section 3 g resets the session.
    """
    octets, seen = Octets(raw), set[int]()
    while octets.left:
        try:
            flags, code = octets.one(), octets.one()
            body = octets.take(octets.two() if flags & _EXTENDED else octets.one())
        except Malformed:
            yield _BROKEN_OFF, 0, b""
            return
        if code not in seen:
            seen.add(code)
            yield code, flags, body
        elif code in {MP_REACH, MP_UNREACH}:
            raise Malformed(f"attribute {code} stands there twice")


def _read(code: int, flags: int, body: bytes, as_octets: int) -> object:
    """What one attribute says; None of those that mean nothing to us."""
    if code == _BROKEN_OFF:
        raise Malformed("it ends within an attribute")
    if code in {MP_REACH, MP_UNREACH}:
        return body
    if code not in _READERS:
        return None
    wanted, read = _READERS[code]
    if flags & (_OPTIONAL | _TRANSITIVE) != wanted:
        raise Malformed(f"flags {flags:#04x}")
    return read(body, as_octets)


def _origin(body: bytes, _: int) -> str:
    if len(body) != 1 or body[0] >= len(_ORIGINS):
        raise Malformed(f"0, 1 or 2 expected, found {body[:8].hex()}")
    return _ORIGINS[body[0]]


def _as4_path(body: bytes, as_octets: int) -> tuple[_Segment, ...]:
    if as_octets == 4:
        return ()
    return tuple(each for each in _segments(body, 4) if each[0] not in _CONFEDERATION)


def _address(body: bytes, _: int) -> IPv4Address:
    return IPv4Address(_of_length(body, 4))


def _number(body: bytes, _: int) -> int:
    return int.from_bytes(_of_length(body, 4))


def _communities(body: bytes, _: int) -> tuple[str, ...]:
    numbers = {number for (number,) in iter_unpack(">I", _of_multiple(body, 4))}
    return tuple(sorted(map(_community, numbers)))


def _large_communities(body: bytes, _: int) -> tuple[str, ...]:
    triples = set(iter_unpack(">III", _of_multiple(body, 12)))
    return tuple(":".join(map(str, triple)) for triple in sorted(triples))


def _extended_communities(body: bytes, _: int) -> None:
    _of_multiple(body, 8)


def _of_length(body: bytes, length: int) -> bytes:
    if len(body) != length:
        raise Malformed(f"{length} octets expected, found {len(body)}")
    return body


def _of_multiple(body: bytes, width: int) -> bytes:
    if not body or len(body) % width:
        raise Malformed(f"a multiple of {width} octets expected, found {len(body)}")
    return body


def _community(number: int) -> str:
    return _WELL_KNOWN_COMMUNITIES.get(number) or f"{number >> 16}:{number & 0xFFFF}"


def _segments(body: bytes, as_octets: int) -> tuple[_Segment, ...]:
    octets, found = Octets(body), list[_Segment]()
    while octets.left:
        kind, count = octets.one(), octets.one()
        if kind not in _SEGMENTS or not count:
            raise Malformed(f"no segment: type {kind} of {count} ASes")
        numbers = iter_unpack(">I" if as_octets == 4 else ">H", octets.take(count * as_octets))
        found.append((kind, tuple(number for (number,) in numbers)))
    return tuple(found)


_READERS: dict[int, tuple[int, Callable[[bytes, int], object]]] = {
    _ORIGIN: (_TRANSITIVE, _origin),
    _AS_PATH: (_TRANSITIVE, _segments),
    _NEXT_HOP: (_TRANSITIVE, _address),
    _MED: (_OPTIONAL, _number),
    _LOCAL_PREF: (_TRANSITIVE, _number),
    _COMMUNITIES: (_OPTIONAL | _TRANSITIVE, _communities),
    _EXTENDED_COMMUNITIES: (_OPTIONAL | _TRANSITIVE, _extended_communities),
    _AS4_PATH: (_OPTIONAL | _TRANSITIVE, _as4_path),
    _LARGE_COMMUNITIES: (_OPTIONAL | _TRANSITIVE, _large_communities),
}
_NAMES = {
    _ORIGIN: "ORIGIN",
    _AS_PATH: "AS_PATH",
    _NEXT_HOP: "NEXT_HOP",
    _MED: "MULTI_EXIT_DISC",
    _LOCAL_PREF: "LOCAL_PREF",
    _COMMUNITIES: "COMMUNITIES",
    _EXTENDED_COMMUNITIES: "EXTENDED COMMUNITIES",
    _LARGE_COMMUNITIES: "LARGE_COMMUNITY",
}


def _with_as4(old: tuple[_Segment, ...], new: tuple[_Segment, ...]) -> tuple[_Segment, ...]:
    """The path with AS_TRANS replaced by what AS4_PATH says (RFC 6793 section 4.2.3)."""
    surplus = _length(old) - _length(new)
    if not new or surplus < 0:
        return old
    kept: list[_Segment] = []
    for kind, path in old:
        if kind in _CONFEDERATION:
            kept.append((kind, path))
        elif surplus > 0:
            head = path[:surplus] if kind == 2 else path
            kept.append((kind, head))
            surplus -= len(head) if kind == 2 else 1
    return (*kept, *new)


def _length(segments: tuple[_Segment, ...]) -> int:
    """A set counts as one AS, a confederation as none (RFC 4271 section 9.1.2.2, RFC 5065)."""
    return sum(
        len(path) if kind == 2 else 1 for kind, path in segments if kind not in _CONFEDERATION
    )


def _printed(segments: tuple[_Segment, ...]) -> str:
    """As routers print a path."""
    parts = []
    for kind, path in segments:
        opening, between, closing = _SEGMENTS[kind]
        parts.append(opening + between.join(map(str, path)) + closing)
    return " ".join(parts)
