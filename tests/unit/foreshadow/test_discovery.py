"""The topology that is found in production's state, against the design it came from."""

from dataclasses import replace

import pytest

from foreshadow.discovery import discover, links_down
from foreshadow.observed import RunningConfig, Stream
from foreshadow.state import NetworkState, replay
from foreshadow.topology import LinkId, NodeId, Topology
from shadow.emulation.design import design
from tests.production_state import abilene, snapshot, state_of


def _comparable(topology: Topology) -> Topology:
    """Nobody says how wide the links to peers are, nor in which order routers are listed."""
    return Topology(
        nodes=tuple(sorted(topology.nodes, key=lambda node: node.id)),
        links=tuple(
            replace(link, capacity_bps=0.0) if link.is_external else link for link in topology.links
        ),
    )


def test_discovered_topology_is_the_designed_one() -> None:
    """Names, ends, addresses, costs and capacities of Abilene come back from configurations."""
    designed, _ = design(abilene())

    assert _comparable(discover(state_of(abilene()))) == _comparable(designed)


def test_link_that_is_down_is_still_a_link() -> None:
    """A cut changes which links are down, not which links there are."""
    state = state_of(abilene(), cut=["CHINng-NYCMng", "CHINng-PEERCHI"])
    topology = discover(state)

    assert topology == discover(state_of(abilene()))
    assert links_down(state, topology) == {"CHINng-NYCMng", "CHINng-PEERCHI"}


def test_interface_that_is_gone_takes_its_link_down() -> None:
    """A link needs both of its interfaces, also where the configuration has them."""
    state = state_of(abilene())

    assert links_down(state, discover(state)) == frozenset()
    assert links_down(NetworkState(), discover(state)) == {
        link.id for link in discover(state).links
    }


def test_isis_metric_counts_where_ospf_has_no_cost() -> None:
    """An IS-IS network has costs too, and where both run, OSPF's routes are the ones in use."""
    config = "interface e0\n ip address 10.0.0.{end}/31\n{lines}exit\n"
    a = config.format(end=0, lines=" isis metric level-2 7\n")
    b = config.format(end=1, lines=" isis metric 7\n ip ospf cost 9\n")

    (link,) = discover(_state({"A": a, "B": b})).links

    assert (link.a.metric, link.b.metric) == (7, 9)


def test_parallel_links_have_names_of_their_own() -> None:
    """The second link between two routers is numbered; costs and capacities stay apart."""
    ends = {
        "A": [("e0", "10.0.0.0/31", 10, 1000), ("e1", "10.0.1.1/30", 20, 2000)],
        "B": [("f0", "10.0.0.1/31", 10, 1000), ("f1", "10.0.1.2/30", 20, 500)],
    }
    found = discover(_state({name: _config(ports) for name, ports in ends.items()}))

    assert [(link.id, link.a.metric, link.capacity_bps) for link in found.links] == [
        ("A-B", 10, 1e9),
        ("A-B.2", 20, 0.5e9),
    ]


def test_lines_that_do_not_parse_are_no_links() -> None:
    """A damaged configuration gives a smaller topology, not a crash."""
    bad = "interface e0\n ip address nowhere/31\n bandwidth much\n ip ospf cost\nexit\n"
    found = discover(_state({"A": bad, "B": _config([("f0", "10.0.0.1/31", 1, 1)])}))

    assert found.links == ()
    assert [node.id for node in found.nodes] == ["A", "B"]


def test_peers_are_called_by_description_then_interface_then_as() -> None:
    """An external router has the best name that production's own state has for it."""
    network = abilene()
    _, spec = design(network)
    config = spec.node("CHINng").config
    named = config.replace("description PEERCHI", "description 'the peer in Chicago'")
    nameless = named.replace("interface to-PEERCHI", "interface peer0")

    assert _peer(state_of(network, configs={"CHINng": named})) == "PEERCHI"
    assert _peer(state_of(network, configs={"CHINng": nameless})) == "AS65010pafd0001"


def _peer(state: NetworkState) -> NodeId:
    links = discover(state).links
    return next(link.b.node for link in links if link.is_external and link.a.node == "CHINng")


def _config(ports: list[tuple[str, str, int, int]]) -> str:
    return "".join(
        f"interface {name}\n bandwidth {mbps}\n"
        f" ip address {address}\n ip ospf cost {cost}\nexit\n!\n"
        for name, address, cost, mbps in ports
    )


def _state(configs: dict[str, str]) -> NetworkState:
    return replay(
        delta
        for name, text in configs.items()
        for delta in snapshot(
            NodeId(name), Stream.CONFIG, {"running": RunningConfig(text=text, sha256="")}
        )
    )


def test_link_ids_are_those_of_the_file() -> None:
    """An operator's `A-B` finds the discovered link."""
    topology = discover(state_of(abilene()))

    assert topology.link("NYCMng-CHINng").id == LinkId("CHINng-NYCMng")


def test_a_link_nobody_has_is_an_error() -> None:
    """Silence would make a cut of it look harmless."""
    with pytest.raises(KeyError, match="NYCMng-LOSAng"):
        discover(state_of(abilene())).link("NYCMng-LOSAng")
