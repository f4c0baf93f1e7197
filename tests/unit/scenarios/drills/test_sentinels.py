"""The ways that are watched with packets are the heaviest that cross the cut."""

from ipaddress import IPv4Address

from foreshadow.topology import NodeId
from scenarios.drills.sentinels import sentinels
from shadow.convergence import Sentinel
from shadow.emulation.design import design
from tests.planned_network import planned
from tests.square_story import CUT, demand, square


def test_heaviest_demand_across_the_cut_is_watched_where_it_may_arrive() -> None:
    """SE's traffic to the peer crosses NE-SE; either of the peer's routers may deliver it."""
    network, spec = planned(square()), design(square())[1]

    watched = sentinels(
        network.what_if.topology, network.what_if.fibs(), demand(), cut=(CUT,), spec=spec
    )

    peers = (NodeId("PEERNE"), NodeId("PEERSW"))
    heaviest = Sentinel(src=NodeId("SE"), address=IPv4Address("203.0.113.1"), listeners=peers)
    assert heaviest in watched
    assert {each.src for each in watched} == {NodeId("SE"), NodeId("NW")}


def test_a_link_nobody_uses_is_not_watched() -> None:
    """Without traffic there is nothing to lose."""
    network, spec = planned(square()), design(square())[1]
    unused = network.what_if.topology.link("SW-NW").id

    assert (
        sentinels(
            network.what_if.topology, network.what_if.fibs(), demand(), cut=(unused,), spec=spec
        )
        == ()
    )
