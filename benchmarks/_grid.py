"""The networks that the shadow's benchmarks run: a ring with chords, 1.5 links a router.

Every router has three neighbors (networkx's LCF graphs), the same each time. The network goes the
house's own way, as a network file through `design`, so each router has a complete configuration.
"""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network

import networkx as nx

from foreshadow.network_file import NetworkFile
from foreshadow.topology import NodeId, Prefix
from frr.configuration import parse, render
from shadow.emulation.design import design
from shadow.emulation.lab import LabSpec

_LOOPBACKS, _SITES = IPv4Address("10.255.0.0"), IPv4Address("172.16.0.0")
_SITE_LENGTH = 24
_REFLECTORS = 2
_NOT_IGP = ("router bgp", "ip route", "ip prefix-list", "route-map")


def grid(routers: int, **more: object) -> NetworkFile:
    """A network of that many routers, an even number from 6 on.

    Args:
        routers: How many.
        more: Further fields of the network file.
    """
    chord = (routers // 3) | 1
    links = nx.LCF_graph(routers, [chord, -chord], routers // 2).edges
    return NetworkFile.model_validate(
        {
            "version": 1,
            "name": f"grid-{routers}",
            "autonomous_system": 65000,
            "assumption": "A ring with chords, for benchmarks.",
            "routers": [_router(number) for number in range(routers)],
            "links": [
                {"a": _name(a), "b": _name(b), "capacity_gbps": 10, "cost": 10} for a, b in links
            ],
            **more,
        }
    )


def igp_lab(network: NetworkFile) -> LabSpec:
    """Its lab with the IGP alone: what the targets for start-up are about."""
    _, spec = design(network)
    nodes = (replace(node, config=_igp_alone(node.config)) for node in spec.nodes)
    return replace(spec, nodes=tuple(nodes))


def loopbacks_everywhere(network: NetworkFile) -> dict[NodeId, frozenset[Prefix]]:
    """Converged: every other router's loopback is in each table."""
    loopbacks = {NodeId(it.name): Prefix(it.loopback) for it in network.routers}
    every = frozenset(loopbacks.values())
    return {node: every - {own} for node, own in loopbacks.items()}


def _router(number: int) -> dict[str, object]:
    site = _SITES + (number << (32 - _SITE_LENGTH))
    return {
        "name": _name(number),
        "loopback": _LOOPBACKS + number + 1,
        "site": IPv4Network((site, _SITE_LENGTH)),
        "route_reflector": number < _REFLECTORS,
    }


def _name(number: int) -> str:
    return f"R{number:03}"


def _igp_alone(config: str) -> str:
    return render(block for block in parse(config) if not block.header.startswith(_NOT_IGP))
