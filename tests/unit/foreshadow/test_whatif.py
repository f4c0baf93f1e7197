"""The routing model: against published loads, against networkx, and route by route."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import hypothesis.strategies as st
import networkx as nx
import numpy as np
import pytest
from hypothesis import given

from foreshadow.demand import DemandKey
from foreshadow.exits import Exit, Exits
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Topology
from foreshadow.walk import worst
from foreshadow.whatif import NO_CUT, WhatIf, route, single_cuts
from tests.planned_network import CUT, measured, planned, planned_exits, without_peers
from tests.production_state import abilene

SPIKE = datetime(2004, 3, 2, 1, 35, tzinfo=UTC)
PEAK = datetime(2004, 3, 11, 20, 10, tzinfo=UTC)
PEER_PREFIXES = tuple(entry.prefix for peer in abilene().peers for entry in peer.prefixes)


@pytest.mark.shared_data
def test_unscaled_loads_are_the_published_ones(shared_data: Path) -> None:
    """Mean 2.74 %, maximum 32.09 % on CHINng->IPLSng at 2004-03-02 01:35."""
    series = measured(shared_data, growth=1.0, with_peers=False)
    matrix = planned(without_peers(abilene())).under(NO_CUT, series.keys)
    ratios = series.rates_bps @ matrix.shares.T / matrix.capacity_bps
    step, link = np.unravel_index(ratios.argmax(), ratios.shape)

    assert ratios.mean() == pytest.approx(0.0274, abs=5e-5)
    assert ratios.max() == pytest.approx(0.3209, abs=5e-5)
    assert (series.starts[step], str(matrix.links[link])) == (SPIKE, "CHINng->IPLSng")


@pytest.mark.shared_data
def test_only_one_cut_hurts_at_the_spike(shared_data: Path) -> None:
    """IPLSng-KSCYng puts IPLSng->ATLAng at 113.5 %; no other single cut exceeds 36 %."""
    series = measured(shared_data, growth=1.0, with_peers=False)
    network, demand = planned(without_peers(abilene())), series.at(SPIKE)
    found = {
        "-".join(cut): worst(network.under(cut, series.keys).load_ratios(demand))
        for cut in single_cuts(network.what_if.topology)
    }
    link, ratio = found.pop("IPLSng-KSCYng")

    assert str(link) == "IPLSng->ATLAng"
    assert ratio == pytest.approx(1.135, abs=5e-4)
    assert max(ratio for _, ratio in found.values()) < 0.36


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("exits", "cut", "expected"),
    [
        (planned_exits(abilene()), NO_CUT, ("NYCMng->CHINng", 0.244)),
        (planned_exits(abilene()), CUT, ("ATLAng->IPLSng", 1.011)),
        (planned_exits(abilene()), {"NYCMng-WASHng"}, ("ATLAng->IPLSng", 0.853)),
        (planned_exits(abilene(), moved=PEER_PREFIXES), CUT, ("ATLAng->IPLSng", 0.738)),
        (planned_exits(abilene(), preferences={"CHINng": 100}), CUT, ("ATLAng->IPLSng", 0.879)),
    ],
    ids=["intact", "cut", "next-worst", "all-moved", "equal-preference"],
)
def test_reference_drill_reads_as_tried_on_frr(
    shared_data: Path, exits: Exits, cut: frozenset[LinkId], expected: tuple[str, float]
) -> None:
    """Demand x 2.5 at the story's peak: the loads that real routers gave for each policy."""
    series = measured(shared_data, growth=2.5)
    matrix = planned(abilene(), exits).under(frozenset(cut), series.keys)
    link, ratio = worst(matrix.load_ratios(series.at(PEAK)))

    assert str(link) == expected[0]
    assert ratio == pytest.approx(expected[1], abs=6e-4)


@pytest.mark.shared_data
def test_moving_everything_loads_the_way_back(shared_data: Path) -> None:
    """With all six prefixes at NYCMng, IPLSng->ATLAng reads 72.0 % under the cut."""
    series = measured(shared_data, growth=2.5)
    network = planned(abilene(), planned_exits(abilene(), moved=PEER_PREFIXES))
    ratios = network.under(CUT, series.keys).load_ratios(series.at(PEAK))
    back = {str(link): ratio for link, ratio in ratios.items()}["IPLSng->ATLAng"]

    assert back == pytest.approx(0.720, abs=6e-4)


def _site(index: int) -> IPv4Network:
    return IPv4Network((0x0A000000 + (index << 8), 24))


@st.composite
def networks(draw: st.DrawFn) -> Topology:
    """Connected or not, 2 to 7 routers, few distinct costs so that ECMP is common."""
    count = draw(st.integers(2, 7))
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    chosen = draw(st.lists(st.sampled_from(pairs), min_size=1, max_size=12))
    links = []
    for number, (a, b) in enumerate(chosen):
        metric = draw(st.integers(1, 3))
        ends = [
            LinkEnd(
                node=NodeId(f"R{node}"),
                interface=f"if{number}",
                address=IPv4Address(2 * number + side),
                metric=metric,
            )
            for side, node in enumerate((a, b))
        ]
        links.append(Link(id=LinkId(f"L{number}"), a=ends[0], b=ends[1], capacity_bps=1e9))
    nodes = tuple(Node(id=NodeId(f"R{n}"), loopback=IPv4Address(n + 1)) for n in range(count))
    return Topology(nodes=nodes, links=tuple(links))


def _brute_force(topology: Topology, src: str, dst: str) -> dict[tuple[str, str], float]:
    """Share per link direction by splitting at every router over all shortest next hops."""
    graph = topology.graph()
    distance = nx.single_source_dijkstra_path_length(graph.reverse(), dst)
    flow: dict[tuple[str, str], float] = {}

    def push(node: str, share: float) -> None:
        if node == dst:
            return
        hops = [
            (key, far)
            for _, far, key, data in graph.out_edges(node, keys=True, data=True)
            if far in distance and data["weight"] + distance[far] == distance[node]
        ]
        for key, far in hops:
            flow[key, far] = flow.get((key, far), 0.0) + share / len(hops)
            push(far, share / len(hops))

    if src in distance:
        push(src, 1.0)
    return flow


@given(networks(), st.data())
def test_model_is_networkx_splitting_hop_by_hop(topology: Topology, data: st.DataObject) -> None:
    """On any graph with any links cut, every demand takes the shares a brute force gives it."""
    cut = frozenset(
        data.draw(st.sets(st.sampled_from([link.id for link in topology.links]), max_size=3))
    )
    exits = {_site(i): (Exit(router=node.id),) for i, node in enumerate(topology.nodes)}
    keys = tuple(
        DemandKey(ingress=node.id, prefix=_site(i))
        for node in topology.nodes
        for i in range(len(topology.nodes))
    )
    matrix = route(topology, exits, keys, cut)

    for column, key in enumerate(keys):
        dst = next(exit_.router for exit_ in exits[key.prefix])
        expected = _brute_force(topology.without(cut), key.ingress, dst)
        found = {
            (link.link, link.dst): share
            for link, share in zip(matrix.links, matrix.shares[:, column], strict=True)
            if share
        }
        assert found == pytest.approx(expected)
        assert matrix.lost[column] == (not expected and key.ingress != dst)


def test_a_reflector_hides_the_nearer_exit() -> None:
    """Equal preference: WASHng is nearer to NYCMng, but both reflectors choose CHINng."""
    exits = planned_exits(abilene(), preferences={"CHINng": 100})
    reflected = planned(abilene(), exits).what_if
    full_mesh = WhatIf(reflected.topology, exits)
    key = DemandKey(ingress=NodeId("ATLAng"), prefix=PEER_PREFIXES[0])
    washington = DemandKey(ingress=NodeId("WASHng"), prefix=PEER_PREFIXES[0])

    assert _path(reflected, washington, CUT) == [
        "WASHng->ATLAng",
        "ATLAng->IPLSng",
        "IPLSng->CHINng",
    ]
    assert _path(full_mesh, washington, CUT) == ["WASHng->NYCMng"]
    assert _path(reflected, key, NO_CUT) == ["ATLAng->IPLSng", "IPLSng->CHINng"]


def test_a_lost_session_moves_traffic_to_the_other_exit() -> None:
    """With the link to PEERCHI down the less preferred exit serves everyone."""
    what_if = planned(abilene()).what_if
    key = DemandKey(ingress=NodeId("CHINng"), prefix=PEER_PREFIXES[0])

    assert _path(what_if, key, frozenset({LinkId("CHINng-PEERCHI")})) == ["CHINng->NYCMng"]


def _path(what_if: WhatIf, key: DemandKey, cut: frozenset[LinkId]) -> list[str]:
    matrix = what_if.route((key,), cut)
    shares = zip(matrix.links, matrix.shares[:, 0], strict=True)
    used = {link.src: link for link, share in shares if share}
    node, path = key.ingress, []
    while node in used:
        path.append(str(used[node]))
        node = used[node].dst
    return path


def test_what_does_not_fit_is_worked_out_again_and_is_the_same() -> None:
    """However many failures are asked about, so many bytes are kept, those asked for last."""
    network = planned(abilene()).what_if
    prefix = next(iter(network.exits))
    keys = tuple(DemandKey(ingress=node.id, prefix=prefix) for node in network.topology.nodes[:5])
    one = network.route(keys).shares.nbytes
    small = WhatIf(
        network.topology, network.exits, reflectors=network.reflectors, kept_bytes=2 * one
    )
    cuts = single_cuts(network.topology)[:3]
    first = [small.route(keys, cut) for cut in cuts]

    assert small.route(keys, cuts[2]) is first[2]
    assert small.route(keys, cuts[1]) is first[1]
    again = small.route(keys, cuts[0])
    assert again is not first[0]
    assert np.array_equal(again.shares, first[0].shares)
    assert small.route(keys, cuts[1]) is first[1]
    assert small.route(keys, cuts[2]) is not first[2]
