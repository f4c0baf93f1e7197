"""One suite over every `Emulator`: namespaces, containers, and the fake that unit tests use.

Each module-wide lab is the square network: four routers in a ring, a peer network at two of them.
Every test leaves it as it found it, which is itself what many of them check.
"""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

import pytest

from console.ownership import Run
from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.network_file import parse_network
from foreshadow.routing import Fibs
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.configuration import Daemon, fingerprint
from shadow.emulation.containers import ContainersLab
from shadow.emulation.design import design
from shadow.emulation.emulator import DaemonState, Emulator
from shadow.emulation.lab import PLAIN, LabEnd, LabLink, LabNode, LabSpec, LinkShape
from shadow.emulation.netns import NetnsLab
from tests.conftest import _REPOSITORY
from tests.eventually import eventually
from tests.fakes.emulator import FakeLab

_NE, _SE, _SW, _X = NodeId("NE"), NodeId("SE"), NodeId("SW"), NodeId("X")
_EAST, _NEW = LinkId("NE-SE"), LinkId("NE-X")
_FAR = Prefix("10.255.0.3/32")
"""SE's loopback, which NE reaches over the east link, or else by two hops more."""
_SOON_S, _LATER_S = 20.0, 40.0
_JOINED = """\
interface {interface}
 ip address {address}/31
 ip ospf area 0
 ip ospf network point-to-point
 ip ospf hello-interval 1
 ip ospf dead-interval 4
exit
"""
_STRANGER = """\
hostname X
no zebra nexthop kernel enable
interface lo
 ip address 10.255.0.9/32
 ip ospf area 0
exit
router ospf
 ospf router-id 10.255.0.9
exit
"""


def _square() -> LabSpec:
    path = _REPOSITORY / "tests" / "networks" / "square.yaml"
    return design(parse_network(path.read_text(), path=path))[1]


def _netns(request: pytest.FixtureRequest) -> Emulator:
    run: Run = request.getfixturevalue("session_run")
    return NetnsLab(_square(), run_id=run.run_id, name="contract")


def _containers(request: pytest.FixtureRequest) -> Emulator:
    run: Run = request.getfixturevalue("session_run")
    return ContainersLab(_square(), run_id=run.run_id, name="boxes")


_MAKERS: dict[str, Callable[[pytest.FixtureRequest], Emulator]] = {
    "fake": lambda _: FakeLab(_square()),
    "netns": _netns,
    "containers": _containers,
}


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        pytest.param("netns", marks=[pytest.mark.netns, pytest.mark.slow]),
        pytest.param("containers", marks=[pytest.mark.containers, pytest.mark.slow]),
    ],
)
def lab(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """A lab that is up and at rest."""
    with _MAKERS[request.param](request) as lab:
        lab.up(within_s=90)
        eventually(lambda: len(_neighbors(lab, _SE)) == 2, within_s=_LATER_S)
        lab.wait_settled(quiet_s=2, within_s=_LATER_S)
        yield lab


def _neighbors(lab: Emulator, node: NodeId) -> set[str]:
    """Interfaces behind which a router has a neighbor that routes lead over."""
    return {it.interface for it in lab.adjacencies()[node] if it.is_full}


def _next_hop(lab: Emulator) -> set[str]:
    """Where NE sends what is for SE's loopback."""
    entries = {entry.prefix: entry for entry in lab.fibs()[_NE]}
    return {it.interface for it in entries[_FAR].forwards} if _FAR in entries else set()


def _is_back(lab: Emulator, fibs: Fibs) -> bool:
    return lab.fibs() == fibs and lab.disagreements() == ()


def test_what_is_announced_is_everywhere(lab: Emulator) -> None:
    """Up means that every announced prefix is in each of our FIBs, and that zebra agrees."""
    for node, wanted in lab.spec.everywhere().items():
        assert wanted <= {entry.prefix for entry in lab.fibs()[node]}
        assert wanted <= {path.prefix for path in lab.loc_ribs()[node]}
    assert lab.disagreements() == ()


def test_a_cut_and_its_undo_leave_no_trace(lab: Emulator) -> None:
    """Carrier off: the neighbor goes, traffic takes the other way; on: all is as it was."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_NE)
    cut_s = lab.set_link(_EAST, is_up=False)

    assert eventually(lambda: _next_hop(lab) == {"to-NW"}, within_s=_SOON_S)
    assert "to-SE" not in _neighbors(lab, _NE)
    assert not lab.spec.link(_EAST).is_up
    assert lab.kernel_state(_NE) != kernel
    assert lab.wait_settled(quiet_s=1, within_s=_SOON_S, since_s=cut_s).changes > 0

    lab.set_link(_EAST, is_up=True)
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert eventually(lambda: lab.kernel_state(_NE) == kernel, within_s=_LATER_S)


def test_a_silent_link_keeps_its_carrier_and_loses_its_neighbor(lab: Emulator) -> None:
    """What no interface shows, the hello timers find; afterwards no rule is left."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_NE)
    lab.silence_link(_EAST, is_silent=True)
    lab.silence_link(_EAST, is_silent=True)

    silent = lab.kernel_state(_NE)
    assert silent.interfaces == kernel.interfaces
    assert silent.filters != kernel.filters
    assert lab.spec.link(_EAST).is_silent
    assert eventually(lambda: "to-SE" not in _neighbors(lab, _NE), within_s=_SOON_S)
    assert eventually(lambda: _next_hop(lab) == {"to-NW"}, within_s=_SOON_S)

    lab.silence_link(_EAST, is_silent=False)
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert eventually(lambda: lab.kernel_state(_NE) == kernel, within_s=_LATER_S)


def test_a_shape_comes_and_goes_unnoticed_by_routing(lab: Emulator) -> None:
    """Rate and loss change the kernel's queues and nobody's neighbors; `PLAIN` takes them away."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_NE)
    shape = LinkShape(rate_bps=100e6, loss_ratio=0.001)
    lab.shape_link(_EAST, shape)

    assert lab.spec.link(_EAST).shape == shape
    assert lab.kernel_state(_NE) != kernel
    assert "to-SE" in _neighbors(lab, _NE)

    lab.shape_link(_EAST, PLAIN)
    assert lab.kernel_state(_NE) == kernel
    assert lab.fibs() == fibs


def test_a_frozen_router_is_deaf_and_forwards_on(lab: Emulator) -> None:
    """SIGSTOP: its neighbors give it up, its own FIB stays; SIGCONT brings everything back."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_SE)
    lab.freeze(_SE)

    assert set(lab.daemons(_SE).values()) == {DaemonState.FROZEN}
    assert any(line.endswith("frozen") for line in lab.kernel_state(_SE).processes)
    assert lab.kernel_state(_SE).routes == kernel.routes

    lab.thaw(_SE)
    assert set(lab.daemons(_SE).values()) == {DaemonState.RUNNING}
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert eventually(lambda: lab.kernel_state(_SE) == kernel, within_s=_LATER_S)


def test_a_crashed_daemon_comes_back_with_what_it_was_told_meanwhile(lab: Emulator) -> None:
    """Not its first configuration: the one it had when it was killed."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_SE)
    config = fingerprint(lab.running_config(_SE))
    lab.apply_config(_SE, "interface to-NE\n ip ospf cost 11\nexit\n")
    lab.kill_daemons(_SE, [Daemon.OSPFD])

    states = lab.daemons(_SE)
    assert [it for it, state in states.items() if state is DaemonState.DEAD] == [Daemon.OSPFD]
    assert lab.adjacencies()[_SE] == ()
    assert eventually(lambda: "to-SE" not in _neighbors(lab, _NE), within_s=_SOON_S)

    lab.start_daemons(_SE)
    assert set(lab.daemons(_SE).values()) == {DaemonState.RUNNING}
    assert "ip ospf cost 11" in lab.running_config(_SE)
    lab.apply_config(_SE, "interface to-NE\n ip ospf cost 10\nexit\n")
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert fingerprint(lab.running_config(_SE)) == config
    assert eventually(lambda: lab.kernel_state(_SE) == kernel, within_s=_LATER_S)


def test_a_router_that_lost_all_its_daemons_keeps_its_cut_links_cut(lab: Emulator) -> None:
    """Zebra sets an interface up when it gives it an address; a cut link stays cut all the same."""
    fibs, kernel = lab.fibs(), lab.kernel_state(_SE)
    lab.set_link(_EAST, is_up=False)
    lab.kill_daemons(_SE)
    assert set(lab.daemons(_SE).values()) == {DaemonState.DEAD}
    assert lab.kernel_state(_SE).processes == ()

    lab.start_daemons(_SE)
    assert eventually(lambda: "to-SW" in _neighbors(lab, _SE), within_s=_SOON_S)
    assert _neighbors(lab, _SE) == {"to-SW"}

    lab.set_link(_EAST, is_up=True)
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert eventually(lambda: lab.kernel_state(_SE) == kernel, within_s=_LATER_S)


def test_a_router_and_its_link_come_and_go_while_the_others_run(lab: Emulator) -> None:
    """Nobody restarts: a stranger joins, is reached from everywhere, and leaves nothing behind."""
    fibs, kernel, spec = lab.fibs(), lab.kernel_state(_NE), lab.spec
    config = fingerprint(lab.running_config(_NE))
    lab.add_node(LabNode(id=_X, config=_STRANGER))
    lab.add_link(
        LabLink(
            id=_NEW,
            a=LabEnd(node=_NE, interface="to-X"),
            b=LabEnd(node=_X, interface="to-NE"),
        )
    )
    lab.apply_config(_NE, _JOINED.format(interface="to-X", address="10.252.0.0"))
    lab.apply_config(_X, _JOINED.format(interface="to-NE", address="10.252.0.1"))

    far = Prefix("10.255.0.9/32")
    assert eventually(lambda: far in {entry.prefix for entry in lab.fibs()[_SW]}, within_s=_LATER_S)
    assert eventually(lambda: lab.disagreements() == (), within_s=_SOON_S)
    assert _X in lab.fibs()
    assert "to-X" in lab.counters(_NE)

    lab.remove_link(_NEW)
    lab.remove_node(_X)
    lab.apply_config(_NE, "no interface to-X\n")
    assert lab.spec.links == spec.links
    assert [it.id for it in lab.spec.nodes] == [it.id for it in spec.nodes]
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)
    assert eventually(lambda: lab.kernel_state(_NE) == kernel, within_s=_LATER_S)
    assert fingerprint(lab.running_config(_NE)) == config


def test_what_is_not_there_is_refused_by_name(lab: Emulator) -> None:
    """An operator's slip is a sentence, and changes nothing."""
    spec = lab.spec
    taken = LabLink(
        id=LinkId("SE-NW"),
        a=LabEnd(node=_SE, interface="to-NE"),
        b=LabEnd(node=NodeId("NW"), interface="to-SE"),
    )

    with pytest.raises(ConfigError, match="no link 'NE-MOON'"):
        lab.set_link(LinkId("NE-MOON"), is_up=False)
    with pytest.raises(ConfigError, match="no router 'MOON'"):
        lab.freeze(NodeId("MOON"))
    with pytest.raises(ConfigError, match="a router 'SE' already"):
        lab.add_node(LabNode(id=_SE, config="hostname SE\n"))
    with pytest.raises(ConfigError, match="a link 'NE-SE' already"):
        lab.add_link(lab.spec.link(_EAST))
    with pytest.raises(ConfigError, match="SE to-NE is taken"):
        lab.add_link(taken)
    with pytest.raises(ConfigError, match="SE runs no isisd"):
        lab.kill_daemons(_SE, [Daemon.ISISD])
    with pytest.raises(ConfigError, match="belongs to none of"):
        lab.apply_config(_SE, "make it so\n")

    assert lab.spec == spec


def test_a_link_is_known_by_either_order_of_its_ends(lab: Emulator) -> None:
    """`SE-NE` is the link `NE-SE`."""
    fibs = lab.fibs()
    lab.set_link(LinkId("SE-NE"), is_up=False)
    assert not lab.spec.link(_EAST).is_up
    # Not sooner: FRR 10.3 does not see a cut of a few ms and forgets to put routes back.
    assert eventually(lambda: _next_hop(lab) == {"to-NW"}, within_s=_SOON_S)

    lab.set_link(LinkId("SE-NE"), is_up=True)
    assert eventually(lambda: _is_back(lab, fibs), within_s=_LATER_S)


def test_an_address_can_be_lent_and_stays_out_of_routing(lab: Emulator) -> None:
    """What a probe needs is no event of the network's."""
    lab.wait_settled(quiet_s=1, within_s=_SOON_S)  # Of what the test before did.
    fibs = lab.fibs()
    since_s = lab.set_link(_EAST, is_up=True)
    lab.answer_for(_SE, IPv4Address("10.3.0.77"))
    with lab.inside(_SE):
        pass

    assert lab.fibs() == fibs
    assert lab.wait_settled(quiet_s=0, within_s=1, since_s=since_s).changes == 0


def test_a_lab_that_is_down_says_so(request: pytest.FixtureRequest) -> None:
    """Before its beginning there is nothing to change; ending what never began is no error."""
    for make in (_MAKERS["fake"], _netns):
        lab = make(request)
        lab.down()

        with pytest.raises(EmulationFailed):
            lab.freeze(_NE)
