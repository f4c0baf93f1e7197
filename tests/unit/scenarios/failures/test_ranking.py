"""Which failures cost most: merged, counted and named as a person would."""

from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

import pytest

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exit
from foreshadow.topology import Link, LinkEnd, LinkId, Node, NodeId, SrlgId, Topology
from scenarios.failures.cases import (
    Kind,
    link_cases,
    node_cases,
    pair_cases,
    srlg_cases,
    usual_cases,
)
from scenarios.failures.engine import FailureEngine, Loaded
from scenarios.failures.ranking import Ranking, rank

SITE = IPv4Network("10.0.4.0/24")
DUCT = SrlgId("duct")


def _link(number: int, a: str, b: str, *, srlgs: Iterable[SrlgId] = ()) -> Link:
    ends = [
        LinkEnd(
            node=NodeId(node),
            interface=f"i{number}",
            address=IPv4Address(2 * number + side),
            metric=1,
        )
        for side, node in enumerate((a, b))
    ]
    return Link(
        id=LinkId(f"{a}-{b}"), a=ends[0], b=ends[1], capacity_bps=10.0, srlgs=frozenset(srlgs)
    )


SQUARE = Topology(
    nodes=tuple(Node(id=NodeId(name)) for name in "ABCDX"),
    links=(
        _link(0, "A", "B", srlgs=[DUCT]),
        _link(1, "B", "D", srlgs=[DUCT]),
        _link(2, "A", "C", srlgs=[DUCT]),
        _link(3, "C", "D"),
        _link(4, "X", "A"),
    ),
)
"""A to D over B and C alike; X hangs on A."""


def _loaded(*rates: float) -> Loaded:
    demands = [
        DemandMatrix(
            at=datetime(2026, 1, 1, tzinfo=UTC),
            keys=(DemandKey(ingress=NodeId("A"), prefix=SITE),),
            rates_bps=(rate,),
        )
        for rate in rates
    ]
    return FailureEngine(SQUARE, {SITE: (Exit(router=NodeId("D")),)}).under(demands)


def _names(ranking: Ranking) -> list[tuple[str, tuple[str, ...]]]:
    return [(row.case.name, row.like) for row in ranking.rows]


def test_cost_is_what_is_lost_and_what_is_too_much() -> None:
    """Of 12 bit/s on one path of 10, at a limit of 0.9: 3 too much on each of two links."""
    ranking = rank(_loaded(12.0), link_cases(SQUARE), limit_ratio=0.9)
    first = ranking.rows[0].severe

    assert (first.over_bps, first.lost_bps) == pytest.approx((6.0, 0.0))
    assert first.worst_ratio == pytest.approx(1.2)
    assert (ranking.tried, ranking.harmful) == (5, 4)


def test_what_does_the_same_is_told_once() -> None:
    """Either link of a path sends everything over the other; the rest keeps its own row."""
    ranking = rank(_loaded(12.0), link_cases(SQUARE), limit_ratio=0.9)

    assert _names(ranking) == [("A-B", ("B-D",)), ("A-C", ("C-D",)), ("X-A", ())]


def test_a_group_a_router_and_pairs_are_failures_too() -> None:
    """The duct parts A from D; B's death is the loss of its path; so is a pair on one path."""
    ranking = rank(
        _loaded(12.0), [*usual_cases(SQUARE), *pair_cases(SQUARE)], limit_ratio=0.9, most=2
    )
    like = dict(_names(ranking))

    assert ranking.rows[0].severe.lost_bps == pytest.approx(12.0)
    assert {"duct", "A-B + A-C"} <= {ranking.rows[0].case.name, *ranking.rows[0].like}
    assert {"B", "A-B + B-D"} <= set(like[ranking.rows[1].case.name])
    assert ranking.tried == 5 + 1 + 5 + 10


def test_the_last_demand_decides_and_the_others_are_told() -> None:
    """At 4 bit/s nothing is too much; at 12 it is."""
    row = rank(_loaded(4.0, 12.0), link_cases(SQUARE), limit_ratio=0.9, most=1).rows[0]

    assert [effect.cost_bps for effect in row.effects] == pytest.approx([0.0, 6.0])


def test_keeping_the_dearest_is_as_ranking_all() -> None:
    """However many are tried at once."""
    cases = list(pair_cases(SQUARE)) * 500
    told: list[int] = []
    few = rank(_loaded(12.0), cases, limit_ratio=0.9, most=3, tell=told.append)
    everything = rank(_loaded(12.0), cases, limit_ratio=0.9)

    assert [row.case for row in few.rows] == [row.case for row in everything.rows[:3]]
    assert told == [2000, 4000, 5000]


def test_every_kind_lists_what_there_is() -> None:
    """Five links, one group, five routers, ten pairs; a router with all that hangs on it."""
    groups, nodes = list(srlg_cases(SQUARE)), list(node_cases(SQUARE))

    assert [case.name for case in link_cases(SQUARE)] == ["A-B", "B-D", "A-C", "C-D", "X-A"]
    assert [(case.name, sorted(case.cut)) for case in groups] == [("duct", ["A-B", "A-C", "B-D"])]
    assert nodes[0].kind is Kind.NODE
    assert nodes[0].cut == {"A-B", "A-C", "X-A"}
    assert len(list(pair_cases(SQUARE))) == 10
