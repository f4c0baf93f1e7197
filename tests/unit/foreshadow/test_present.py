"""The network as it stands, read from synced state alone."""

from foreshadow.exits import Exit
from foreshadow.present import Present, present
from foreshadow.state import NetworkState
from foreshadow.topology import LinkId, NodeId
from foreshadow.whatif import NO_CUT
from tests.planned_network import planned, planned_state
from tests.production_state import abilene


def test_state_gives_the_planned_network_back() -> None:
    """Topology, reflectors and exits come out as the file has them, in the order of preference."""
    network = abilene()
    plan = planned(network).what_if
    found = present(planned_state(network))

    assert found is not None
    assert found.down == NO_CUT
    assert found.what_if.reflectors == plan.reflectors
    assert _links(found) == _links(planned(network))
    assert found.what_if.exits[network.routers[0].site] == (Exit(router=NodeId("ATLAM5")),)
    assert found.what_if.exits[network.peers[0].prefixes[0].prefix] == (
        Exit(router=NodeId("CHINng"), local_preference=150, via=LinkId("CHINng-PEERCHI")),
        Exit(router=NodeId("NYCMng"), local_preference=149, via=LinkId("NYCMng-PEERNYC")),
    )


def test_a_link_that_is_down_is_known_and_missing() -> None:
    """A cut link stays part of the network, and is among those that are down."""
    found = present(planned_state(abilene(), cut=["CHINng-NYCMng"]))

    assert found is not None
    assert found.down == {"CHINng-NYCMng"}
    assert "CHINng-NYCMng" in _links(found)


def test_unchanged_state_gives_the_same_object() -> None:
    """Whoever asks again keeps the routing that was worked out."""
    state = planned_state(abilene())
    first = present(state)

    assert first is not None
    assert present(state, first) is first


def test_nothing_known_is_no_network() -> None:
    """Without links or exits there is nothing to route on."""
    assert present(NetworkState()) is None


def _links(network: Present) -> set[LinkId]:
    return {link.id for link in network.what_if.topology.links}
