"""A link-state database as routers, links and metrics: OSPF's and IS-IS's read the same.

Checked against FRR 8.4.4 and 10.3. In 8.4 isisd's JSON holds but the last packet of each level, so
its text is read, which is the same in both. Neighbors are named by system id and packets by host
name; `show isis hostname` tells which is which.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

import msgspec

from foreshadow.codec import from_json

OSPF_COMMAND = "show ip ospf database router json"
ISIS_COMMANDS = ("show isis database detail", "show isis hostname")

_MAX_METRIC = 0xFFFF
"""A link that OSPF is asked to avoid (RFC 6987)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LsdbLink:
    """One router's announced way to a neighbor.

    Attributes:
        neighbor: The neighbor's id: OSPF router id or IS-IS system id.
        metric: What it costs.
        address: Our own address on it, where the protocol says (OSPF).
    """

    neighbor: str
    metric: int
    address: IPv4Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LsdbPrefix:
    """A prefix a router is directly attached to, and what the last hop costs."""

    prefix: IPv4Network
    metric: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LsdbRouter:
    """What one router tells all others.

    Attributes:
        id: OSPF router id or IS-IS system id.
        name: Host name where it is known, else the id.
        is_overloaded: It asks not to be used for transit: IS-IS overload bit, OSPF max-metric.
        is_network: Stands for a broadcast network, not a router (IS-IS pseudonode).
    """

    id: str
    name: str
    links: tuple[LsdbLink, ...] = ()
    prefixes: tuple[LsdbPrefix, ...] = ()
    is_overloaded: bool = False
    is_network: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lsdb:
    """One area's or level's database; `protocol` is `ospf` or `isis`, `area` its area or level."""

    protocol: str
    area: str
    routers: tuple[LsdbRouter, ...]

    def router(self, name: str) -> LsdbRouter | None:
        """What the router of that name or id says; None where it says nothing."""
        return next((it for it in self.routers if name in (it.name, it.id)), None)

    def metric(self, router: str, neighbor: str) -> int | None:
        """The cheapest announced metric from one router to another; None where there is no link."""
        here, there = self.router(router), self.router(neighbor)
        if here is None or there is None:
            return None
        return min((it.metric for it in here.links if it.neighbor == there.id), default=None)


class _Json(msgspec.Struct, frozen=True, rename="camel"):
    """A JSON object of ospfd's, of which we read some members."""


class _OspfLink(_Json, frozen=True):
    link_type: str
    tos0_metric: int = 0
    neighbor_router_id: str = ""
    router_interface_address: IPv4Address | None = None
    network_address: str = ""
    network_mask: str = ""


class _RouterLsa(_Json, frozen=True):
    advertising_router: str
    router_links: dict[str, _OspfLink] = {}


class _Areas(_Json, frozen=True):
    areas: dict[str, tuple[_RouterLsa, ...]] = {}


class _OspfDatabase(_Json, frozen=True):
    router_link_states: _Areas = _Areas()


def ospf(raw: str) -> tuple[Lsdb, ...]:
    """`show ip ospf database router json`, a database an area; broadcast networks are left out.

    Raises:
        ValueError: It is something else.
    """
    areas = from_json(raw or "{}", _OspfDatabase).router_link_states.areas
    return tuple(
        Lsdb(protocol="ospf", area=area, routers=tuple(map(_ospf_router, lsas)))
        for area, lsas in areas.items()
    )


def _ospf_router(lsa: _RouterLsa) -> LsdbRouter:
    links = tuple(
        LsdbLink(
            neighbor=it.neighbor_router_id,
            metric=it.tos0_metric,
            address=it.router_interface_address,
        )
        for it in lsa.router_links.values()
        if it.neighbor_router_id
    )
    prefixes = tuple(
        LsdbPrefix(
            prefix=IPv4Network(f"{it.network_address}/{it.network_mask}"), metric=it.tos0_metric
        )
        for it in lsa.router_links.values()
        if it.network_mask
    )
    return LsdbRouter(
        id=lsa.advertising_router,
        name=lsa.advertising_router,
        links=links,
        prefixes=prefixes,
        is_overloaded=bool(links) and all(it.metric == _MAX_METRIC for it in links),
    )


_LEVEL = re.compile(r"^IS-IS Level-(\d) link-state database:", re.MULTILINE)
_PACKET = re.compile(
    r"^(\S+)\.([0-9a-f]{2})-[0-9a-f]{2} +\*? +\d+ +0x[0-9a-f]+ +0x[0-9a-f]+ +[\d()]+ +"
    r"\d/\d/(\d)"
)
_NEIGHBOR = re.compile(r"^ +(?:MT |Extended )Reachability: (\S+)\.([0-9a-f]{2}) \(Metric: (\d+)\)")
_PREFIX = re.compile(r"^ +Extended IP Reachability: (\S+) \(Metric: (\d+)\)")
_HOST_NAME = re.compile(r"^[\s*\d]* ([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}) (\S+)", re.MULTILINE)


@dataclass(slots=True)
class _Heard:
    """What is known of a router while its packets are read."""

    node: str
    """System id and pseudonode number."""
    name: str
    is_overloaded: bool = False
    links: list[LsdbLink] = field(default_factory=list)
    prefixes: list[LsdbPrefix] = field(default_factory=list)

    def router(self) -> LsdbRouter:
        system, _, pseudonode = self.node.rpartition(".")
        is_network = pseudonode != "00"
        return LsdbRouter(
            id=self.node if is_network else system,
            name=self.name,
            links=tuple(self.links),
            prefixes=tuple(self.prefixes),
            is_overloaded=self.is_overloaded,
            is_network=is_network,
        )


def isis(database: str, host_names: str = "") -> tuple[Lsdb, ...]:
    """`show isis database detail` and `show isis hostname`, a database a level, lowest first."""
    systems = {name: system for system, name in _HOST_NAME.findall(host_names)}
    _, *parts = _LEVEL.split(database)
    return tuple(
        Lsdb(protocol="isis", area=level, routers=tuple(_isis_routers(text.splitlines(), systems)))
        for level, text in zip(parts[::2], parts[1::2], strict=True)
    )


def _isis_routers(lines: Iterable[str], systems: Mapping[str, str]) -> Iterator[LsdbRouter]:
    heard: dict[str, _Heard] = {}
    current: _Heard | None = None
    for line in lines:
        if packet := _PACKET.match(line):
            name, pseudonode, overload = packet.groups()
            node = f"{systems.get(name, name)}.{pseudonode}"
            current = heard.setdefault(node, _Heard(node, name))
            current.is_overloaded |= overload == "1"
        elif current is not None:
            _read(line, current)
    return (it.router() for it in heard.values())


def _read(line: str, into: _Heard) -> None:
    if found := _NEIGHBOR.match(line):
        system, pseudonode, metric = found.groups()
        neighbor = system if pseudonode == "00" else f"{system}.{pseudonode}"
        into.links.append(LsdbLink(neighbor=neighbor, metric=int(metric)))
    elif found := _PREFIX.match(line):
        prefix = IPv4Network(found[1], strict=False)
        into.prefixes.append(LsdbPrefix(prefix=prefix, metric=int(found[2])))
