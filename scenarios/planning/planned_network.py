"""A network as its file plans it, and traffic for one that nobody has measured."""

from dataclasses import replace
from datetime import datetime

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exit, Exits
from foreshadow.network_file import NetworkFile
from foreshadow.present import Present
from foreshadow.topology import LinkId, NodeId, Prefix
from foreshadow.whatif import WhatIf
from shadow.emulation.design import topology_of


def planned(network: NetworkFile) -> Present:
    """The model of a network that runs as its file says, everything up."""
    reflectors = frozenset(NodeId(r.name) for r in network.routers if r.route_reflector)
    return Present(what_if=WhatIf(topology_of(network), _exits(network), reflectors=reflectors))


def assumed_demand(network: Present, *, at: datetime, busiest_ratio: float = 0.5) -> DemandMatrix:
    """Plausible traffic: a gravity model by capacity.

    Every router sends to every prefix it does not announce, in proportion to the capacity at either
    end; several prefixes of one router share its part. The whole is scaled until the fullest link
    of the network without failure is as full as `busiest_ratio`.

    Args:
        network: Says who is where, and where traffic would go.
        at: Time of the matrix.
        busiest_ratio: Load over capacity of the fullest link.
    """
    what_if = network.what_if
    weight: dict[NodeId, float] = {}
    for direction, capacity_bps in what_if.topology.capacities().items():
        weight[direction.src] = weight.get(direction.src, 0.0) + capacity_bps
    homes = {
        prefix: max(ways, key=lambda way: (way.local_preference, way.router)).router
        for prefix, ways in what_if.exits.items()
    }
    shared = {home: list(homes.values()).count(home) for home in homes.values()}
    rates = {
        DemandKey(ingress=node, prefix=prefix): weight[node] * weight[home] / shared[home]
        for prefix, home in homes.items()
        for node in weight
        if node != home and weight.get(home)
    }
    keys = tuple(sorted(rates))
    raw = DemandMatrix(at=at, keys=keys, rates_bps=tuple(rates[key] for key in keys))
    ratios = network.under(frozenset(), keys).load_ratios(raw)
    factor = busiest_ratio / max(ratios.values()) if any(ratios.values()) else 0.0
    return replace(raw, rates_bps=tuple(rate * factor for rate in raw.rates_bps))


def _exits(network: NetworkFile) -> Exits:
    exits: dict[Prefix, tuple[Exit, ...]] = {
        router.site: (Exit(router=NodeId(router.name)),) for router in network.routers
    }
    for peer in network.peers:
        for entry in peer.prefixes:
            exits[entry.prefix] = tuple(
                Exit(
                    router=NodeId(at.router),
                    local_preference=at.local_preference,
                    via=LinkId(f"{at.router}-{at.name}"),
                )
                for at in peer.attachments
            )
    return exits
