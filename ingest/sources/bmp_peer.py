"""The per-peer header of a BMP message: whose routes it speaks of, and from which table."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from struct import Struct

from ingest.sources.bgp_octets import Octets

_HEADER = Struct(">BBQ16sI4sII")
_IS_IPV6, _IS_POST_POLICY, _HAS_SHORT_AS, _IS_OUT = 0x80, 0x40, 0x20, 0x10


class PeerKind(StrEnum):
    """Which table of the router a peer header speaks of."""

    GLOBAL = "global"
    VRF = "vrf"
    LOCAL = "local"
    LOC_RIB = "loc-rib"
    UNKNOWN = "unknown"


_KINDS = dict(enumerate((PeerKind.GLOBAL, PeerKind.VRF, PeerKind.LOCAL, PeerKind.LOC_RIB)))


class Table(StrEnum):
    """Which of a peer's tables a route stands in."""

    PRE_POLICY = "pre-policy"
    POST_POLICY = "post-policy"
    ADJ_RIB_OUT = "adj-rib-out"
    LOC_RIB = "loc-rib"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The per-peer header (RFC 7854 section 4.2).

    Attributes:
        distinguisher: Tells VRFs apart.
        address: None for the Loc-RIB, which has no peer.
        as_octets: Width of AS numbers in the AS_PATHs that follow.
        at_ns: By the router's clock; 0 where it does not say.
    """

    kind: PeerKind
    distinguisher: int
    address: IPv4Address | IPv6Address | None
    as_number: int
    router_id: IPv4Address
    table: Table
    as_octets: int
    at_ns: int

    @property
    def key(self) -> tuple[PeerKind, int, IPv4Address | IPv6Address | None]:
        """What tells this peer from the router's others."""
        return self.kind, self.distinguisher, self.address

    @property
    def is_loc_rib(self) -> bool:
        """Whether it speaks of what the router itself chose, in its global table."""
        return self.kind is PeerKind.LOC_RIB and not self.distinguisher

    @property
    def neighbor(self) -> IPv4Address | None:
        """The peer, if its session and routes are such as the vocabulary holds."""
        if self.kind is PeerKind.GLOBAL and isinstance(self.address, IPv4Address):
            return self.address
        return None

    @property
    def species(self) -> str:
        """What kind of peer it is: few words, to count by."""
        if self.kind is PeerKind.GLOBAL:
            return "IPv4" if isinstance(self.address, IPv4Address) else "IPv6"
        return str(self.kind)


def decode_peer(octets: Octets) -> Peer:
    """The header that comes next (RFC 7854 section 4.2, RFC 8671 section 4, RFC 9069 section 4).

    Raises:
        Malformed: The message ends within it.
    """
    kind_number, flags, distinguisher, address, as_number, router_id, seconds, micros = (
        _HEADER.unpack(octets.take(_HEADER.size))
    )
    kind = _KINDS.get(kind_number, PeerKind.UNKNOWN)
    is_loc_rib = kind is PeerKind.LOC_RIB
    # The flags of the Loc-RIB are others: the first of them means "filtered".
    return Peer(
        kind=kind,
        distinguisher=distinguisher,
        address=None if is_loc_rib else _address(address, is_ipv6=bool(flags & _IS_IPV6)),
        as_number=as_number,
        router_id=IPv4Address(router_id),
        table=Table.LOC_RIB if is_loc_rib else _table(flags),
        as_octets=2 if flags & _HAS_SHORT_AS and not is_loc_rib else 4,
        at_ns=seconds * 1_000_000_000 + min(micros, 999_999) * 1_000,
    )


def _address(raw: bytes, *, is_ipv6: bool) -> IPv4Address | IPv6Address:
    return IPv6Address(raw) if is_ipv6 else IPv4Address(raw[12:])


def _table(flags: int) -> Table:
    if flags & _IS_OUT:
        return Table.ADJ_RIB_OUT
    return Table.POST_POLICY if flags & _IS_POST_POLICY else Table.PRE_POLICY
