"""A walk over forwarding tables: what is split, what the longest match decides, what is lost."""

import pytest

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.routing import Fib, FibEntry, Forward, Terminal
from foreshadow.topology import NodeId, Prefix
from foreshadow.walk import RoutingMatrix, walk
from shadow.emulation.design import topology_of
from tests.square_story import AT, CUT, HEAVY, square
from tests.square_tables import tables

NW, NE, SE, SW = (NodeId(router.name) for router in square().routers)
KEY = DemandKey(ingress=SE, prefix=HEAVY)
DEMAND = DemandMatrix(at=AT, keys=(KEY,), rates_bps=(1e9,))


def _via(*neighbors: NodeId, prefix: Prefix = HEAVY) -> FibEntry:
    return FibEntry(
        prefix=prefix, forwards=tuple(Forward(interface=f"to-{name}") for name in neighbors)
    )


def _walked(changed: dict[NodeId, Fib], *, cut: tuple[str, ...] = ()) -> RoutingMatrix:
    topology = topology_of(square())
    gone = [link.id for link in topology.links if link.id in cut]
    return walk(topology.without(gone), {**tables(), **changed}, DEMAND.keys)


def _loads(matrix: RoutingMatrix) -> dict[str, float]:
    return {str(link): load for link, load in matrix.loads_bps(DEMAND).items() if load}


def test_equal_ways_carry_equal_shares() -> None:
    """Two next hops, half each, joined again where they meet (RFC 2992)."""
    matrix = _walked({SE: (_via(NE, SW),), SW: (_via(NW),), NW: (_via(NE),)})

    assert _loads(matrix) == {"SE->NE": 5e8, "SE->SW": 5e8, "SW->NW": 5e8, "NW->NE": 5e8}
    assert matrix.lost_bps(DEMAND) == 0


def test_the_longest_match_decides() -> None:
    """A default route is only for what nothing else covers."""
    default = _via(SW, prefix=Prefix("0.0.0.0/0"))

    assert set(_loads(_walked({SE: (default, _via(NE))}))) == {"SE->NE"}
    assert "SE->SW" in _loads(_walked({SE: (default,), SW: (_via(NW),), NW: (_via(NE),)}))


@pytest.mark.parametrize(
    ("changed", "cut", "lost"),
    [
        ({SE: ()}, (), 1.0),
        ({NE: (_via(SE),)}, (), 1.0),
        ({}, (CUT,), 1.0),
        ({SE: (_via(NE, SW),), SW: ()}, (), 0.5),
    ],
    ids=["no route", "a loop", "a dead interface", "half of it"],
)
def test_what_does_not_arrive_is_lost(
    changed: dict[NodeId, Fib], cut: tuple[str, ...], lost: float
) -> None:
    """Without a route, in a loop, or out of an interface that is down; nothing is lost twice."""
    assert _walked(changed, cut=cut).lost_bps(DEMAND) == pytest.approx(lost * 1e9)


def test_a_demand_that_was_not_walked_is_not_counted() -> None:
    """A matrix made for other demands takes what it knows of this one."""
    other = DemandMatrix(
        at=AT, keys=(DemandKey(ingress=NW, prefix=HEAVY), KEY), rates_bps=(5e9, 1e9)
    )

    assert max(_walked({}).loads_bps(other).values()) == 1e9


def test_a_part_of_a_prefix_goes_its_own_way() -> None:
    """A more specific route takes its share of the addresses, and a discard route there drops it.

    The owner's discard route for the whole prefix, by which it is held, delivers.
    """
    half, eighth = (next(HEAVY.subnets(prefixlen_diff=bits)) for bits in (1, 3))
    hole = FibEntry(prefix=half, terminal=Terminal.DISCARDED)
    matrix = _walked(
        {
            SE: (_via(NE), _via(SW, prefix=half), _via(NE, prefix=eighth)),
            SW: (hole,),
            NE: (FibEntry(prefix=HEAVY, terminal=Terminal.DISCARDED),),
        }
    )

    assert _loads(matrix) == {"SE->NE": 6.25e8, "SE->SW": 3.75e8}
    assert matrix.lost_bps(DEMAND) == pytest.approx(3.75e8)
