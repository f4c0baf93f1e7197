"""Faults of the traffic: what is offered while they last, to the bit."""

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId, Prefix
from scenarios.faults.ddos import Ddos
from scenarios.faults.demand_surge import DemandSurge

_NW, _SE = NodeId("NW"), NodeId("SE")
_VICTIM, _OTHER = Prefix("10.3.0.0/16"), Prefix("10.9.0.0/16")


def _matrix(*rates: tuple[NodeId, Prefix, float]) -> DemandMatrix:
    by_key = {DemandKey(ingress=node, prefix=prefix): rate for node, prefix, rate in rates}
    keys = tuple(sorted(by_key))
    return DemandMatrix(
        at=datetime(2026, 3, 1, tzinfo=UTC), keys=keys, rates_bps=tuple(by_key[it] for it in keys)
    )


USUAL = _matrix((_NW, _VICTIM, 4e9), (_NW, _OTHER, 1e9), (_SE, _OTHER, 2e9))


def test_a_surge_multiplies_one_pair_and_leaves_the_rest() -> None:
    """Factor three on one OD pair."""
    fault = DemandSurge(ingress=_NW, prefix=_VICTIM, factor=3)
    offered = fault.applied(USUAL)

    assert offered == _matrix((_NW, _VICTIM, 12e9), (_NW, _OTHER, 1e9), (_SE, _OTHER, 2e9))
    assert fault.verify(offered, USUAL) == ""
    assert "NW to 10.3.0.0/16 is offered at 4000.0 Mbit/s, not 12000.0" in fault.verify(
        USUAL, USUAL
    )


def test_a_surge_towards_a_wider_prefix_takes_all_within() -> None:
    """Everything from NW to 10/8 doubles."""
    offered = DemandSurge(ingress=_NW, prefix=Prefix("10.0.0.0/8"), factor=2).applied(USUAL)

    assert offered == _matrix((_NW, _VICTIM, 8e9), (_NW, _OTHER, 2e9), (_SE, _OTHER, 2e9))


def test_a_surge_of_nothing_is_refused() -> None:
    """No demand, no surge."""
    with pytest.raises(ConfigError, match=r"no demand enters at SE towards 10\.3"):
        DemandSurge(ingress=_SE, prefix=_VICTIM, factor=2).applied(USUAL)


def test_an_attack_comes_in_equal_parts_from_its_sources() -> None:
    """Half at each of two routers, on top of what is there, also where nothing was."""
    fault = Ddos(prefix=_VICTIM, total_bps=6e9, sources=(_NW, _SE))
    offered = fault.applied(USUAL)

    assert offered == _matrix(
        (_NW, _VICTIM, 7e9), (_NW, _OTHER, 1e9), (_SE, _OTHER, 2e9), (_SE, _VICTIM, 3e9)
    )
    assert fault.verify(offered, USUAL) == ""
    assert fault.verify(USUAL, USUAL)


def test_an_attack_needs_somebody_who_sends() -> None:
    """Without sources and without demand there is no router to attack from."""
    with pytest.raises(ConfigError, match="no router sends anything"):
        Ddos(prefix=_VICTIM, total_bps=1e9).applied(_matrix())


@given(
    total_bps=st.floats(1, 1e12),
    rates=st.dictionaries(st.sampled_from("ABCDEFGH"), st.floats(0, 1e12), min_size=1, max_size=8),
)
def test_an_attack_adds_its_total_and_no_more(total_bps: float, rates: dict[str, float]) -> None:
    """Whatever the sources: offered is usual plus the total, and no demand shrinks."""
    usual = _matrix(*((NodeId(node), _OTHER, rate) for node, rate in rates.items()))
    offered = Ddos(prefix=_VICTIM, total_bps=total_bps).applied(usual)

    assert math.isclose(offered.total_bps, usual.total_bps + total_bps, rel_tol=1e-9)
    assert offered.keys == tuple(sorted(offered.keys))
    assert set(usual.keys) <= set(offered.keys)
