"""What a generation does on a real router, and what it leaves alone."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from console.ownership import Run
from foreshadow.experiment import DeviceChange
from foreshadow.routing import BestPath
from foreshadow.topology import NodeId, Prefix
from policy_gen.hook import read_hook
from policy_gen.render import generations, render
from shadow.emulation.design import design
from shadow.emulation.emulator import Emulator
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.square_story import HEAVY, LIGHT, square

pytestmark = [pytest.mark.netns, pytest.mark.slow]

NE = NodeId("NE")
PEER = IPv4Address("10.253.0.1")
BOGON = Prefix("198.51.100.0/24")
_OPERATOR = """
ip prefix-list OPER-BOGONS seq 5 permit 198.51.100.0/24
route-map OPER-PEERNE-IN deny 5
 match ip address prefix-list OPER-BOGONS
exit
route-map OPER-PEERNE-IN permit 10
 set community 65001:77 additive
exit
"""


@pytest.fixture(scope="module")
def lab(session_run: Run) -> Iterator[NetnsLab]:
    """A network whose operator tags what the peer sends and refuses one prefix of it."""
    _, spec = design(square())
    peer = spec.node("PEERNE")
    announcing = (
        peer.config.replace("  network 203", f"  network {BOGON}\n  network 203", 1).replace(
            "route-map ANNOUNCE permit 10\n",
            "route-map ANNOUNCE permit 5\nexit\n!\nroute-map ANNOUNCE permit 10\n",
        )
        + f"ip route {BOGON} blackhole\n"
    )
    nodes = tuple(
        replace(node, config=announcing) if node.id == peer.id else node for node in spec.nodes
    )
    everywhere = spec.everywhere()
    with NetnsLab(replace(spec, nodes=nodes), run_id=session_run.run_id, name="onfrr") as lab:
        lab.up(within_s=60, expected=everywhere)
        lab.apply_config(NE, _OPERATOR)
        lab.execute(NE, f"clear bgp ipv4 unicast {PEER} soft in")
        eventually(
            lambda: BOGON not in _best(lab) and "65001:77" in _best(lab)[HEAVY].communities,
            within_s=10,
        )
        yield lab


@pytest.fixture
def change(lab: NetnsLab) -> DeviceChange:
    """A generation that lists one good prefix and the one the operator refuses."""
    hook = read_hook(NE, PEER, lab.running_config(NE))
    return render(generations(hook, [(HEAVY, BOGON)], local_preference=200)[0])


def _best(lab: Emulator) -> Mapping[Prefix, BestPath]:
    return {path.prefix: path for path in lab.loc_ribs()[NE]}


def _flip(lab: Emulator, change: DeviceChange, text: str) -> None:
    lab.apply_config(change.device, text)
    for command in change.clear.splitlines():
        lab.execute(change.device, command)


def test_a_generation_changes_its_own_prefixes_and_nothing_else(
    lab: NetnsLab, change: DeviceChange
) -> None:
    """The listed prefix gets the new preference; the others keep every attribute they had."""
    before = _best(lab)
    lab.apply_config(change.device, change.stage)
    assert _best(lab) == before, "staging must be inert"

    _flip(lab, change, change.flip)
    eventually(lambda: _best(lab)[HEAVY].local_preference == 200, within_s=10)
    during = _best(lab)
    _flip(lab, change, change.revert)
    eventually(lambda: _best(lab) == before, within_s=10)
    lab.apply_config(change.device, change.gc)

    assert during[HEAVY] == replace(before[HEAVY], local_preference=200)
    assert {p: path for p, path in during.items() if p != HEAVY} == {
        p: path for p, path in before.items() if p != HEAVY
    }
    assert before[LIGHT].local_preference == 150
    assert "FS-" not in lab.running_config(NE)


def test_what_the_operator_refuses_stays_refused(lab: NetnsLab, change: DeviceChange) -> None:
    """A prefix that the operator's map denies does not come in because our list names it."""
    assert BOGON not in _best(lab)
    lab.apply_config(change.device, change.stage)

    _flip(lab, change, change.flip)
    eventually(lambda: _best(lab)[HEAVY].local_preference == 200, within_s=10)
    during = _best(lab)
    _flip(lab, change, change.revert)
    eventually(lambda: _best(lab)[HEAVY].local_preference == 150, within_s=10)
    lab.apply_config(change.device, change.gc)

    assert BOGON not in during
    received = lab.show(NE, f"show bgp ipv4 unicast neighbors {PEER} received-routes json")
    assert str(BOGON) in received, "the peer does send it"


def test_no_generation_needs_the_operators_map_to_exist(lab: NetnsLab) -> None:
    """A change that FRR would read as "deny all" never comes out of the renderer."""
    hook = read_hook(NE, PEER, lab.running_config(NE))

    assert hook.operator_map == "OPER-PEERNE-IN"
    assert (
        "call OPER-PEERNE-IN"
        in render(generations(hook, [(LIGHT,)], local_preference=200)[0]).stage
    )
