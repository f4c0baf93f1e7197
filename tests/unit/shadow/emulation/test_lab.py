"""A lab as a value."""

import pytest

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix
from shadow.emulation.emulator import Emulator, Settled
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec
from shadow.emulation.netns import NetnsLab

_CONFIG = """\
router ospf
 network 10.9.0.0/16 area 0
exit
router bgp 65001
 address-family ipv4 unicast
  network 10.1.0.0/16
  network 10.2.0.0/16 route-map TAG
 exit-address-family
exit
"""
_SPEC = LabSpec(
    nodes=(
        LabNode(id=NodeId("A"), config=_CONFIG),
        LabNode(id=NodeId("B"), config="", is_external=True),
    ),
    links=(
        LabLink(
            id=LinkId("A-B"),
            a=LabEnd(node=NodeId("A"), interface="to-B"),
            b=LabEnd(node=NodeId("B"), interface="to-A"),
        ),
    ),
)


def test_announced_are_the_network_statements_of_bgp_alone() -> None:
    """OSPF has `network` statements too; they announce nothing."""
    assert _SPEC.announced() == {Prefix("10.1.0.0/16"), Prefix("10.2.0.0/16")}
    assert _SPEC.everywhere() == {NodeId("A"): _SPEC.announced()}


@pytest.mark.parametrize("name", ["A-B", "B-A"])
def test_a_link_is_found_by_either_name(name: str) -> None:
    """People write a link from the end they are at."""
    assert _SPEC.link(name) is _SPEC.links[0]


def test_what_is_not_in_the_lab_is_the_operators_mistake() -> None:
    """A wrong name is one clear error."""
    with pytest.raises(ConfigError, match="no link 'A-C'"):
        _SPEC.link("A-C")
    with pytest.raises(ConfigError, match="no router 'C'"):
        _SPEC.node("C")


def test_convergence_is_zero_where_nothing_changed() -> None:
    """No change, no time."""
    still = Settled(is_settled=True, since_s=5.0, last_change_s=None, changes=0)

    assert still.convergence_s == 0.0


def test_the_adapter_fits_the_port() -> None:
    """Mypy holds the lab in namespaces to the port; nothing is made by describing it."""
    emulator: Emulator = NetnsLab(_SPEC, run_id="fs000000", name="t")

    assert emulator.spec == _SPEC
    emulator.down()
