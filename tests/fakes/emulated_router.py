"""What a router's configuration says, read for the fake lab: interfaces, costs, BGP, policy."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from frr.configuration import Block, parse, render, split
from shadow.emulation.lab import LabNode

_MAX_METRIC = 65_535
_ONE_VALUE = re.compile(
    r" *(ip ospf (cost|hello-interval|dead-interval|network)|isis metric|set local-preference|"
    r"bandwidth|description|ip address|neighbor \S+ (remote-as|route-map)|bgp router-id)"
)
"""Lines of which a section has one: a second replaces the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """An interface with an address; `cost` is None where no IGP runs."""

    address: IPv4Interface
    cost: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatedRouter:
    """One router as its configuration describes it."""

    id: NodeId
    is_external: bool
    loopback: IPv4Address | None
    igp: str
    """`ospf` or `isis`, as its first interface in one says."""
    ports: Mapping[str, Port]
    discards: frozenset[Prefix]
    originates: frozenset[Prefix]
    autonomous_system: int | None
    remote_as: Mapping[IPv4Address, int]
    local_preference: Mapping[IPv4Address, int]
    """By neighbor, where its inbound route map sets one."""


@dataclass
class _Reading:
    ports: dict[str, Port] = field(default_factory=dict)
    preferences: dict[str, int] = field(default_factory=dict)
    remote_as: dict[IPv4Address, int] = field(default_factory=dict)
    inbound: dict[IPv4Address, str] = field(default_factory=dict)
    discards: set[Prefix] = field(default_factory=set)
    originates: set[Prefix] = field(default_factory=set)
    autonomous_system: int | None = None
    igp: str = "ospf"
    is_overloaded: bool = False


def read_router(node: LabNode) -> EmulatedRouter:
    """The router a configuration makes."""
    found = _Reading()
    for block in parse(node.config):
        _read(block, found)
    ports = {
        name: Port(address=port.address, cost=_MAX_METRIC)
        if found.is_overloaded and port.cost is not None and name != "lo"
        else port
        for name, port in found.ports.items()
    }
    return EmulatedRouter(
        id=node.id,
        is_external=node.is_external,
        loopback=ports["lo"].address.ip if "lo" in ports else None,
        igp=found.igp,
        ports={name: port for name, port in ports.items() if name != "lo"},
        discards=frozenset(found.discards),
        originates=frozenset(found.originates),
        autonomous_system=found.autonomous_system,
        remote_as=found.remote_as,
        local_preference={
            neighbor: found.preferences[route_map]
            for neighbor, route_map in found.inbound.items()
            if route_map in found.preferences
        },
    )


def entered(config: str, text: str) -> str:
    """A configuration after lines were entered at the prompt.

    Raises:
        ConfigError: A statement belongs to no daemon.
    """
    split(text)
    sections = {block.header: list(block.body) for block in parse(config)}
    for block in parse(text):
        if block.header.startswith("no "):
            gone = block.header.removeprefix("no ")
            sections = {it: body for it, body in sections.items() if not it.startswith(gone)}
        else:
            _enter(sections.setdefault(block.header, []), block.body)
    return render(Block(header=header, body=tuple(body)) for header, body in sections.items())


def _enter(body: list[str], lines: tuple[str, ...]) -> None:
    for line in lines:
        words = line.strip()
        if words.startswith("no "):
            gone = words.removeprefix("no ")
            body[:] = [it for it in body if not it.strip().startswith(gone)]
            continue
        key = _ONE_VALUE.match(line)
        if key:
            body[:] = [it for it in body if not it.strip().startswith(key.group().strip())]
        if words not in (it.strip() for it in body):
            body.append(line)


def _read(block: Block, found: _Reading) -> None:
    header, _, name = block.header.partition(" ")
    lines = [line.strip() for line in block.body]
    if header == "interface":
        _read_interface(name, lines, found)
    elif header == "ip" and (route := re.match(r"route (\S+) (blackhole|Null0)", name)):
        found.discards.add(Prefix(route[1]))
    elif header == "route-map":
        for value in _values(lines, r"set local-preference (\d+)$"):
            found.preferences.setdefault(name.split()[0], int(value[1]))
    elif block.header.startswith("router bgp"):
        found.autonomous_system = int(name.split()[1])
        _read_bgp(lines, found)
    elif header == "router":
        found.is_overloaded |= any(
            it.startswith(("max-metric", "set-overload-bit")) for it in lines
        )


def _read_interface(name: str, lines: list[str], found: _Reading) -> None:
    address = next((IPv4Interface(it[1]) for it in _values(lines, r"ip address (\S+)")), None)
    if address is None:
        return
    text = "\n".join(lines)
    runs_ospf, runs_isis = "ip ospf area" in text, "ip router isis" in text
    cost = next((int(it[2]) for it in _values(lines, r"(ip ospf cost|isis metric) (\d+)")), 10)
    if runs_isis and not runs_ospf:
        found.igp = "isis"
    found.ports[name] = Port(address=address, cost=cost if runs_ospf or runs_isis else None)


def _read_bgp(lines: list[str], found: _Reading) -> None:
    for value in _values(lines, r"network (\d\S+)"):
        found.originates.add(Prefix(value[1]))
    for value in _values(lines, r"neighbor (\d\S+) remote-as (\d+)"):
        found.remote_as[IPv4Address(value[1])] = int(value[2])
    for value in _values(lines, r"neighbor (\d\S+) shutdown"):
        found.remote_as.pop(IPv4Address(value[1]), None)
    for value in _values(lines, r"neighbor (\d\S+) route-map (\S+) in$"):
        found.inbound[IPv4Address(value[1])] = value[2]


def _values(lines: list[str], pattern: str) -> Iterator[re.Match[str]]:
    return (found for line in lines if (found := re.match(pattern, line)))


def require(is_true: bool, complaint: str) -> None:  # noqa: FBT001 - the condition is the subject
    """Refuse what a real lab refuses.

    Raises:
        ConfigError: It is not so.
    """
    if not is_true:
        raise ConfigError(complaint)
