"""Whether a lab is at rest, asked before anything in it is broken.

A failure that hits while a session is still in connect-retry shows an outage that is not its own.
"""

from collections.abc import Iterator

from foreshadow.topology import NodeId
from frr.configuration import Daemon
from shadow.emulation.emulator import Emulator

_SUMMARY = "show bgp summary json"
_PROTOCOLS = {Daemon.OSPFD: "ospf", Daemon.ISISD: "isis"}
_SAID = {"ospf": "OSPF", "isis": "IS-IS"}


def unsteady(lab: Emulator) -> tuple[str, ...]:
    """What is not at rest, one sentence each: sessions, adjacencies, tables."""
    return (*_sessions(lab), *_adjacencies(lab), *lab.disagreements())


def _sessions(lab: Emulator) -> Iterator[str]:
    """Every BGP session of our own routers that is not up, of whatever address family."""
    for node in lab.spec.nodes:
        if node.is_external or Daemon.BGPD not in lab.daemons(node.id):
            continue
        for facts in lab.show_json(node.id, _SUMMARY).values():
            for peer, session in facts.get("peers", {}).items():
                if session.get("state") != "Established":
                    yield f"{node.id}'s BGP session to {peer} is {session.get('state')}"


def _adjacencies(lab: Emulator) -> Iterator[str]:
    """Every end of a link without an adjacency of an IGP that its router runs."""
    external = {node.id for node in lab.spec.nodes if node.is_external}
    full: set[tuple[NodeId, str, str]] = {
        (node, adjacency.interface, adjacency.protocol)
        for node, adjacencies in lab.adjacencies().items()
        for adjacency in adjacencies
        if adjacency.is_full
    }
    speaks = {
        node.id: {_PROTOCOLS[it] for it in lab.daemons(node.id) if it in _PROTOCOLS}
        for node in lab.spec.nodes
    }
    for link in lab.spec.links:
        if not link.is_up or external & {link.a.node, link.b.node}:
            continue
        spoken = sorted(speaks[link.a.node] & speaks[link.b.node])
        for end in (link.a, link.b):
            for protocol in spoken:
                if (end.node, end.interface, protocol) not in full:
                    yield f"{end.node} has no full {_SAID[protocol]} adjacency on {end.interface}"
            if not spoken:
                yield f"{end.node} and its neighbor on {end.interface} run no IGP in common"
