"""What is put on a lab router, as values, and its text in FRR's own words.

The routers of our AS are rendered from a `RouterPlan`, the border routers of other networks from a
`PeerPlan`. Rendering is strict and deterministic: the same plan gives the same bytes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from math import ceil
from pathlib import Path

import jinja2

from foreshadow.routing_design import Bfd, BgpTimers, Hello, Igp, IsisLevel, Throttle
from foreshadow.topology import NodeId, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One interface of a router; without `cost` it does not run the IGP."""

    interface: str
    address: IPv4Interface
    description: str
    bandwidth_mbps: int | None = None
    cost: int | None = None
    address6: IPv6Interface | None = None
    hello: Hello = field(default_factory=Hello)
    bfd: Bfd | None = None
    circuit: str = ""
    """IS-IS circuit type where it is narrower than the router's: `level-1`, `level-2-only`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InternalNeighbor:
    """An iBGP neighbor.

    Attributes:
        is_client: We reflect routes to it (RFC 4456).
        is_behind_us: A level 1 router of our area, to which others do not know the way: we put
            ourselves as next hop of its routes.
    """

    name: NodeId
    loopback: IPv4Address
    loopback6: IPv6Address | None = None
    is_client: bool = False
    is_behind_us: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSession:
    """An eBGP session of a border router of ours."""

    name: NodeId
    address: IPv4Address
    """The peer's."""
    remote_as: int
    local_preference: int
    address6: IPv6Address | None = None
    bfd: Bfd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsisPlan:
    """A router's part in IS-IS."""

    net: str
    level: IsisLevel = IsisLevel.TWO


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPlan:
    """One router of our own AS."""

    name: NodeId
    autonomous_system: int
    loopback: IPv4Address
    site: Prefix
    sites: tuple[Prefix, ...]
    """Every site prefix of the AS: what may be announced to peers."""
    ports: tuple[Port, ...]
    neighbors: tuple[InternalNeighbor, ...]
    sessions: tuple[ExternalSession, ...] = ()
    cluster_id: IPv4Address | None = None
    igp: Igp = Igp.OSPF
    isis: IsisPlan | None = None
    loopback6: IPv6Address | None = None
    """With it the router is dual stack, and so are its ports, its neighbors and its sessions."""
    site6: IPv6Network | None = None
    sites6: tuple[IPv6Network, ...] = ()
    throttle: Throttle = field(default_factory=Throttle)
    bgp: BgpTimers = field(default_factory=BgpTimers)
    ecmp: int | None = None

    def behind_us(self) -> tuple[InternalNeighbor, ...]:
        """The neighbors that only we and our area know the way to."""
        return tuple(neighbor for neighbor in self.neighbors if neighbor.is_behind_us)

    def bfd_profiles(self) -> tuple[Bfd, ...]:
        """The different BFD timings of the router, fastest first."""
        return _profiles((*(it.bfd for it in self.ports), *(it.bfd for it in self.sessions)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """A prefix a peer announces, with the attributes it sends."""

    prefix: Prefix
    as_path_beyond: tuple[int, ...] = ()
    """AS numbers behind the peer's own."""
    med: int | None = None
    communities: tuple[str, ...] = ()
    origin: str = "igp"
    """`igp`, `egp` or `incomplete`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSession:
    """One session of a peer's border router, from its side."""

    interface: str
    address: IPv4Interface
    neighbor: IPv4Address
    neighbor_as: int
    address6: IPv6Interface | None = None
    neighbor6: IPv6Address | None = None
    bfd: Bfd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerPlan:
    """A border router of another AS."""

    name: NodeId
    autonomous_system: int
    router_id: IPv4Address
    sessions: tuple[PeerSession, ...]
    announcements: tuple[Announcement, ...]
    announcements6: tuple[IPv6Network, ...] = ()
    bgp: BgpTimers = field(default_factory=BgpTimers)

    def bfd_profiles(self) -> tuple[Bfd, ...]:
        """The different BFD timings of its sessions, fastest first."""
        return _profiles(it.bfd for it in self.sessions)


def router_config(plan: RouterPlan) -> str:
    """The whole configuration of a router of ours."""
    return _render("router.conf.j2", router=plan)


def peer_config(plan: PeerPlan) -> str:
    """The whole configuration of a peer's border router."""
    return _render("peer.conf.j2", peer=plan)


def _profiles(timings: Iterable[Bfd | None]) -> tuple[Bfd, ...]:
    wanted = {it for it in timings if it is not None}
    return tuple(sorted(wanted, key=lambda bfd: (bfd.interval_ms, bfd.multiplier)))


def _render(template: str, **plan: RouterPlan | PeerPlan) -> str:
    return _TEMPLATES.get_template(template).render(**plan)


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 - router configuration, not HTML; inputs are typed values.
)
_TEMPLATES.filters["bfd_profile"] = lambda bfd: f"every{bfd.interval_ms}ms-x{bfd.multiplier}"
_TEMPLATES.filters["hello_multiplier"] = lambda hello: ceil(hello.dead_s / hello.interval_s)
