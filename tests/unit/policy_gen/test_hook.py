"""What a router's configuration says about the place a policy attaches to."""

from ipaddress import IPv4Address

import pytest

from foreshadow.errors import UnsafeRollout
from foreshadow.topology import NodeId, Prefix
from policy_gen.hook import Hook, read_hook
from policy_gen.render import generations, render
from shadow.emulation.design import design
from tests.square_story import HEAVY, LIGHT, square

SW = NodeId("SW")
PEER = IPv4Address("10.253.0.3")


@pytest.fixture
def config() -> str:
    """The border router as its operator configured it."""
    return design(square())[1].node(SW).config


def test_hook_names_the_operators_route_map(config: str) -> None:
    """An untouched neighbor has the operator's map attached and no generation of ours."""
    assert read_hook(SW, PEER, config) == Hook(
        device=SW,
        autonomous_system=65001,
        neighbor=PEER,
        attached="OPER-PEERSW-IN",
        operator_map="OPER-PEERSW-IN",
    )


def test_hook_sees_our_generation_and_the_operators_map_behind_it(config: str) -> None:
    """With a generation in force, the operator's map is the one it calls."""
    hook = read_hook(SW, PEER, config)
    change = render(generations(hook, [(LIGHT,), (HEAVY, LIGHT)], local_preference=200)[1])
    text = config.replace("route-map OPER-PEERSW-IN in", "route-map FS-in-10.253.0.3-g2 in")

    seen = read_hook(SW, PEER, text + change.stage)

    assert seen.attached == "FS-in-10.253.0.3-g2"
    assert seen.operator_map == "OPER-PEERSW-IN"
    assert seen.generation == 2
    assert seen.listed == (HEAVY, LIGHT)


def test_hook_counts_generations_that_are_not_attached(config: str) -> None:
    """A generation that was taken back but not removed still uses up its number."""
    text = config + "route-map FS-in-10.253.0.3-g7 permit 65535\nexit\n"

    assert read_hook(SW, PEER, text).generation == 7


def test_hook_without_a_route_map(config: str) -> None:
    """A neighbor may have no inbound policy at all."""
    text = config.replace("  neighbor 10.253.0.3 route-map OPER-PEERSW-IN in\n", "")

    assert read_hook(SW, PEER, text).attached is None


@pytest.mark.parametrize("neighbor", ["10.253.0.1", "10.253.0.33"])
def test_hook_refuses_an_unknown_neighbor(config: str, neighbor: str) -> None:
    """A configuration without the neighbor is not the one the state spoke of."""
    with pytest.raises(UnsafeRollout, match="has no BGP neighbor"):
        read_hook(SW, IPv4Address(neighbor), config)


def test_hook_refuses_a_name_that_is_no_plain_word(config: str) -> None:
    """Names go into templates: whatever could end a line is refused."""
    text = config.replace("route-map OPER-PEERSW-IN in", "route-map O;PER in")

    with pytest.raises(UnsafeRollout, match="plain characters"):
        read_hook(SW, PEER, text)


def test_listed_prefixes_of_other_neighbors_are_not_ours(config: str) -> None:
    """Only the attached list counts."""
    text = config + "ip prefix-list FS-in-10.253.0.9-g1 seq 5 permit 192.0.2.0/24\n"

    assert Prefix("192.0.2.0/24") not in read_hook(SW, PEER, text).listed
