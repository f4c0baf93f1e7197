"""What the neighbors of a link or router can testify: adjacencies and sessions that are whole.

A witness is one router's view of one neighbor, written `NE/ospf/to-SE` or `NE/bgp/10.255.0.3`, so
that the witnesses of before can be remembered and asked again. Only witnesses are asked: a router
that is frozen would keep everybody waiting for its answer.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from foreshadow.errors import ConfigError, DeviceUnreachable
from foreshadow.topology import NodeId
from frr import tables
from scenarios.faults import bgp
from scenarios.faults.addresses import addresses_at, addresses_of
from scenarios.faults.fault import Memory, recall
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd, LabLink


class Protocol(StrEnum):
    """How two routers are neighbors."""

    OSPF = "ospf"
    ISIS = "isis"
    BGP = "bgp"


IGPS = frozenset({Protocol.OSPF, Protocol.ISIS})
ALL = frozenset(Protocol)

_WITNESSES = "witnesses"


def of_links(lab: Emulator, links: Iterable[LabLink]) -> Memory:
    """The adjacencies and sessions over these links, seen from both ends."""
    sides = [side for link in links for side in ((link.a, link.b), (link.b, link.a))]
    views = [*_views((near for near, _ in sides), IGPS)]
    views += [
        f"{near.node}/{Protocol.BGP}/{address}"
        for near, far in sides
        for address in addresses_at(lab, far)
    ]
    return _remembered(lab, views)


def of_node(lab: Emulator, node: NodeId, protocols: frozenset[Protocol] = ALL) -> Memory:
    """Adjacencies and sessions with a router, seen from its neighbors."""
    views = [*_views(_far_ends(lab, node), protocols & IGPS)]
    if Protocol.BGP in protocols:
        views += _peers(lab, node)
    return _remembered(lab, views)


def not_noticed(lab: Emulator, memory: Memory, protocols: frozenset[Protocol] = ALL) -> str:
    """Which of the remembered are still there, as a sentence; "" for none."""
    asked = recall(memory, _WITNESSES).split()
    left = sorted(_standing(lab, (it for it in asked if _protocol(it) in protocols)))
    return f"not noticed yet by {', '.join(left)}" if left else ""


def not_again(lab: Emulator, memory: Memory) -> str:
    """Which of the remembered are not there, as a sentence; "" for none."""
    asked = recall(memory, _WITNESSES).split()
    gone = sorted(frozenset(asked) - _standing(lab, asked))
    return f"not a neighbor again: {', '.join(gone)}" if gone else ""


def _remembered(lab: Emulator, views: Iterable[str]) -> Memory:
    return ((_WITNESSES, " ".join(sorted(_standing(lab, views)))),)


def _standing(lab: Emulator, asked: Iterable[str]) -> frozenset[str]:
    """Those that hold now."""
    wanted = frozenset(asked)
    views = {tuple(it.split("/")[:2]) for it in wanted}
    return (
        frozenset(
            f"{node}/{protocol}/{neighbor}"
            for node, protocol in views
            for neighbor in _neighbors(lab, NodeId(node), Protocol(protocol))
        )
        & wanted
    )


def _neighbors(lab: Emulator, node: NodeId, protocol: Protocol) -> frozenset[str]:
    """Interfaces with a whole adjacency, or addresses with an established session."""
    try:
        match protocol:
            case Protocol.OSPF:
                shown = tables.adjacencies(lab.show(node, "show ip ospf neighbor json"), "")
                return frozenset(it.interface for it in shown if it.state == "Full")
            case Protocol.ISIS:
                return frozenset(_isis_up(lab, node))
            case Protocol.BGP:
                sessions = bgp.peers(lab, node).items()
                return frozenset(peer for peer, it in sessions if it.state == bgp.ESTABLISHED)
    except (ConfigError, DeviceUnreachable):
        return frozenset()  # It does not run the protocol, or is dead: it has no neighbor.


def _isis_up(lab: Emulator, node: NodeId) -> Iterator[str]:
    for area in lab.show_json(node, "show isis neighbor json").get("areas", ()):
        for circuit in area.get("circuits", ()):
            if circuit.get("state") == "Up":
                yield circuit["interface"]


def _views(ends: Iterable[LabEnd], protocols: frozenset[Protocol]) -> Iterator[str]:
    for end in ends:
        for protocol in sorted(protocols):
            yield f"{end.node}/{protocol}/{end.interface}"


def _far_ends(lab: Emulator, node: NodeId) -> Iterator[LabEnd]:
    for link in lab.spec.links:
        for near, far in ((link.a, link.b), (link.b, link.a)):
            if near.node == node:
                yield far


def _peers(lab: Emulator, node: NodeId) -> Iterator[str]:
    ours = addresses_of(lab, node)
    for other in lab.spec.nodes:
        for address in ours:
            if f" neighbor {address} " in other.config:
                yield f"{other.id}/{Protocol.BGP}/{address}"


def _protocol(view: str) -> Protocol:
    return Protocol(view.split("/")[1])
