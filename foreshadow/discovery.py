"""Which network production is, found in its synchronised state alone.

What is joined to what is a matter of configuration, not of the moment: two routers have a link
where their running configurations put both ends of one /31 or /30 on an interface. So a link that
is cut is still a link, only down, and its capacity (`bandwidth`, in FRR Mbit/s) and cost
(`ip ospf cost`, `isis metric`) are known while it is. The moment is in `links_down`.

Networks shared by more than two routers are not links here: a broadcast segment is not found.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from foreshadow.observed import Session
from foreshadow.state import NetworkState
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Topology

_DEFAULT_COST = 10
"""FRR's IS-IS metric where none is configured, and its OSPF cost without bandwidth either."""
_POINT_TO_POINT = frozenset({30, 31})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,11}")
_NEIGHBOR_NAME = re.compile(r"^ neighbor (\S+) description (\S+)$", re.MULTILINE)
_LINUX_NAME = 15


@dataclass(slots=True)
class _Port:
    """An interface as it is configured."""

    node: NodeId
    name: str
    addresses: list[IPv4Interface] = field(default_factory=list)
    bandwidth_bps: float = 0.0
    cost: int | None = None
    isis_metric: int | None = None

    def end(self, address: IPv4Address) -> LinkEnd:
        """This side of a link that runs an IGP; where both do, OSPF's routes are used."""
        stated = (it for it in (self.cost, self.isis_metric) if it is not None)
        cost = next(stated, _DEFAULT_COST)
        return LinkEnd(node=self.node, interface=self.name, address=address, metric=cost)


def discover(state: NetworkState) -> Topology:
    """Routers and links of the network, as configured; those that are down are among them.

    A link is named `A-B`, A having the lower address; links come in the order of their addresses. A
    neighbor in another AS is called by its description, else by our interface `to-NAME`, else by
    its AS number. The capacity of a link is the lower of what its ends say, 0 where neither does.
    """
    ports = [port for device in state.devices() for port in _ports(state, device)]
    internal = [*_internal(ports)]
    external = [*_external(state, ports)]
    nodes = [Node(id=device, loopback=_loopback(ports, device)) for device in state.devices()]
    outside = dict.fromkeys(link.b.node for link in external)
    return Topology(
        nodes=(*nodes, *(Node(id=node, is_external=True) for node in outside)),
        links=(*_unique(internal), *_unique(external)),
    )


def links_down(state: NetworkState, topology: Topology) -> frozenset[LinkId]:
    """Links that carry nothing now: the interface at one end or the other is down or gone."""
    ours = {node.id for node in topology.nodes if not node.is_external}
    up = {
        (device, interface.name)
        for device in ours
        for interface in state.interfaces(device)
        if interface.is_oper_up
    }
    return frozenset(
        link.id
        for link in topology.links
        for near, _ in link.ends()
        if near.node in ours and (near.node, near.interface) not in up
    )


def _ports(state: NetworkState, device: NodeId) -> Iterator[_Port]:
    config = state.running_config(device)
    port: _Port | None = None
    for line in (config.text if config else "").splitlines():
        if not line.startswith(" "):
            if port is not None:
                yield port
            header, _, name = line.partition(" ")
            port = _Port(device, name.split()[0]) if header == "interface" and name else None
        elif port is not None:
            # A line that does not parse says nothing about a link; whoever boots it will complain.
            with suppress(ValueError):
                _read(port, line.split())
    if port is not None:
        yield port


def _read(port: _Port, words: list[str]) -> None:
    match words:
        case ["ip", "address", address, *_]:
            port.addresses.append(IPv4Interface(address))
        case ["bandwidth", mbps]:
            port.bandwidth_bps = float(mbps) * 1e6
        case ["ip", "ospf", "cost", cost, *_]:
            port.cost = int(cost)
        case ["isis", "metric", *level, metric] if not level or level[0].startswith("level-"):
            port.isis_metric = int(metric)
        case _:
            pass


def _internal(ports: Iterable[_Port]) -> Iterator[Link]:
    """A link for every /31 and /30 that two routers have an address in, in address order."""
    ends: dict[IPv4Network, list[tuple[IPv4Address, _Port]]] = defaultdict(list)
    for port in ports:
        for address in port.addresses:
            if address.network.prefixlen in _POINT_TO_POINT:
                ends[address.network].append((address.ip, port))
    for network in sorted(ends):
        sides = sorted(ends[network], key=lambda side: side[0])
        if len({port.node for _, port in sides}) == 2 == len(sides):
            (low, a), (high, b) = sides
            stated = [port.bandwidth_bps for port in (a, b) if port.bandwidth_bps]
            yield Link(
                id=LinkId(f"{a.node}-{b.node}"),
                a=a.end(low),
                b=b.end(high),
                capacity_bps=min(stated, default=0.0),
            )


def _external(state: NetworkState, ports: Iterable[_Port]) -> Iterator[Link]:
    """A link for every eBGP session over a network that one of our interfaces is in."""
    found = [
        (address.ip, session, port)
        for port in ports
        for session in state.sessions(port.node)
        for address in port.addresses
        if session.is_external and session.peer in address.network and port.name != "lo"
    ]
    for ours, session, port in sorted(found, key=lambda item: item[0]):
        peer = _peer_name(state, session, port)
        yield Link(
            id=LinkId(f"{port.node}-{peer}"),
            a=LinkEnd(node=port.node, interface=port.name, address=ours, metric=0),
            b=LinkEnd(
                node=peer,
                interface=f"to-{port.node}"[:_LINUX_NAME],
                address=session.peer,
                metric=0,
            ),
            capacity_bps=port.bandwidth_bps,
            is_external=True,
        )


def _peer_name(state: NetworkState, session: Session, port: _Port) -> NodeId:
    config = state.running_config(port.node)
    described = dict(_NEIGHBOR_NAME.findall(config.text if config else ""))
    for name in (described.get(str(session.peer), ""), port.name.removeprefix("to-")):
        if _NAME.fullmatch(name) and name != port.name:
            return NodeId(name)
    return NodeId(f"AS{session.remote_as}p{int(session.peer):x}")


def _loopback(ports: Iterable[_Port], device: NodeId) -> IPv4Address | None:
    hosts = (
        address.ip
        for port in ports
        if port.node == device and port.name == "lo"
        for address in port.addresses
        if address.network.prefixlen == 32
    )
    return next(hosts, None)


def _unique(links: Iterable[Link]) -> Iterator[Link]:
    """The links, a second one between the same routers called `A-B.2`."""
    seen: dict[frozenset[NodeId], int] = {}
    for link in links:
        pair = frozenset((link.a.node, link.b.node))
        seen[pair] = seen.get(pair, 0) + 1
        yield link if seen[pair] == 1 else replace(link, id=LinkId(f"{link.id}.{seen[pair]}"))
