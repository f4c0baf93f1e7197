"""What a router's neighbor reads of it in the link-state database, whichever IGP they run."""

import re
from collections.abc import Iterator

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from frr import lsdb
from scenarios.faults.addresses import addresses_at, addresses_of
from scenarios.faults.statement import headers, lines_of
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd

OSPF, ISIS = "router ospf", "router isis"

_HOST_NAME = re.compile(r"^hostname (\S+)", re.MULTILINE)


def processes(lab: Emulator, node: NodeId) -> tuple[str, ...]:
    """The headers of a router's IGP processes: `router ospf`, `router isis IGP`.

    Raises:
        ConfigError: It runs neither.
    """
    lab.spec.node(node)
    found = (*headers(lab, node, OSPF), *headers(lab, node, ISIS))
    if not found:
        raise ConfigError(f"{node} runs neither OSPF nor IS-IS; choose a router that does")
    return found


def igps_at(lab: Emulator, end: LabEnd) -> tuple[str, ...]:
    """Which of `OSPF` and `ISIS` speak on an interface."""
    lines = lines_of(lab, end.node, f"interface {end.interface}")
    speaks = []
    if any(line.startswith("ip ospf area") for line in lines) or _is_covered(lab, end):
        speaks.append(OSPF)
    if any("router isis " in line for line in lines):
        speaks.append(ISIS)
    return tuple(speaks)


def costs(lab: Emulator, near: LabEnd, far: LabEnd, igp: str) -> frozenset[int]:
    """What the far router reads as the cost of the near router's way to it."""
    return frozenset(_costs(lab, near, far, igp))


def is_overloaded(lab: Emulator, viewer: NodeId, node: NodeId, igp: str) -> bool:
    """Whether a router reads that another asks not to be used for transit, in every database."""
    said = [
        router.is_overloaded
        for base in _databases(lab, viewer, igp)
        for router in base.routers
        if router.name == _host_name(lab, node)
        or any(link.address in addresses_of(lab, node) for link in router.links)
    ]
    return bool(said) and all(said)


def _costs(lab: Emulator, near: LabEnd, far: LabEnd, igp: str) -> Iterator[int]:
    addresses = addresses_at(lab, near)
    for base in _databases(lab, far.node, igp):
        if igp == OSPF:
            links = (link for router in base.routers for link in router.links)
            yield from (link.metric for link in links if link.address in addresses)
            continue
        here, there = (base.router(_host_name(lab, end.node)) for end in (near, far))
        if here and there:
            yield from (link.metric for link in here.links if link.neighbor == there.id)


def _databases(lab: Emulator, viewer: NodeId, igp: str) -> tuple[lsdb.Lsdb, ...]:
    if igp == OSPF:
        return lsdb.ospf(lab.show(viewer, lsdb.OSPF_COMMAND))
    return lsdb.isis(*(lab.show(viewer, command) for command in lsdb.ISIS_COMMANDS))


def _is_covered(lab: Emulator, end: LabEnd) -> bool:
    """Whether a `network` statement of OSPF's takes the interface in."""
    if not any(line.startswith("network ") for line in lines_of(lab, end.node, OSPF)):
        return False
    shown = lab.show_json(end.node, "show ip ospf interface json")
    return end.interface in shown.get("interfaces", {})


def _host_name(lab: Emulator, node: NodeId) -> str:
    found = _HOST_NAME.search(lab.spec.node(node).config)
    return found.group(1) if found else str(node)
