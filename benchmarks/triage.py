"""What triage costs: every failure of a network, against networkx in the same run.

`python -m benchmarks.triage [--json] [--only NAME]`. Networks are made: routers at random places,
joined to their neighbors (a Delaunay triangulation, thinned until there are two links a router and
no link whose loss parts the network), metrics 1 to 4 so that equal paths are common, a gravity
model for traffic between all routers. One thread, and rates are of one
core: by processor time, networkx's too. Compiling is done before anything is timed.
networkx does what the engine does for a sample of the same failures: shortest paths to every
destination, then the traffic split hop by hop.
"""

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations
from pathlib import Path
from statistics import median

import networkx as nx
import numpy as np
import numpy.typing as npt
from scipy.spatial import Delaunay

from benchmarks._report import NotMeasured, Row, run
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exit, Exits
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Topology
from ingest.sources.matrix_file import read_matrix_file
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands
from ingest.topologies.network import network_of
from ingest.topologies.reading import read_topology
from scenarios.failures.cases import pair_cases
from scenarios.failures.engine import Failure, FailureEngine, Loaded
from scenarios.failures.ranking import rank
from scenarios.failures.warm_up import warm_up
from scenarios.planning.planned_network import planned
from scenarios.triage import NamedDemand, engine_of, triage
from tests.production_state import ABILENE, abilene

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_LIMIT = 0.85
_REPETITIONS = 5
_SAMPLED = 6
_SHARED = Path(os.environ.get("FORESHADOW_SHARED_DATA", "../shared/data"))


def single_failures_200() -> Iterator[Row]:
    """200 routers, 400 links: the target, and the ratio to networkx."""
    yield from _single(200, 400, least_per_s=3000, least_ratio=400, repetitions=_REPETITIONS)


def single_failures_500() -> Iterator[Row]:
    """500 routers, 1,000 links."""
    yield from _single(500, 1000, least_per_s=None, least_ratio=None, repetitions=3)


def single_failures_1000() -> Iterator[Row]:
    """1,000 routers, 2,000 links."""
    yield from _single(1000, 2000, least_per_s=200, least_ratio=None, repetitions=3)


def eight_matrices() -> Iterator[Row]:
    """200 routers, eight demand matrices at once."""
    loaded, failures = _loaded(200, 400, matrices=8)
    per_s = _per_s(lambda: loaded.survey(failures, limit_ratio=_LIMIT), len(failures))
    yield _row("200 routers, 8 matrices at once: failures", per_s, "1/s", None)
    yield _row("200 routers, 8 matrices at once: failures x matrices", 8 * per_s, "1/s", None)


def node_failures() -> Iterator[Row]:
    """Each of 200 routers with all its links."""
    loaded, _ = _loaded(200, 400)
    links = loaded.engine.topology.links
    failures = [
        frozenset(link.id for link in links if node.id in (link.a.node, link.b.node))
        for node in loaded.engine.topology.nodes
    ]
    per_s = _per_s(lambda: loaded.survey(failures, limit_ratio=_LIMIT), len(failures))
    yield _row("200 routers, each router's death", per_s, "1/s", None)


def pairs_of_abilene() -> Iterator[Row]:
    """All N-2 of Abilene with its peers and reflectors, ranked and equals merged."""
    network = planned(abilene())
    profile = _profile()
    loaded = engine_of(network).under([profile])
    yield from _pairs("Abilene (12 routers, 15 links)", loaded)
    took = []
    for _ in range(_REPETITIONS):
        begun_s = time.perf_counter()
        triage(network, (NamedDemand(name="P95", matrix=profile),), limit_ratio=_LIMIT)
        took.append((time.perf_counter() - begun_s) * 1e3)
    yield _row("Abilene: a whole triage report (links, routers, pairs)", median(took), "ms", None)


def pairs_of_50() -> Iterator[Row]:
    """All N-2 of a 50-node network: Surfnet of the Topology Zoo where it is at hand, one made."""
    loaded, _ = _loaded(50, 100)
    yield from _pairs("made, 50 routers, 100 links", loaded)
    graph = _SHARED / "topologies/repetita-zoo/Surfnet.graph"
    if not graph.is_file():
        raise NotMeasured(f"{graph} is not here; FORESHADOW_SHARED_DATA says where the data are")
    made = network_of(read_topology(graph))
    matrices = read_matrix_file(graph.with_name("Surfnet.0000.demands"))
    numbers = {f"#{place}": NodeId(name) for place, name in enumerate(made.names.values())}
    named = tuple((numbers[src], numbers[dst]) for src, dst in matrices.pairs)
    series = demands(
        type(matrices)(
            name=matrices.name, pairs=named, starts=matrices.starts, rates_mbps=matrices.rates_mbps
        ),
        made.file,
        growth=1.0,
    )
    surfnet = engine_of(planned(made.file)).under([series.matrix(0)])
    links = len(made.file.links)
    yield from _pairs(f"Surfnet ({len(made.file.routers)} routers, {links} links)", surfnet)


def base_state() -> Iterator[Row]:
    """Everything worked out from nothing: routing once per topology, traffic once per demand."""
    for routers, links in ((200, 400), (1000, 2000)):
        topology, exits, demand = _network(routers, links)
        routed, carried = [], []
        for _ in range(3):
            begun_s = time.perf_counter()
            engine = FailureEngine(topology, exits)
            routed.append((time.perf_counter() - begun_s) * 1e3)
            engine.placed((demand,))
            begun_s = time.perf_counter()
            engine.under((demand,))
            carried.append((time.perf_counter() - begun_s) * 1e3)
        yield _row(f"{routers} routers: routing from nothing", median(routed), "ms", None)
        yield _row(f"{routers} routers: another demand", median(carried), "ms", None)


def _single(
    routers: int,
    links: int,
    *,
    least_per_s: float | None,
    least_ratio: float | None,
    repetitions: int,
) -> Iterator[Row]:
    loaded, failures = _loaded(routers, links)
    name = f"{routers} routers, {links} links, every single failure"
    per_s = _per_s(
        lambda: loaded.survey(failures, limit_ratio=_LIMIT), len(failures), repetitions=repetitions
    )
    yield _row(f"{name}: engine", per_s, "1/s", least_per_s, repetitions=repetitions)
    sample = failures[:: max(1, len(failures) // _SAMPLED)][:_SAMPLED]
    begun_s = time.process_time()
    theirs = [_by_networkx(loaded, failure) for failure in sample]
    peer_per_s = len(sample) / (time.process_time() - begun_s)
    offered_bps = float(loaded.offered_bps[0])
    for failure, loads in zip(sample, theirs, strict=True):
        difference = np.abs(loaded.loads_bps(failure)[:, 0] - loads).max() / offered_bps
        if difference > 1e-9:
            raise RuntimeError(f"engine and networkx differ by {difference:.2g} at {failure}")
    yield _row(f"{name}: networkx", peer_per_s, "1/s", None, repetitions=len(sample))
    yield _row(f"{name}: ratio", per_s / peer_per_s, "x", least_ratio, repetitions=repetitions)


def _pairs(name: str, loaded: Loaded) -> Iterator[Row]:
    cases = list(pair_cases(loaded.engine.topology))
    per_s = _per_s(
        lambda: rank(loaded, cases, limit_ratio=_LIMIT, most=20), len(cases), repetitions=3
    )
    found = rank(loaded, cases, limit_ratio=_LIMIT, most=20)
    yield _row(f"{name}: all {len(cases)} pairs, ranked", 1e3 * len(cases) / per_s, "ms", None)
    yield _row(f"{name}: pairs", per_s, "1/s", None)
    yield _row(f"{name}: pairs that cost something", found.harmful, "", None)


def _per_s(work: Callable[[], object], count: int, *, repetitions: int = _REPETITIONS) -> float:
    rates = []
    for _ in range(repetitions):
        gc.collect()
        begun_s = time.process_time()
        work()
        rates.append(count / (time.process_time() - begun_s))
    return median(rates)


def _row(
    name: str, value: float, unit: str, least: float | None, *, repetitions: int = _REPETITIONS
) -> Row:
    return Row(
        name=name, value=value, unit=unit, target=least, repetitions=repetitions, is_least=True
    )


def _by_networkx(loaded: Loaded, failure: Failure) -> npt.NDArray[np.float64]:
    """The same loads by networkx: Dijkstra per destination, then split hop by hop."""
    graph = loaded.engine.topology.without(failure).graph()
    _, _, demand = _network(len(graph), len(loaded.engine.topology.links))
    sent: dict[str, dict[str, float]] = {}
    homes = {_site(number): f"R{number}" for number in range(len(graph))}
    for key, rate in zip(demand.keys, demand.rates_bps, strict=True):
        sent.setdefault(homes[key.prefix], {})[key.ingress] = rate
    row = {(arc.src, str(arc.link)): number for number, arc in enumerate(loaded.arcs)}
    loads = np.zeros(len(row))
    backwards = graph.reverse(copy=False)
    for target, entering in sent.items():
        distance = nx.single_source_dijkstra_path_length(backwards, target)
        flow = dict(entering)
        for node in sorted(distance, key=distance.__getitem__, reverse=True):
            through = flow.get(node, 0.0)
            if node == target or not through:
                continue
            hops = [
                (far, link)
                for _, far, link, metric in graph.out_edges(node, keys=True, data="weight")
                if far in distance and distance[node] == metric + distance[far]
            ]
            for far, link in hops:
                loads[row[node, link]] += through / len(hops)
                flow[far] = flow.get(far, 0.0) + through / len(hops)
    return loads


def _loaded(routers: int, links: int, *, matrices: int = 1) -> tuple[Loaded, list[Failure]]:
    warm_up()
    topology, exits, demand = _network(routers, links)
    loaded = FailureEngine(topology, exits).under([demand] * matrices)
    return loaded, [frozenset({link.id}) for link in topology.links]


@cache
def _network(routers: int, links: int, seed: int = 1) -> tuple[Topology, Exits, DemandMatrix]:
    random = np.random.default_rng(seed)
    graph = _graph(routers, links, random)
    mass = random.pareto(1.5, routers) + 0.1
    keys = tuple(
        sorted(
            DemandKey(ingress=NodeId(f"R{a}"), prefix=_site(b))
            for a in range(routers)
            for b in range(routers)
            if a != b
        )
    )
    homes = {_site(number): number for number in range(routers)}
    rates = np.asarray([mass[int(key.ingress[1:])] * mass[homes[key.prefix]] for key in keys])
    rates *= 1e9 * routers / rates.sum()
    topology = Topology(
        nodes=tuple(
            Node(id=NodeId(f"R{number}"), loopback=IPv4Address(number + 1))
            for number in range(routers)
        ),
        links=tuple(
            _link(number, edge, int(random.integers(1, 5)))
            for number, edge in enumerate(sorted(graph.edges))
        ),
    )
    exits = {site: (Exit(router=NodeId(f"R{number}")),) for site, number in homes.items()}
    return topology, exits, DemandMatrix(at=_AT, keys=keys, rates_bps=tuple(rates.tolist()))


def _graph(routers: int, links: int, random: np.random.Generator) -> "nx.Graph[int]":
    graph: nx.Graph[int] = nx.Graph()
    for corners in Delaunay(random.random((routers, 2))).simplices.tolist():
        graph.add_edges_from(combinations(sorted(corners), 2))
    edges: Sequence[tuple[int, int]] = sorted(graph.edges)
    for number in random.permutation(len(edges)):
        if graph.number_of_edges() <= links:
            break
        graph.remove_edge(*edges[number])
        if not nx.is_k_edge_connected(graph, 2):
            graph.add_edge(*edges[number])
    return graph


def _link(number: int, edge: tuple[int, int], metric: int) -> Link:
    a, b = (
        LinkEnd(
            node=NodeId(f"R{node}"),
            interface=f"if{number}",
            address=IPv4Address(2 * number + side),
            metric=metric,
        )
        for side, node in enumerate(edge)
    )
    return Link(id=LinkId(f"L{number}"), a=a, b=b, capacity_bps=1e10)


def _site(number: int) -> IPv4Network:
    return IPv4Network((0x0A000000 + (number << 8), 24))


@cache
def _profile() -> DemandMatrix:
    at = Story().failure_at
    path = ABILENE.with_name("abilene_profile.yaml")
    return demands(profile_matrices(path, abilene(), until=at), abilene()).at(at)


if __name__ == "__main__":
    run(
        "What triage costs",
        (
            single_failures_200,
            single_failures_500,
            single_failures_1000,
            eight_matrices,
            node_failures,
            pairs_of_abilene,
            pairs_of_50,
            base_state,
        ),
    )
