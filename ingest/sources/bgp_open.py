"""A BGP OPEN and what two of them agree on, and why a NOTIFICATION ended a session."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from types import MappingProxyType

from ingest.sources.bgp_octets import Malformed, Octets
from ingest.sources.bgp_update import IPV4_UNICAST, Family

_MULTIPROTOCOL, _FOUR_OCTET_AS, _ADD_PATH = 1, 65, 69
_CAPABILITIES, _EXTENDED_LENGTH = 2, 255
_RECEIVES, _SENDS = 1, 2

_CODES = {
    1: "message header error",
    2: "OPEN message error",
    3: "UPDATE message error",
    4: "hold timer expired",
    5: "state machine error",
    6: "cease",
    7: "ROUTE-REFRESH message error",
}
_CEASE = {
    1: "maximum number of prefixes reached",
    2: "administrative shutdown",
    3: "peer de-configured",
    4: "administrative reset",
    5: "connection rejected",
    6: "other configuration change",
    7: "connection collision resolution",
    8: "out of resources",
    9: "hard reset",
    10: "BFD down",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """One side of a session as it introduced itself.

    Attributes:
        families: What it speaks; IPv4 unicast where it does not say.
        add_path: What it does with path ids, by family: 1 receives, 2 sends, 3 both (RFC 7911).
    """

    as_number: int
    router_id: IPv4Address
    families: frozenset[Family] = frozenset({IPV4_UNICAST})
    add_path: Mapping[Family, int] = field(default_factory=lambda: MappingProxyType({}))


def decode_open(body: bytes) -> Open:
    """What the body of an OPEN says (RFC 4271 section 4.2, RFC 5492, RFC 9072).

    Raises:
        Malformed: It is none.
    """
    octets = Octets(body)
    if (version := octets.one()) != 4:
        raise Malformed(f"BGP version 4 expected, found {version}")
    as_number = octets.two()
    octets.two()
    router_id = IPv4Address(octets.take(4))
    families, add_path = set[Family](), dict[Family, int]()
    for code, value in _capabilities(octets):
        match code:
            case 1 if value.left >= 4:
                families.add((value.two(), value.take(2)[1]))
            case 65:
                as_number = value.four()
            case 69:
                while value.left >= 4:
                    family = value.two(), value.one()
                    add_path[family] = value.one()
            case _:
                pass
    return Open(
        as_number=as_number,
        router_id=router_id,
        families=frozenset(families) or frozenset({IPV4_UNICAST}),
        add_path=MappingProxyType(add_path),
    )


def families_of(sent: Open, received: Open) -> frozenset[Family]:
    """The families of a session: what both sides speak."""
    return sent.families & received.families


def path_ids_from_peer(sent: Open, received: Open) -> frozenset[Family]:
    """Families whose routes come with a path id: the peer sends it and we receive it."""
    return frozenset(
        family
        for family, mode in received.add_path.items()
        if mode & _SENDS and sent.add_path.get(family, 0) & _RECEIVES
    )


def why_notified(body: bytes) -> str:
    """What the body of a NOTIFICATION says, for people; its free text is of the peer's making."""
    if len(body) < 2:
        return "NOTIFICATION without a code"
    code, subcode = body[0], body[1]
    detail = _CEASE.get(subcode) if code == 6 else None
    return f"NOTIFICATION {code}/{subcode} ({detail or _CODES.get(code, 'unknown')})"


def _capabilities(octets: Octets) -> list[tuple[int, Octets]]:
    """Every capability of every optional parameter."""
    parameters, is_extended = _parameters(octets)
    found: list[tuple[int, Octets]] = []
    while parameters.left:
        kind = parameters.one()
        body = Octets(parameters.take(parameters.two() if is_extended else parameters.one()))
        while kind == _CAPABILITIES and body.left:
            code = body.one()
            found.append((code, Octets(body.take(body.one()))))
    return found


def _parameters(octets: Octets) -> tuple[Octets, bool]:
    """The optional parameters, and whether their lengths have two octets (RFC 9072)."""
    length, body = octets.one(), octets.rest()
    if length and body[:1] == bytes([_EXTENDED_LENGTH]):
        extended = Octets(body[1:])
        return Octets(extended.take(extended.two())), True
    return Octets(Octets(body).take(length)), False
