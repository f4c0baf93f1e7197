"""What the neighbors of a link or router can testify: adjacencies and sessions that are whole.

A witness is one router's view of one neighbor, written `NE/ospf/to-SE` or `NE/bgp/10.255.0.3`, so
that the witnesses of before can be remembered and asked again. Only witnesses are asked: a router
that is frozen would keep everybody waiting for its answer.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

from foreshadow.errors import ConfigError, DeviceUnreachable
from foreshadow.topology import NodeId
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

_WITNESSES, _ITSELF = "witnesses", "itself"
_PART = re.compile(r"(\d+)([wdhms])")
_UNITS_S = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


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


def of_itself(lab: Emulator, node: NodeId) -> Memory:
    """What a router itself says of its adjacencies and sessions."""
    near = (end for it in lab.spec.links for end in (it.a, it.b) if end.node == node)
    views = (
        *_views(near, IGPS),
        *(f"{node}/{Protocol.BGP}/{peer}" for peer in _spoken_to(lab, node)),
    )
    return ((_ITSELF, " ".join(sorted(_standing(lab, views)))),)


def internal_peers(lab: Emulator, node: NodeId) -> tuple[tuple[NodeId, str], ...]:
    """Routers of ours with an established session to this one, and its address for them."""
    external = {it.id for it in lab.spec.nodes if it.is_external}
    views = (view.split("/") for view in _standing(lab, _peers(lab, node)))
    return tuple(
        (NodeId(peer), address) for peer, _, address in sorted(views) if peer not in external
    )


def not_noticed(lab: Emulator, memory: Memory, protocols: frozenset[Protocol] = ALL) -> str:
    """Which of the remembered are still there, as a sentence; "" for none."""
    asked = recall(memory, _WITNESSES).split()
    left = sorted(_standing(lab, (it for it in asked if _protocol(it) in protocols)))
    return f"not noticed yet by {', '.join(left)}" if left else ""


def not_again(lab: Emulator, memory: Memory) -> str:
    """Which of the remembered are not there, as a sentence; "" for none."""
    asked = recall(memory, _WITNESSES).split()
    gone = sorted(frozenset(asked) - _standing(lab, asked).keys())
    return f"not a neighbor again: {', '.join(gone)}" if gone else ""


def has_any(memory: Memory, protocols: frozenset[Protocol]) -> bool:
    """Whether any of the remembered is of these protocols."""
    return any(_protocol(it) in protocols for it in recall(memory, _WITNESSES).split())


def unbroken(lab: Emulator, memory: Memory, since_s: float) -> str:
    """What a router has had for longer with the same daemons, as a sentence; "" for nothing.

    It asks the router itself: IS-IS neighbors do not always notice that a daemon is a new one.
    """
    ages_s = _standing(lab, recall(memory, _ITSELF).split())
    older = sorted(view for view, age_s in ages_s.items() if age_s > since_s)
    return f"as before: {', '.join(older)}" if older else ""


def whole(lab: Emulator, memory: Memory) -> str:
    """Which IGPs' adjacencies stand as remembered, at every end, as a sentence; "" for none."""
    asked = recall(memory, _WITNESSES).split()
    now = _standing(lab, asked)
    for protocol in sorted(IGPS):
        views = [it for it in asked if _protocol(it) is protocol]
        if views and all(view in now for view in views):
            return f"not noticed yet by {', '.join(views)}"
    return ""


def _remembered(lab: Emulator, views: Iterable[str]) -> Memory:
    return ((_WITNESSES, " ".join(sorted(_standing(lab, views)))),)


def _standing(lab: Emulator, asked: Iterable[str]) -> dict[str, float]:
    """Those that hold now, and for how many seconds."""
    wanted = frozenset(asked)
    return {
        view: age_s
        for node, protocol in {tuple(it.split("/")[:2]) for it in wanted}
        for neighbor, age_s in _neighbors(lab, NodeId(node), Protocol(protocol))
        for view in [f"{node}/{protocol}/{neighbor}"]
        if view in wanted
    }


def _neighbors(lab: Emulator, node: NodeId, protocol: Protocol) -> tuple[tuple[str, float], ...]:
    """Interfaces with a whole adjacency, or addresses with an established session, with ages."""
    try:
        match protocol:
            case Protocol.OSPF:
                return tuple(_ospf(lab.show_json(node, "show ip ospf neighbor json")))
            case Protocol.ISIS:
                return tuple(_isis(lab.show_json(node, "show isis neighbor detail json")))
            case Protocol.BGP:
                sessions = bgp.peers(lab, node).items()
                return tuple(
                    (peer, it.age_s) for peer, it in sessions if it.state == bgp.ESTABLISHED
                )
    except (ConfigError, DeviceUnreachable):
        return ()  # It does not run the protocol, or is dead: it has no neighbor.


def _ospf(shown: Any) -> Iterator[tuple[str, float]]:
    for on_interfaces in shown.get("neighbors", {}).values():
        for neighbor in on_interfaces:
            if neighbor["nbrState"].startswith("Full"):
                interface = neighbor["ifaceName"].partition(":")[0]
                yield interface, neighbor.get("upTimeInMsec", 0) / 1e3


def _isis(shown: Any) -> Iterator[tuple[str, float]]:
    for area in shown.get("areas", ()):
        for circuit in area.get("circuits", ()):
            interface = circuit.get("interface", {})
            if interface.get("state") == "Up":
                yield interface["name"], _seconds(interface.get("last-ago", ""))


def _seconds(ago: str) -> float:
    """IS-IS says `1d2h`, `3m20s`."""
    return float(sum(int(n) * _UNITS_S[unit] for n, unit in _PART.findall(ago)))


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


def _spoken_to(lab: Emulator, node: NodeId) -> tuple[str, ...]:
    try:
        return tuple(bgp.peers(lab, node))
    except ConfigError:
        return ()


def _protocol(view: str) -> Protocol:
    return Protocol(view.split("/")[1])
