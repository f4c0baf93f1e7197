"""The steps that can be looked back at, while demands come and go."""

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network

import numpy as np

from forecast.past import Past, Step
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import NodeId

AT = datetime(2026, 3, 2, tzinfo=UTC)
A, B, C = (
    DemandKey(ingress=NodeId(name), prefix=IPv4Network("192.0.2.0/24")) for name in ("a", "b", "c")
)


def _add(past: Past, number: int, rates: dict[DemandKey, float]) -> None:
    matrix = DemandMatrix(
        at=AT + number * timedelta(minutes=5),
        keys=tuple(sorted(rates)),
        rates_bps=tuple(rates[key] for key in sorted(rates)),
    )
    past.widen(matrix)
    aligned = matrix.aligned(past.keys).astype(np.float32)
    past.append(Step(at=matrix.at, rates=aligned, links=(), ratios=np.zeros(0), routing=1))


def test_a_demand_is_let_go_of_once_no_step_has_it() -> None:
    """Prefixes come and go for months: only those of the steps that are kept are held."""
    past = Past(3)
    _add(past, 0, {A: 1.0, B: 2.0})
    _add(past, 1, {B: 3.0, C: 4.0})
    assert not past.narrow()

    for number in range(2, 4):
        _add(past, number, {B: 5.0, C: 0.0})

    assert past.narrow()
    assert B in past.keys
    assert A not in past.keys
    assert past.rates().tolist() == [[3.0, 4.0], [5.0, 0.0], [5.0, 0.0]]
    _add(past, 4, {A: 6.0, B: 7.0})
    assert past.rates()[-1].tolist() == [6.0, 7.0, 0.0]
