"""An imported topology as a network file, so that it can be brought up as a lab.

What the source does not say is decided by these rules, and each one that was used is written down:

names        see `naming`; the n-th router has loopback 10.255.x.y and site 10.x.y.0/24, n = 256x+y
capacity     as given; where none is, what the caller assumes, and nothing else
cost         as given (fractions scaled up alike); else inverse to the capacity, the widest link 10;
             else 10 everywhere
reflectors   one in a network of fewer than eight routers, else two: those on most shortest paths
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

import networkx as nx
from pydantic import ValidationError

from foreshadow.document import reason_of
from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedTopology, known
from foreshadow.network_file import LinkEntry, NetworkFile, RouterEntry
from ingest.topologies.naming import network_name, router_names

_AUTONOMOUS_SYSTEM = 65001
_LOOPBACKS = int(IPv4Address("10.255.0.0"))
_SITES = int(IPv4Address("10.0.0.0"))
_MOST_ROUTERS = 4096
_MOST_LINKS = 32_768
"""So many /31 are there in the /16 that links take their addresses from."""
_PLAIN_COST = 10
_HIGHEST_COST = 65_535
_REFLECTORS_FROM = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedNetwork:
    """A network file, and what had to be assumed for it.

    Attributes:
        names: The router's name of each node of the source.
        assumptions: One sentence each.
    """

    file: NetworkFile
    names: dict[str, str]
    assumptions: tuple[str, ...]


def network_of(
    topology: ImportedTopology, *, capacity_bps: float | None = None, name: str | None = None
) -> PlannedNetwork:
    """The network file of a topology.

    Args:
        topology: In one piece.
        capacity_bps: Capacity of the links whose own is not known.
        name: The network's; the topology's own if not given.

    Raises:
        ConfigError: Capacities are missing and none is assumed, or it is too large to be addressed.
    """
    _require_addressable(topology)
    links, assumed = _with_capacities(topology, capacity_bps)
    costs, rule = _costs(links)
    names = router_names(topology.nodes)
    reflectors = _reflectors(topology)
    assumptions = (
        *assumed,
        rule,
        f"route reflectors: {', '.join(names[it] for it in reflectors)}, on most shortest paths",
    )
    try:
        file = NetworkFile(
            version=1,
            name=network_name(name or topology.name),
            autonomous_system=_AUTONOMOUS_SYSTEM,
            assumption=_sentence(topology, assumptions),
            routers=tuple(_routers(topology, names, reflectors)),
            links=tuple(_links(links, costs, names)),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigError(
            f"no network file can be made of it: {reason_of(first)}", field=field
        ) from error
    return PlannedNetwork(file=file, names=names, assumptions=assumptions)


def _require_addressable(topology: ImportedTopology) -> None:
    if len(topology.nodes) > _MOST_ROUTERS or len(topology.links) > _MOST_LINKS:
        raise ConfigError(
            f"{len(topology.nodes)} routers and {len(topology.links)} links are more than a "
            f"network file is made for ({_MOST_ROUTERS} and {_MOST_LINKS})"
        )


def _with_capacities(
    topology: ImportedTopology, capacity_bps: float | None
) -> tuple[tuple[ImportedLink, ...], tuple[str, ...]]:
    missing = sum(link.capacity_bps is None for link in topology.links)
    if not missing:
        return topology.links, ()
    if capacity_bps is None:
        raise ConfigError(
            f"{missing} of {len(topology.links)} links have no capacity; "
            "say what to assume with --capacity-gbps"
        )
    filled = tuple(
        replace(link, capacity_bps=capacity_bps) if link.capacity_bps is None else link
        for link in topology.links
    )
    said = f"{missing} of {len(filled)} capacities are assumed: {capacity_bps / 1e9:g} Gbit/s"
    return filled, (said,)


def _costs(links: tuple[ImportedLink, ...]) -> tuple[tuple[int, ...], str]:
    metrics = known(link.metric for link in links)
    if len(metrics) == len(links):
        scale = next((it for it in (1, 2, 4, 10, 100) if _is_whole(metrics, it)), 100)
        said = "costs as given" + (f", times {scale}" if scale > 1 else "")
        return tuple(_cost(metric * scale) for metric in metrics), said
    capacities = known(link.capacity_bps for link in links)
    if len(set(capacities)) > 1:
        widest = max(capacities)
        costs = tuple(_cost(_PLAIN_COST * widest / capacity) for capacity in capacities)
        said = f"costs are inverse to capacity, {_PLAIN_COST} for {widest / 1e9:g} Gbit/s"
        return costs, said
    return (_PLAIN_COST,) * len(links), f"every link costs {_PLAIN_COST}"


def _is_whole(metrics: tuple[float, ...], scale: int) -> bool:
    return all((metric * scale).is_integer() for metric in map(float, metrics))


def _cost(value: float) -> int:
    return min(max(round(value), 1), _HIGHEST_COST)


def _reflectors(topology: ImportedTopology) -> tuple[str, ...]:
    graph = nx.Graph(topology.graph())
    centrality = nx.betweenness_centrality(graph)
    wanted = 1 if len(topology.nodes) < _REFLECTORS_FROM else 2
    return tuple(sorted(centrality, key=lambda node: (-round(centrality[node], 9), node))[:wanted])


def _routers(
    topology: ImportedTopology, names: dict[str, str], reflectors: tuple[str, ...]
) -> Iterator[RouterEntry]:
    for number, node in enumerate(topology.nodes, start=1):
        yield RouterEntry(
            name=names[node.id],
            loopback=IPv4Address(_LOOPBACKS + number),
            site=IPv4Network((_SITES + (number << 8), 24)),
            city="" if node.label == names[node.id] else node.label,
            latitude=node.latitude,
            longitude=node.longitude,
            route_reflector=node.id in reflectors,
        )


def _links(
    links: tuple[ImportedLink, ...], costs: tuple[int, ...], names: dict[str, str]
) -> Iterator[LinkEntry]:
    seen: dict[frozenset[str], int] = defaultdict(int)
    for link, cost in zip(links, costs, strict=True):
        pair = frozenset((link.a, link.b))
        seen[pair] += 1
        yield LinkEntry(
            a=names[link.a],
            b=names[link.b],
            number=seen[pair],
            capacity_gbps=(link.capacity_bps or 0.0) / 1e9,
            cost=cost,
            delay_ms=round(1e3 * (link.delay_s or 0.0), 6),
            srlgs=tuple(sorted(link.srlgs)),
        )


def _sentence(topology: ImportedTopology, assumptions: tuple[str, ...]) -> str:
    said = (*topology.warnings, *assumptions)
    return f"Imported from {topology.format} {topology.name}. " + "; ".join(said) + "."
