"""The load of every link under measured traffic matrices: demands routed by IGP metric with ECMP.

Each router splits what it sends towards a destination evenly over the next hops on shortest paths,
as OSPF and IS-IS do (RFC 2328, 16.1). Where no link has a metric, every link counts 1.
"""

from collections import defaultdict

import networkx as nx
import numpy as np
import numpy.typing as npt

from console.series_file import SeriesFile
from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedTopology

Array = npt.NDArray[np.float64]
_NAMED = 5


def link_loads(matrix: SeriesFile, topology: ImportedTopology) -> tuple[tuple[str, ...], Array]:
    """The names of all link directions, `A->B`, and their loads, shape (n_steps, n_directions).

    Raises:
        ConfigError: The file is no matrix, or names routers that the topology does not have.
    """
    if not matrix.is_matrix:
        raise ConfigError(
            "is no traffic matrix: with --topology every column is named A->B", path=matrix.path
        )
    names, shares = _shares(matrix, topology)
    known = np.isfinite(matrix.values)
    loads = np.where(known, matrix.values, 0.0) @ shares
    loads[~known.any(axis=1)] = np.nan
    return names, loads


def _shares(matrix: SeriesFile, topology: ImportedTopology) -> tuple[tuple[str, ...], Array]:
    """Which share of each column every link direction carries, shape (n_columns, n_directions)."""
    pairs = matrix.pairs()
    router = _routers(matrix, topology)
    called = {node: name for name, node in router.items()}
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    names: list[str] = []
    for link in topology.links:
        metric = 1.0 if link.metric is None else link.metric
        for near, far in ((link.a, link.b), (link.b, link.a)):
            number = graph.number_of_edges(near, far)
            graph.add_edge(near, far, metric=metric, row=len(names))
            twin = f"#{number + 1}" if number else ""
            names.append(f"{called.get(near, near)}->{called.get(far, far)}{twin}")
    shares = np.zeros((len(pairs), len(names)))
    columns: dict[str, list[int]] = defaultdict(list)
    for column, (source, destination) in enumerate(pairs):
        if source != destination:
            columns[router[destination]].append(column)
    for destination, places in columns.items():
        flows = np.asarray([_entering(graph, router[pairs[p][0]]) for p in places])
        shares[places] = _towards(graph, destination, flows, len(names))
    return tuple(names), shares


def _entering(graph: "nx.MultiDiGraph[str]", node: str) -> Array:
    """One unit entering at a router, shape (n_routers,)."""
    return np.asarray([float(it == node) for it in graph])


def _towards(
    graph: "nx.MultiDiGraph[str]", destination: str, flows: Array, n_directions: int
) -> Array:
    """Where flows towards one router go, shape (n_flows, n_directions)."""
    distance = nx.single_source_dijkstra_path_length(
        graph.reverse(copy=False), destination, weight="metric"
    )
    place = {node: number for number, node in enumerate(graph)}
    carried = np.zeros((len(flows), n_directions))
    through = flows.copy()
    for node in sorted(distance, key=lambda it: -distance[it]):
        if node == destination:
            continue
        hops = [
            (far, facts["row"])
            for _, far, facts in graph.out_edges(node, data=True)
            if far in distance
            and np.isclose(distance[node], distance[far] + facts["metric"], rtol=1e-12)
        ]
        part = through[:, place[node]] / len(hops)
        for far, row in hops:
            carried[:, row] += part
            through[:, place[far]] += part
    return carried


def _routers(matrix: SeriesFile, topology: ImportedTopology) -> dict[str, str]:
    """The topology's node of each router the matrix names, by id, by label or by number."""
    named = sorted({router for pair in matrix.pairs() for router in pair})
    nodes = [node.id for node in topology.nodes]
    labels = {node.label: node.id for node in topology.nodes if node.label}
    known = {it: it for it in nodes} | {it: labels[it] for it in labels if it not in nodes}
    if not set(named) - known.keys():
        return {name: known[name] for name in named}
    if all(it.isdecimal() for it in nodes) and len(nodes) == len(named):
        return dict(zip(named, sorted(nodes, key=int), strict=True))
    folded = {it.casefold(): node for it, node in known.items()}
    if unknown := [name for name in named if name.casefold() not in folded]:
        raise ConfigError(
            f"{topology.name} has no router {', '.join(unknown[:_NAMED])}; "
            f"it has {', '.join(sorted(nodes)[:_NAMED])}, ...",
            path=matrix.path,
            line=1,
        )
    return {name: folded[name.casefold()] for name in named}
