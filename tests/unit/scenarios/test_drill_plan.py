"""Plans: their timeline, and their way over the bus."""

from datetime import UTC, datetime
from ipaddress import IPv4Network

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import LinkId, NodeId
from scenarios.check import Check, CheckKind, Moment
from scenarios.drill_plan import (
    Action,
    DrillLimits,
    DrillPlan,
    PlannedFault,
    decode_plan,
    encode_plan,
)

DEMAND = DemandMatrix(
    at=datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
    keys=(DemandKey(ingress=NodeId("NW"), prefix=IPv4Network("10.3.0.0/16")),),
    rates_bps=(1e9,),
)


def _fault(number: int, inject_at_s: float, undo_at_s: float) -> PlannedFault:
    return PlannedFault(
        number=number,
        kind="link-down",
        name=f"link {number} down",
        fault="{}",
        inject_at_s=inject_at_s,
        undo_at_s=undo_at_s,
        links=(LinkId("NW-NE"),),
        prefixes=(IPv4Network("10.3.0.0/16"),),
    )


def _plan(*faults: PlannedFault) -> DrillPlan:
    return DrillPlan(
        id="d1",
        scenario="a-link",
        scenario_sha256="0" * 64,
        faults=faults,
        checks=(Check(moment=Moment.DURING, kind=CheckKind.UTILISATION, limit=0.85),),
        limits=DrillLimits(never=(NodeId("NW"),)),
        demand=DEMAND,
        load_limit=0.85,
        seed=7,
    )


def test_what_ends_makes_room_for_what_begins_at_the_same_moment() -> None:
    """Undo comes before inject, then the order of the plan."""
    plan = _plan(_fault(0, 0, 5), _fault(1, 5, 8), _fault(2, 5, 6))

    assert [(step.at_s, step.action, step.number) for step in plan.timeline] == [
        (0, Action.INJECT, 0),
        (5, Action.UNDO, 0),
        (5, Action.INJECT, 1),
        (5, Action.INJECT, 2),
        (6, Action.UNDO, 2),
        (8, Action.UNDO, 1),
    ]
    assert plan.ends_at_s == 8


@given(
    st.lists(
        st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e4)).map(lambda t: (t[0], t[0] + t[1])),
        max_size=8,
    )
)
def test_every_fault_is_injected_once_and_undone_once_after_it(
    spans: list[tuple[float, float]],
) -> None:
    """Whatever overlaps whatever, nothing is left in at the end of a timeline."""
    plan = _plan(*(_fault(number, *span) for number, span in enumerate(spans)))
    inside: set[int] = set()
    for step in plan.timeline:
        if step.action is Action.INJECT:
            assert step.number not in inside
            inside.add(step.number)
        else:
            inside.remove(step.number)

    assert not inside
    assert len(plan.timeline) == 2 * len(spans)
    assert decode_plan(encode_plan(plan)) == plan


def test_a_text_that_is_no_plan_is_refused() -> None:
    """As every record of the bus that cannot be read."""
    with pytest.raises(msgspec.DecodeError):
        decode_plan('{"id": "d1"}')


@pytest.mark.parametrize(
    ("kind", "measured", "holds"),
    [
        (CheckKind.UTILISATION, 0.85, True),
        (CheckKind.UTILISATION, 0.851, False),
        (CheckKind.FIDELITY, 0.85, True),
        (CheckKind.FIDELITY, 0.849, False),
    ],
)
def test_a_limit_is_kept_on_the_limit(kind: CheckKind, measured: float, *, holds: bool) -> None:
    """Ceilings from below, floors from above."""
    assert Check(moment=Moment.DURING, kind=kind, limit=0.85).holds(measured) is holds
