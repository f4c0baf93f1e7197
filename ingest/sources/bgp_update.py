"""A BGP UPDATE: which routes came, which went, and what is said of those that came."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from ingest.sources.bgp_attributes import PathAttributes, decode_attributes
from ingest.sources.bgp_octets import Malformed, Octets

_IPV4, _IPV6 = 1, 2
_UNICAST = 1
IPV4_UNICAST = (_IPV4, _UNICAST)
IPV6_UNICAST = (_IPV6, _UNICAST)

_MOST_CHARACTERS = 32 << 20
"""An UPDATE of 4,096 octets, the longest without RFC 8654, cannot come to a tenth of it."""

Family = tuple[int, int]
"""(AFI, SAFI)."""
AnyPrefix = IPv4Network | IPv6Network
AnyAddress = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Nlri:
    """One route of a message; the path id of one without add-path (RFC 7911) is 0."""

    prefix: AnyPrefix
    path_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a message changes in a table of routes.

    Attributes:
        announced: Routes that came.
        withdrawn: Routes that went; those of a damaged message too.
        next_hop: Where what was announced leads; the global address, of the two IPv6 may have.
        attributes: What is said of the announced.
        end_of_rib: The family of which everything is told (RFC 4724).
        other_families: Families of which the message has routes that nobody here reads.
        fault: What was damaged, where that made announced routes withdrawn (RFC 7606).
    """

    announced: tuple[Nlri, ...]
    withdrawn: tuple[Nlri, ...]
    next_hop: AnyAddress | None
    attributes: PathAttributes
    end_of_rib: Family | None = None
    other_families: tuple[Family, ...] = ()
    fault: str = ""


def decode_update(
    body: bytes, *, as_octets: int = 4, with_path_ids: frozenset[Family] = frozenset()
) -> Update:
    """What the body of an UPDATE says (RFC 4271 section 4.3), damage as RFC 7606 wants it.

    Args:
        body: Of the message, without its 19 octets of header.
        as_octets: 2 or 4: the width of an AS number in AS_PATH.
        with_path_ids: Families whose routes carry a path id.

    Raises:
        Malformed: The routes themselves cannot be told; BGP resets the session for it.
    """
    octets = Octets(body)
    withdrawn = octets.take(octets.two())
    attributes = decode_attributes(octets.take(octets.two()), as_octets=as_octets)
    has_ids = IPV4_UNICAST in with_path_ids
    reach = _reach(attributes.mp_reach, with_path_ids)
    unreach = _unreach(attributes.mp_unreach, with_path_ids)
    came = _nlri(octets.rest(), _IPV4, has_ids=has_ids)
    went = (*_nlri(withdrawn, _IPV4, has_ids=has_ids), *unreach.routes)
    announced = (*came, *reach.routes)
    fault = (
        attributes.fault
        or _lack(attributes, bool(came), bool(reach.routes))
        or _excess(attributes, len(announced))
    )
    return Update(
        announced=() if fault else announced,
        withdrawn=(*went, *announced) if fault else went,
        # RFC 4760 section 3: NEXT_HOP is of the routes at the end of the message only.
        next_hop=attributes.next_hop if came else reach.next_hop,
        attributes=attributes,
        end_of_rib=_end_of_rib(body, attributes, unreach),
        other_families=tuple(it.family for it in (reach, unreach) if it.is_other),
        fault=fault,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """What MP_REACH_NLRI or MP_UNREACH_NLRI holds."""

    family: Family = IPV4_UNICAST
    routes: tuple[Nlri, ...] = ()
    next_hop: AnyAddress | None = None
    is_other: bool = False


_NOTHING = _Part()


def _reach(body: bytes | None, with_path_ids: frozenset[Family]) -> _Part:
    if body is None:
        return _NOTHING
    octets = Octets(body)
    family = octets.two(), octets.one()
    hop = octets.take(octets.one())
    octets.take(1)
    if family not in {IPV4_UNICAST, IPV6_UNICAST}:
        return _Part(family=family, is_other=True)
    routes = _nlri(octets.rest(), family[0], has_ids=family in with_path_ids)
    return _Part(family=family, routes=routes, next_hop=_next_hop(hop))


def _unreach(body: bytes | None, with_path_ids: frozenset[Family]) -> _Part:
    if body is None:
        return _NOTHING
    octets = Octets(body)
    family = octets.two(), octets.one()
    if family not in {IPV4_UNICAST, IPV6_UNICAST}:
        return _Part(family=family, is_other=octets.left > 0)
    return _Part(
        family=family, routes=_nlri(octets.rest(), family[0], has_ids=family in with_path_ids)
    )


def _next_hop(raw: bytes) -> AnyAddress:
    match len(raw):
        case 4:
            return IPv4Address(raw)
        case 16 | 32:
            return IPv6Address(raw[:16])
        case other:
            raise Malformed(f"a next hop of {other} octets")


def _lack(attributes: PathAttributes, has_routes: bool, has_reach: bool) -> str:  # noqa: FBT001
    """What must be there and is not (RFC 7606 section 3 d)."""
    if not (has_routes or has_reach):
        return ""
    for name, value in (("ORIGIN", attributes.origin), ("AS_PATH", attributes.as_path)):
        if value is None:
            return f"{name} is missing"
    return "NEXT_HOP is missing" if has_routes and attributes.next_hop is None else ""


def _excess(attributes: PathAttributes, routes: int) -> str:
    """What would grow too large where it is said of each route: a message of 64 KB, to a GB."""
    characters = len(attributes.as_path or "") + sum(map(len, attributes.communities))
    if characters * routes <= _MOST_CHARACTERS:
        return ""
    return f"{characters} characters of attributes for each of {routes} routes"


def _end_of_rib(body: bytes, attributes: PathAttributes, unreach: _Part) -> Family | None:
    """RFC 4724 section 2: an empty UPDATE, or one with an empty MP_UNREACH_NLRI alone."""
    if body == b"\0\0\0\0":
        return IPV4_UNICAST
    raw = attributes.mp_unreach
    is_alone = raw is not None and len(raw) == 3 and len(body) in {4 + 6, 4 + 7}
    return unreach.family if is_alone else None


def _nlri(raw: bytes, afi: int, *, has_ids: bool) -> tuple[Nlri, ...]:
    octets, found = Octets(raw), list[Nlri]()
    longest = 32 if afi == _IPV4 else 128
    while octets.left:
        path_id = octets.four() if has_ids else 0
        length = octets.one()
        if length > longest:
            raise Malformed(f"a prefix of {length} bits")
        found.append(Nlri(_prefix(afi, length, octets.take((length + 7) // 8)), path_id))
    return tuple(found)


@lru_cache(maxsize=65_536)
def _prefix(afi: int, length: int, raw: bytes) -> AnyPrefix:
    """The prefix; bits beyond its length mean nothing (RFC 4271 section 4.3)."""
    if afi == _IPV4:
        return IPv4Network((raw.ljust(4, b"\0"), length), strict=False)
    return IPv6Network((raw.ljust(16, b"\0"), length), strict=False)
