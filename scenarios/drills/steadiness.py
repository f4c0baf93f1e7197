"""Whether a lab is at rest, asked before anything in it is broken.

A failure that hits while a session is still in connect-retry shows an outage that is not its own.
"""

from collections.abc import Iterator

from foreshadow.topology import NodeId
from frr.configuration import Daemon
from shadow.emulation.emulator import Emulator

_SUMMARY = "show bgp ipv4 unicast summary json"


def unsteady(lab: Emulator) -> tuple[str, ...]:
    """What is not at rest, one sentence each: sessions, adjacencies, tables."""
    return (*_sessions(lab), *_adjacencies(lab), *lab.disagreements())


def _sessions(lab: Emulator) -> Iterator[str]:
    for node in lab.spec.nodes:
        if node.is_external or Daemon.BGPD not in lab.daemons(node.id):
            continue
        peers = lab.show_json(node.id, _SUMMARY).get("peers", {})
        for peer, facts in peers.items():
            if facts.get("state") != "Established":
                yield f"{node.id}'s BGP session to {peer} is {facts.get('state')}"


def _adjacencies(lab: Emulator) -> Iterator[str]:
    external = {node.id for node in lab.spec.nodes if node.is_external}
    full: set[tuple[NodeId, str]] = {
        (node, adjacency.interface)
        for node, adjacencies in lab.adjacencies().items()
        for adjacency in adjacencies
        if adjacency.is_full
    }
    for link in lab.spec.links:
        if not link.is_up or external & {link.a.node, link.b.node}:
            continue
        for end in (link.a, link.b):
            if (end.node, end.interface) not in full:
                yield f"{end.node} has no full adjacency on {end.interface}"
