"""Demand matrices out of per-router readings: whole, in order, each once."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import hypothesis.strategies as st
from hypothesis import given

from foreshadow.demand import DemandAssembler, DemandKey, DemandMatrix
from foreshadow.topology import NodeId

START = datetime(2004, 3, 1, tzinfo=UTC)
ROUTERS = (NodeId("A"), NodeId("B"), NodeId("C"))
PREFIX = IPv4Network("10.1.0.0/16")


def _at(step: int) -> datetime:
    return START + timedelta(minutes=5 * step)


def _key(router: NodeId) -> DemandKey:
    return DemandKey(ingress=router, prefix=PREFIX)


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[NodeId, int, float]]:
    """Each router's readings in its own order, with skips; the routers interleaved at will."""
    queues = {
        router: [
            (router, step, draw(st.floats(0, 1e10)))
            for step in range(6)
            if draw(st.booleans()) or step == 5
        ]
        for router in ROUTERS
    }
    order: list[tuple[NodeId, int, float]] = []
    while any(queues.values()):
        router = draw(st.sampled_from([name for name, queue in queues.items() if queue]))
        order.append(queues[router].pop(0))
    return order


def _assemble(order: list[tuple[NodeId, int, float]]) -> list[DemandMatrix]:
    assembler = DemandAssembler(ROUTERS)
    return [
        matrix
        for router, step, rate in order
        for matrix in assembler.add(router, _at(step), [(_key(router), rate)])
    ]


@given(arrivals())
def test_intervals_come_out_once_and_in_time_order(order: list[tuple[NodeId, int, float]]) -> None:
    """However the routers interleave, time only goes forward, up to the last complete interval."""
    times = [matrix.at for matrix in _assemble(order)]

    assert times == sorted(set(times))
    assert times[-1] == _at(5)


@given(arrivals())
def test_a_matrix_holds_each_routers_latest_rate_up_to_it(
    order: list[tuple[NodeId, int, float]],
) -> None:
    """A router that skips an interval keeps its last rates in it; nothing is from the future."""
    for matrix in _assemble(order):
        for router in ROUTERS:
            past = [rate for name, step, rate in order if name == router and _at(step) <= matrix.at]
            expected = past[-1:]
            got = [
                rate
                for key, rate in zip(matrix.keys, matrix.rates_bps, strict=True)
                if key.ingress == router
            ]

            assert got == expected


@given(arrivals())
def test_duplicates_and_strangers_change_nothing(order: list[tuple[NodeId, int, float]]) -> None:
    """A repeated reading and a router nobody expects give no matrix of their own."""
    doubled = [entry for item in order for entry in (item, item, (NodeId("X"), item[1], 1.0))]

    assert _assemble(doubled) == _assemble(order)


def test_rates_align_with_other_keys() -> None:
    """A demand that was not seen is 0, in the order asked for."""
    matrix = DemandMatrix(at=START, keys=(_key(ROUTERS[0]),), rates_bps=(5.0,))

    assert matrix.aligned((_key(ROUTERS[1]), _key(ROUTERS[0]))).tolist() == [0.0, 5.0]
    assert matrix.aligned(matrix.keys).tolist() == [5.0]
    assert matrix.total_bps == 5.0


def test_a_router_that_fell_silent_is_waited_for_in_vain_three_intervals_long() -> None:
    """One that failed does not blind the rest; back again, it counts with what it says now."""
    assembler = DemandAssembler(ROUTERS)
    silent, *others = ROUTERS
    assembler.add(silent, _at(0), [(_key(silent), 7.0)])
    told: list[DemandMatrix] = []
    for step in range(6):
        for router in others:
            told += assembler.add(router, _at(step), [(_key(router), float(step))])
        told += assembler.overdue()

    assert [matrix.at for matrix in told] == [_at(step) for step in range(3)]
    assert told[-1].rates_bps == (7.0, 2.0, 2.0)
    assert assembler.add(silent, _at(1), [(_key(silent), 8.0)]) == ()
    back = assembler.add(silent, _at(5), [(_key(silent), 9.0)])
    assert [(matrix.at, matrix.rates_bps[0]) for matrix in back] == [
        (_at(3), 8.0),
        (_at(4), 8.0),
        (_at(5), 9.0),
    ]


def test_one_clock_that_is_ahead_makes_nobody_silent() -> None:
    """Most of the routers say what time it is."""
    assembler = DemandAssembler(ROUTERS)
    assert assembler.overdue() == ()
    for step in (0, 100, 101, 102, 103, 104):
        assembler.add(ROUTERS[0], _at(step), [(_key(ROUTERS[0]), 1.0)])

    assert assembler.overdue() == ()
