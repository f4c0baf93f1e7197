"""The network file: how an operator (or the demo) writes a network down.

It describes what a designer decided: routers, links, capacities, costs, what is announced where.
`design()` turns it into addresses and names by fixed rules, so that the same file always gives the
same network.
"""

from collections.abc import Collection, Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

import networkx as nx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from foreshadow.document import parse_document
from foreshadow.routing_design import (
    Bfd,
    BgpTimers,
    Hello,
    Igp,
    IsisArea,
    IsisLevel,
    LinkBfd,
    Throttle,
)
from foreshadow.topology import LinkId

_STRICT = ConfigDict(extra="forbid", frozen=True)
_SHARES_ADD_UP_WITHIN = 1e-6

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]{0,11}$")]
"""A router's name: short enough for `to-NAME` to be an interface (15 characters on Linux)."""


class RouterEntry(BaseModel):
    """One router of our own AS."""

    model_config = _STRICT
    name: Name
    loopback: IPv4Address
    site: IPv4Network = Field(
        description="prefix of the sites behind this router, announced in BGP"
    )
    city: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    route_reflector: bool = False
    roles: tuple[str, ...] = Field(default=(), description="core, edge, border...: for selectors")
    loopback6: IPv6Address | None = Field(default=None, description="by rule from the loopback")
    site6: IPv6Network | None = Field(default=None, description="by rule from the site")
    isis_level: IsisLevel = IsisLevel.TWO
    isis_area: IsisArea = "49.0001"


class LinkEntry(BaseModel):
    """One link between two of our routers."""

    model_config = _STRICT
    a: Name
    b: Name
    capacity_gbps: float = Field(gt=0, le=100_000)
    cost: int = Field(ge=1, le=65_535, description="IGP cost, from a to b where they differ")
    cost_back: int | None = Field(
        default=None, ge=1, le=65_535, description="IGP cost from b to a where it differs"
    )
    delay_ms: float = Field(default=0.0, ge=0, le=10_000, description="one way")
    srlgs: tuple[str, ...] = Field(default=(), description="shared risk link groups (RFC 4202)")
    number: int = Field(
        default=1, ge=1, le=9, description="2, 3... on links parallel to the first, in this order"
    )

    hello: Hello | None = Field(default=None, description="instead of the network's")
    bfd: LinkBfd = Field(default=None, description="instead of the network's; false for none")

    @property
    def id(self) -> LinkId:
        """What the link is called: `A-B`, a parallel one `A-B.2`."""
        return LinkId(f"{self.a}-{self.b}" + (f".{self.number}" if self.number > 1 else ""))

    def interface_to(self, far: str) -> str:
        """The interface towards one of its ends: `to-NAME`, on a parallel link `t2-NAME`."""
        return f"t{'o' if self.number == 1 else self.number}-{far}"


class AttachmentEntry(BaseModel):
    """Where a peer network is reachable."""

    model_config = _STRICT
    router: Name = Field(description="our border router")
    name: Name = Field(description="the peer's border router")
    local_preference: int = Field(ge=0, description="set inbound by the operator's own policy")
    bfd: Bfd | None = Field(default=None, description="on the eBGP session")


class PeerPrefixEntry(BaseModel):
    """A prefix of the peer and its part of the peer's traffic."""

    model_config = _STRICT
    prefix: IPv4Network
    weight: float = Field(gt=0, le=1)


class PeerEntry(BaseModel):
    """A neighbouring AS that takes over part of the demand towards one of our routers."""

    model_config = _STRICT
    autonomous_system: int = Field(ge=1, le=4_294_967_295)
    takes_share_of: Name = Field(
        description="the router whose incoming demand is partly the peer's"
    )
    share: float = Field(gt=0, le=1)
    attachments: tuple[AttachmentEntry, ...] = Field(min_length=1)
    prefixes: tuple[PeerPrefixEntry, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _weights_add_up(self) -> Self:
        total = sum(entry.weight for entry in self.prefixes)
        if abs(total - 1) > _SHARES_ADD_UP_WITHIN:
            raise ValueError(f"the weights of the peer's prefixes add up to {total:g}; make it 1")
        return self


class NetworkFile(BaseModel):
    """The whole file, format version 1."""

    model_config = _STRICT
    version: Literal[1]
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    autonomous_system: int = Field(ge=1, le=4_294_967_295)
    assumption: str = ""
    igp: Igp = Igp.OSPF
    ipv6: bool = Field(default=False, description="dual stack; the IGP has to be IS-IS, or both")
    hello: Hello = Hello()
    throttle: Throttle = Throttle()
    bgp: BgpTimers = BgpTimers()
    bfd: Bfd | None = Field(default=None, description="on every link between our routers")
    ecmp: int | None = Field(
        default=None, ge=1, le=64, description="most equal-cost paths; none for the router's limit"
    )
    routers: tuple[RouterEntry, ...] = Field(min_length=2)
    links: tuple[LinkEntry, ...] = Field(min_length=1)
    peers: tuple[PeerEntry, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        _require_unique("router name", (router.name for router in self.routers))
        _require_unique("loopback", (str(router.loopback) for router in self.routers))
        _require_numbered(self.links)
        _require_unique("announced prefix", (str(prefix) for prefix in self._announced()))
        known = {router.name for router in self.routers}
        for place, name in self._mentions():
            if name not in known:
                raise ValueError(f"{place} names the router {name!r}, which is not under routers")
        for complaint in (*self._misnamed(known), *self._unroutable()):
            raise ValueError(complaint)
        if not any(router.route_reflector for router in self.routers):
            raise ValueError("no router has route_reflector: true; iBGP needs at least one")
        graph = nx.Graph([(link.a, link.b) for link in self.links])
        graph.add_nodes_from(known)
        if not nx.is_connected(graph):
            island = min(nx.connected_components(graph), key=lambda part: (len(part), sorted(part)))
            raise ValueError(f"no link joins {', '.join(sorted(island))} to the rest")
        return self

    def _misnamed(self, known: Collection[str]) -> Iterator[str]:
        """What would be two things of one name, or one thing twice."""
        for link in self.links:
            if link.a == link.b:
                yield f"link {link.id} leads from a router to itself; name another router"
        for peer in self.peers:
            for attachment in peer.attachments:
                if attachment.name in known:
                    yield (
                        f"peer AS{peer.autonomous_system} has a border router {attachment.name}, "
                        "which is one of our own; give it another name"
                    )

    def _unroutable(self) -> Iterator[str]:
        """What the routers could not do."""
        if self.ipv6 and not self.igp.has_isis:
            yield "ipv6 needs an IGP that carries it: set igp to isis or ospf+isis"
        if self.ecmp is not None and not self.igp.has_ospf:
            yield "ecmp cannot be set with igp isis: FRR's IS-IS has no limit on equal-cost paths"
        if self.igp.has_isis:
            yield from _isis_strangers(self.routers, self.links)
        if self.igp is Igp.ISIS:
            yield from _isis_unreflected(self.routers)

    def _announced(self) -> Iterator[IPv4Network]:
        yield from (router.site for router in self.routers)
        yield from (entry.prefix for peer in self.peers for entry in peer.prefixes)

    def _mentions(self) -> Iterator[tuple[str, str]]:
        for link in self.links:
            yield f"link {link.a}-{link.b}", link.a
            yield f"link {link.a}-{link.b}", link.b
        for peer in self.peers:
            yield f"peer AS{peer.autonomous_system}", peer.takes_share_of
            for attachment in peer.attachments:
                yield f"peer AS{peer.autonomous_system}", attachment.router


def parse_network(text: str, *, path: Path) -> NetworkFile:
    """The network a file describes.

    Raises:
        ConfigError: Names file, line, column, field and what was expected.
    """
    return parse_document(text, NetworkFile, path=path)


def isis_levels(a: RouterEntry, b: RouterEntry) -> frozenset[int]:
    """The levels at which two joined routers become IS-IS neighbors: level 1 in one area only."""
    shared = a.isis_level.levels & b.isis_level.levels
    return shared if a.isis_area == b.isis_area else shared - {1}


def _isis_strangers(
    routers: tuple[RouterEntry, ...], links: tuple[LinkEntry, ...]
) -> Iterator[str]:
    named = {router.name: router for router in routers}
    for link in links:
        if link.a in named and link.b in named and not isis_levels(named[link.a], named[link.b]):
            ends = " and ".join(
                f"{it.name} (level {it.isis_level}, area {it.isis_area})"
                for it in (named[link.a], named[link.b])
            )
            yield f"link {link.id}: {ends} have no IS-IS level in common"


def hear_each_other(a: RouterEntry, b: RouterEntry) -> bool:
    """Whether two routers know the way to each other's loopbacks where IS-IS is the only IGP.

    FRR's IS-IS carries no level 1 prefix into level 2: a level 1 router is known in its area alone.
    """
    return IsisLevel.ONE not in (a.isis_level, b.isis_level) or a.isis_area == b.isis_area


def _isis_unreflected(routers: tuple[RouterEntry, ...]) -> Iterator[str]:
    """Level 1 routers whose prefixes nobody could take to the other areas."""
    reflectors = [router for router in routers if router.route_reflector]
    for router in routers:
        heard = [it for it in reflectors if hear_each_other(router, it)]
        is_alone = all(hear_each_other(router, it) for it in routers)
        if not is_alone and not any(it.isis_level is IsisLevel.BOTH for it in heard):
            yield (
                f"{router.name} is at IS-IS level 1 of area {router.isis_area}, which has no route "
                "reflector at level 1-2; give it one"
            )


def _require_numbered(links: tuple[LinkEntry, ...]) -> None:
    """Two links between the same routers are no slip only where their numbers say so."""
    seen: dict[frozenset[str], int] = {}
    for link in links:
        pair = frozenset((link.a, link.b))
        seen[pair] = seen.get(pair, 0) + 1
        if link.number != seen[pair]:
            name = "-".join(sorted(pair))
            raise ValueError(
                f"link {name} is there twice; give the second `number: {seen[pair]}` if it is a "
                "parallel link"
                if seen[pair] > link.number
                else f"link {name} has number {link.number} before there is a number {seen[pair]}"
            )


def _require_unique(what: str, names: Iterator[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what} {name} is there twice")
        seen.add(name)
