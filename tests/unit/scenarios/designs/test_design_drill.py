"""The drills that designs are compared by: which links fail, and how long to wait for it."""

import pytest

from console.ground import ground_of
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile
from foreshadow.routing_design import Bfd, Hello
from foreshadow.topology import LinkId
from scenarios.designs.design_drill import (
    design_faults,
    design_patience,
    design_plan,
    detection_s,
    worst_cuts,
)
from scenarios.drill_plan import decode_plan, encode_plan
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_silent import LinkSilent
from tests.production_state import abilene
from tests.square_story import square


def test_worst_cuts_come_first_and_bridges_not_at_all() -> None:
    """ATLAM5 hangs on one link: what enters there is lost in any design."""
    network = abilene()
    found = worst_cuts(network, ground_of(network).demand, 20)

    assert len(found) == 14
    assert "ATLAM5-ATLAng" not in found


def test_the_worst_cut_is_drilled_in_silence_too() -> None:
    """A link that keeps its carrier is another failure than one that loses it."""
    network = square()
    found = design_faults(network, ground_of(network).demand, count=2)

    assert [type(fault) for fault in found] == [LinkDown, LinkDown, LinkSilent]
    assert found[0].link == found[2].link


@pytest.mark.parametrize(
    ("cut", "says"),
    [("NW-XX", "no link 'NW-XX' in the network"), ("NE-PEERNE", "leads to another network")],
)
def test_a_link_that_cannot_be_cut_is_refused(cut: str, says: str) -> None:
    """By name, with those there are."""
    network = square()
    with pytest.raises(ConfigError, match=says):
        design_faults(network, ground_of(network).demand, cuts=(cut,))


def test_links_are_named_either_way_round() -> None:
    """`NE-NW` is the file's `NW-NE`."""
    network = square()
    found = design_faults(network, ground_of(network).demand, cuts=("NE-NW",))

    assert [fault.link for fault in found] == ["NW-NE", "NW-NE"]


def _timed(**update: object) -> NetworkFile:
    return square().model_copy(update=update)


def test_silence_is_waited_out_until_routers_must_have_noticed() -> None:
    """Nothing happens before the dead interval, or BFD's; a carrier is missed at once."""
    link = LinkId("NW-NE")
    own = square().links[0].model_copy(update={"bfd": False})
    bfd = Bfd(interval_ms=100)

    assert detection_s(square(), link) == 4
    assert detection_s(_timed(hello=Hello(interval_s=3, dead_s=12)), link) == 12
    assert detection_s(_timed(bfd=bfd), link) == pytest.approx(0.3)
    assert detection_s(_timed(bfd=bfd, links=(own, *square().links[1:])), link) == 4
    assert design_patience(square(), LinkSilent(link=link)).quiet_s > 4
    assert design_patience(square(), LinkDown(link=link)).quiet_s < 1


def test_a_plan_survives_the_bus_and_asks_for_a_healed_network() -> None:
    """It travels as JSON; loops and blackholes are never a matter of design."""
    plan = design_plan("x-1", LinkSilent(link=LinkId("NW-NE")), ground_of(square()).demand)

    assert decode_plan(encode_plan(plan)) == plan
    assert {check.kind.value for check in plan.checks} == {"no-loop", "no-blackhole"}
