"""The engine against the networkx model, failure by failure, on networks made at random."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exit, Exits
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, Prefix, Topology
from foreshadow.whatif import NO_CUT, route
from scenarios.failures.engine import FailureEngine, Loaded

AT = datetime(2004, 3, 1, tzinfo=UTC)
WHOLE = IPv4Network("10.0.0.0/8")
PARTS = tuple(IPv4Network((0x0A000000 + (n << 16), 16)) for n in range(3))
INNER = IPv4Network("10.1.128.0/17")

Case = tuple[Topology, Exits, frozenset[NodeId], tuple[DemandMatrix, ...]]


@st.composite
def links(draw: st.DrawFn, count: int) -> tuple[Link, ...]:
    """Parallel links, ties, metrics that differ by direction, islands; some links lead outside."""
    found = []
    for number in range(draw(st.integers(1, 14))):
        a, b = sorted(
            draw(st.lists(st.integers(0, count - 1), min_size=2, max_size=2, unique=True))
        )
        is_external = draw(st.integers(0, 4)) == 0
        far = f"X{number}" if is_external else f"R{b}"
        metric = draw(st.integers(1, 3))
        back = draw(st.sampled_from((metric, metric, 1, 2, 3)))
        ends = [
            LinkEnd(
                node=NodeId(node),
                interface=f"if{number}",
                address=IPv4Address(2 * number + side),
                metric=cost,
            )
            for side, (node, cost) in enumerate(((f"R{a}", metric), (far, back)))
        ]
        found.append(
            Link(
                id=LinkId(f"L{number}"),
                a=ends[0],
                b=ends[1],
                capacity_bps=1e9,
                is_external=is_external,
            )
        )
    return tuple(found)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A network, where its prefixes leave, who reflects routes, and two matrices."""
    count = draw(st.integers(2, 7))
    inside = [NodeId(f"R{n}") for n in range(count)]
    joined = draw(links(count))
    ids = draw(st.permutations(range(1, count + 1)))
    topology = Topology(
        nodes=(
            *(Node(id=n, loopback=IPv4Address(i)) for n, i in zip(inside, ids, strict=True)),
            *(Node(id=link.b.node, is_external=True) for link in joined if link.is_external),
        ),
        links=joined,
    )
    doors = [(link.a.node, link.id) for link in joined if link.is_external]
    ways = st.lists(
        st.one_of(
            st.builds(Exit, router=st.sampled_from(inside), local_preference=st.just(100)),
            *(
                st.builds(
                    Exit,
                    router=st.just(router),
                    via=st.just(link),
                    local_preference=st.sampled_from((50, 100, 200)),
                )
                for router, link in doors
            ),
        ),
        min_size=1,
        max_size=4,
    ).map(tuple)
    prefixes = draw(st.sets(st.sampled_from((WHOLE, *PARTS, INNER)), min_size=1))
    exits = {prefix: draw(ways) for prefix in sorted(prefixes)}
    reflectors = frozenset(draw(st.sets(st.sampled_from(inside), max_size=3)))
    asked: tuple[Prefix, ...] = (*PARTS, WHOLE)
    keys = draw(
        st.sets(
            st.builds(DemandKey, ingress=st.sampled_from(inside), prefix=st.sampled_from(asked))
        )
    )
    rates = st.floats(0, 1e9, allow_nan=False, allow_subnormal=False)
    matrices = tuple(
        DemandMatrix(
            at=AT,
            keys=tuple(sorted(keys)),
            rates_bps=tuple(draw(rates) for _ in keys),
        )
        for _ in range(2)
    )
    return topology, exits, reflectors, matrices


def failures(topology: Topology) -> st.SearchStrategy[frozenset[LinkId]]:
    """Any set of links."""
    return st.frozensets(st.sampled_from([link.id for link in topology.links]), max_size=5)


def loaded(case: Case) -> Loaded:
    """The engine with the case's traffic."""
    topology, exits, reflectors, matrices = case
    return FailureEngine(topology, exits, reflectors=reflectors).under(matrices)


def agree(case: Case, found: Loaded, cut: frozenset[LinkId]) -> None:
    """The engine says what the model says: each load, and what is lost, of each matrix."""
    topology, exits, reflectors, matrices = case
    loads, lost = found.loads_bps(cut), found.survey((cut,), limit_ratio=0.5).lost_bps[0]
    for column, demand in enumerate(matrices):
        model = route(topology, exits, demand.keys, cut, reflectors=reflectors)
        expected = model.loads_bps(demand)
        within = 1e-9 * max(1.0, demand.total_bps)

        assert lost[column] == pytest.approx(model.lost_bps(demand), abs=within)
        assert {arc: loads[row, column] for row, arc in enumerate(found.arcs)} == pytest.approx(
            {arc: expected[arc] for arc in found.arcs}, abs=within
        )


@settings(max_examples=300, deadline=None)
@given(cases(), st.data())
def test_engine_is_the_model_under_any_failure(case: Case, data: st.DataObject) -> None:
    """Multi-edges, ties, islands, several exits, reflectors, parts of prefixes, two matrices."""
    found = loaded(case)

    agree(case, found, NO_CUT)
    agree(case, found, data.draw(failures(case[0])))


@settings(max_examples=100, deadline=None)
@given(cases(), st.data())
def test_incremental_is_what_a_fresh_start_gives(case: Case, data: st.DataObject) -> None:
    """Links that fail, and links that were down before anything was worked out, are alike."""
    topology, exits, reflectors, matrices = case
    cut = data.draw(failures(topology))
    found = loaded(case)
    fresh = FailureEngine(topology, exits, reflectors=reflectors, down=cut).under(matrices)
    scale = max(1.0, *(demand.total_bps for demand in matrices))
    loads, again = found.loads_bps(cut), fresh.loads_bps(NO_CUT)
    gone = dict.fromkeys(found.arcs, 0.0)

    for column in range(len(matrices)):
        left = gone | dict(zip(fresh.arcs, again[:, column].tolist(), strict=True))
        assert dict(zip(found.arcs, loads[:, column].tolist(), strict=True)) == pytest.approx(
            left, abs=1e-9 * scale
        )


@settings(max_examples=100, deadline=None)
@given(cases(), st.data())
def test_every_failure_leaves_the_base_as_it_was(case: Case, data: st.DataObject) -> None:
    """Bit for bit, in any order and however often."""
    found = loaded(case)
    tried = data.draw(st.lists(failures(case[0]), min_size=1, max_size=6))
    before = found.loads_bps(NO_CUT)
    first = found.survey(tried, limit_ratio=0.5)
    again = found.survey(tried[::-1], limit_ratio=0.5)

    assert np.array_equal(found.loads_bps(NO_CUT), before)
    assert np.array_equal(first.over_bps, again.over_bps[::-1])
    assert np.array_equal(first.sketch, again.sketch[::-1])


@settings(max_examples=100, deadline=None)
@given(cases(), st.data())
def test_columns_do_not_know_of_each_other(case: Case, data: st.DataObject) -> None:
    """Two matrices at once read as each alone."""
    topology, exits, reflectors, matrices = case
    cut = data.draw(failures(topology))
    both = loaded(case).loads_bps(cut)

    for column, demand in enumerate(matrices):
        alone = loaded((topology, exits, reflectors, (demand,))).loads_bps(cut)
        scale = max(1.0, *(demand.total_bps for demand in matrices))
        assert alone[:, 0] == pytest.approx(both[:, column], abs=1e-9 * scale)


@given(cases())
def test_a_demand_nobody_can_route_is_lost(case: Case) -> None:
    """Without an exit, or from a router that is not there, it is lost before any failure."""
    topology, exits, reflectors, (demand, _) = case
    strange = DemandKey(ingress=NodeId("R0"), prefix=IPv4Network("192.0.2.0/24"))
    unknown = DemandKey(ingress=NodeId("nobody"), prefix=PARTS[0])
    added = replace(
        demand, keys=(*demand.keys, strange, unknown), rates_bps=(*demand.rates_bps, 5e6, 7e6)
    )
    engine = FailureEngine(topology, exits, reflectors=reflectors)
    lost = [
        engine.under((matrix,)).survey((NO_CUT,), limit_ratio=1.0).lost_bps[0, 0]
        for matrix in (demand, added)
    ]

    assert lost[1] - lost[0] == pytest.approx(12e6, abs=1.0)
