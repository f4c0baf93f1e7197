"""What the design rules render, on real FRR: OSPF, IS-IS at every level, BGP, IPv6 and BFD."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Network
from json import loads
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.design_variant import Variant, varied
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.routing import rib_digest
from foreshadow.routing_design import Bfd, BgpTimers, Hello, Igp, Throttle
from foreshadow.topology import LinkId, NodeId, Prefix
from frr import bfd, lsdb
from frr.configuration import Daemon
from frr.namespace import run_inside
from scenarios.drills.steadiness import unsteady
from shadow.config_difference import difference
from shadow.emulation.addressing import prefix6, site6
from shadow.emulation.containers import ContainersLab
from shadow.emulation.design import design
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec
from shadow.emulation.namespaces import IPV6_SYSCTLS, SYSCTLS, read_sysctls
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

AnyLab = NetnsLab | ContainersLab

_A, _B, _C = NodeId("A"), NodeId("B"), NodeId("C")


def _network(repository: Path, name: str) -> NetworkFile:
    path = repository / "tests" / "networks" / f"{name}.yaml"
    return parse_network(path.read_text(), path=path)


def _prefixes6(network: NetworkFile) -> frozenset[IPv6Network]:
    peers = (prefix6(it.prefix) for peer in network.peers for it in peer.prefixes)
    return frozenset((*map(site6, network.routers), *peers))


def _held6(lab: AnyLab, node: NodeId) -> set[IPv6Network]:
    """The IPv6 prefixes of a router's kernel, default routes aside."""
    routes = [loads(line)["dst"] for line in lab.kernel_state(node).routes]
    return {IPv6Network(dst) for dst in routes if ":" in dst}


def _holds_every_prefix6(lab: AnyLab, network: NetworkFile) -> bool:
    return all(_prefixes6(network) <= _held6(lab, NodeId(it.name)) for it in network.routers)


@pytest.fixture(scope="module")
def ring(repository: Path) -> NetworkFile:
    """Five routers that run everything at once."""
    return _network(repository, "ring6")


@pytest.fixture(scope="module")
def lab(session_run: Run, ring: NetworkFile) -> Iterator[NetnsLab]:
    """Their lab, left as it is found by each test."""
    with NetnsLab(design(ring)[1], run_id=session_run.run_id, name="ring6") as lab:
        lab.up(within_s=60)
        yield lab


def test_both_igps_are_up_and_both_families_are_everywhere(
    lab: NetnsLab, ring: NetworkFile
) -> None:
    """Every router has each neighbor twice, and every prefix of IPv4 and IPv6 in its kernel."""
    assert eventually(lambda: _holds_every_prefix6(lab, ring), within_s=30)

    def full() -> tuple[int, int]:
        every = [it for them in lab.adjacencies().values() for it in them if it.is_full]
        found = [(it.protocol, it.level) for it in every]
        return found.count(("ospf", 0)), found.count(("isis", 2))

    assert eventually(lambda: full() == (10, 10), within_s=30)
    assert eventually(lambda: lab.disagreements() == (), within_s=10)


def test_a_router_forwards_ipv6_as_routers_do(lab: NetnsLab) -> None:
    """Each of the kernel's traps is closed, for both families, where IPv6 is routed."""
    wanted = dict((*SYSCTLS, *IPV6_SYSCTLS))

    found = run_inside(lab.pathspace(_A), lambda: read_sysctls(wanted))

    assert found == wanted


def test_link_state_databases_say_what_the_file_says(lab: NetnsLab) -> None:
    """A cost that differs by direction is announced so by either protocol."""
    (ospf,) = lsdb.ospf(lab.show(_A, lsdb.OSPF_COMMAND))
    (isis,) = lsdb.isis(*(lab.show(_A, command) for command in lsdb.ISIS_COMMANDS))

    assert (ospf.metric("10.255.0.2", "10.255.0.3"), ospf.metric("10.255.0.3", "10.255.0.2")) == (
        20,
        25,
    )
    assert (isis.metric("B", "C"), isis.metric("C", "B")) == (20, 25)
    assert len(isis.routers) == len(ospf.routers) == 5


def test_bfd_runs_where_and_as_fast_as_it_is_written(lab: NetnsLab) -> None:
    """The network's timing, a link's own, none on the link that opted out, the eBGP session's."""

    def detection_ms(node: str) -> dict[str, set[int]]:
        found: dict[str, set[int]] = {}
        for it in bfd.sessions(lab.show(NodeId(node), bfd.SHOW)):
            found.setdefault(it.interface, set()).add(it.detection_ms if it.is_up else 0)
        return found

    assert eventually(
        lambda: detection_ms("B") == {"to-A": {300}, "to-C": {300}, "to-PEERB": {300}}, within_s=15
    )
    assert eventually(lambda: detection_ms("D") == {"to-C": {1200}}, within_s=15)


def test_bfd_notices_a_silent_link_long_before_the_dead_interval(lab: NetnsLab) -> None:
    """Three packets of 100 ms are missed, then routes move: a tenth of OSPF's four seconds."""
    assert lab.wait_settled(quiet_s=1, within_s=30).is_settled
    fibs, digest = lab.fibs(), rib_digest(lab.loc_ribs())
    link = LinkId("A-B")

    silent_s = lab.silence_link(link, is_silent=True)
    settled = lab.wait_settled(quiet_s=1, within_s=20, since_s=silent_s)
    lab.silence_link(link, is_silent=False)

    assert settled.changes > 0
    assert 0.2 < settled.convergence_s < 1.5
    assert eventually(lambda: lab.fibs() == fibs, within_s=60)
    assert eventually(lambda: rib_digest(lab.loc_ribs()) == digest, within_s=60)


def test_running_routers_take_other_timers_and_costs(lab: NetnsLab, ring: NetworkFile) -> None:
    """Whatever a design may set is set in flight, and taken back, line by line."""
    links = (ring.links[0].model_copy(update={"cost": 30, "bfd": False}), *ring.links[1:])
    other = ring.model_copy(
        update={
            "links": links,
            "bfd": Bfd(interval_ms=200, multiplier=4),
            "hello": Hello(interval_s=2, dead_s=10),
            "throttle": Throttle(spf_initial_ms=0, spf_hold_ms=100, spf_maximum_ms=500, lsa_ms=0),
            "bgp": BgpTimers(keepalive_s=10, hold_s=30, connect_retry_s=5),
            "ecmp": None,
        }
    )
    left = _changed(lab, design(other)[1]) + _changed(lab, design(ring)[1])

    assert left == []
    assert eventually(lambda: _holds_every_prefix6(lab, ring), within_s=60)


def _changed(lab: NetnsLab, wanted: LabSpec) -> list[str]:
    """Make running routers what they should be; what of it they do not show."""
    left: list[str] = []
    for node in wanted.nodes:
        for part in difference(lab.running_config(node.id), node.config).parts:
            lab.apply_config(node.id, part)
        left += difference(lab.running_config(node.id), node.config).parts
    return left


def test_routers_boot_from_what_they_print(run: Run, lab: NetnsLab, ring: NetworkFile) -> None:
    """What `show running-config` prints makes the same network again, without isisd's 30 s."""
    spec = replace(
        lab.spec,
        nodes=tuple(
            node if node.is_external else replace(node, config=lab.running_config(node.id))
            for node in lab.spec.nodes
        ),
    )
    with NetnsLab(spec, run_id=run.run_id, name="copy") as copy:
        copy.up(within_s=60)

        assert eventually(lambda: _holds_every_prefix6(copy, ring), within_s=20)
        assert eventually(lambda: copy.fibs() == lab.fibs(), within_s=30)


def test_a_running_network_changes_its_igp_and_back(run: Run, repository: Path) -> None:
    """From OSPF to both IGPs, IPv6 and BFD, to IS-IS alone, to OSPF: no router is restarted."""
    plain = _network(repository, "square")
    both = varied(plain, Variant(name="b", igp=Igp.BOTH, ipv6=True, bfd=Bfd(interval_ms=100)))
    isis = varied(plain, Variant(name="i", igp=Igp.ISIS))
    with NetnsLab(design(plain)[1], run_id=run.run_id, name="turn") as lab:
        lab.up(within_s=60)
        assert _changed(lab, design(both)[1]) == []
        # Well before the 30 s that isisd holds back its second packet by default.
        assert eventually(lambda: _holds_every_prefix6(lab, both), within_s=20)
        assert _changed(lab, design(isis)[1]) == []
        assert eventually(lambda: _protocols(lab) == {"isis"}, within_s=20)
        assert eventually(lambda: _holds_every_prefix(lab), within_s=20)
        assert _changed(lab, design(plain)[1]) == []
        assert eventually(lambda: _protocols(lab) == {"ospf"}, within_s=20)
        assert eventually(lambda: _holds_every_prefix(lab), within_s=20)
        assert eventually(lambda: lab.disagreements() == (), within_s=20)


def _protocols(lab: NetnsLab) -> set[str]:
    return {it.protocol for them in lab.adjacencies().values() for it in them if it.is_full}


def _holds_every_prefix(lab: NetnsLab) -> bool:
    held = {node: {entry.prefix for entry in fib} for node, fib in lab.fibs().items()}
    return all(wanted <= held[node] for node, wanted in lab.spec.everywhere().items())


def test_isis_alone_carries_bgp(run: Run, ring: NetworkFile) -> None:
    """The same ring without OSPF: no ospfd runs, and every prefix is in every FIB."""
    network = ring.model_copy(update={"igp": Igp.ISIS, "ecmp": None})
    with NetnsLab(design(network)[1], run_id=run.run_id, name="isis") as lab:
        lab.up(within_s=60)
        assert "ospfd" not in lab.daemons(_A)
        assert {it.protocol for it in lab.adjacencies()[_A]} == {"isis"}
        assert eventually(lambda: _holds_every_prefix6(lab, network), within_s=30)


def test_isis_areas_reach_each_other_through_their_reflectors(run: Run, repository: Path) -> None:
    """A knows no loopback outside its area, C none of A's, and both reach every site."""
    network = _network(repository, "areas")
    with NetnsLab(design(network)[1], run_id=run.run_id, name="areas") as lab:
        # BGP tries again after two minutes where its first try came before the routes.
        lab.up(within_s=180)
        levels = {it.interface: it.level for it in lab.adjacencies()[_B]}
        to_a = {str(path.prefix): path.next_hop for path in lab.loc_ribs()[_C]}["10.1.0.0/16"]

        assert levels == {"to-A": 1, "to-C": 2, "to-D": 3}
        assert str(to_a) in {"10.255.0.2", "10.255.0.4"}
        assert "10.255.0.3/32" not in {str(it.prefix) for it in lab.fibs()[_A]}
        assert eventually(lambda: _holds_every_prefix6(lab, network), within_s=30)
        assert eventually(lambda: lab.disagreements() == (), within_s=10)


_BARE = """\
hostname {name}
interface lo
 ip address 10.255.0.{number}/32
 ip router isis IGP
 isis passive
exit
interface to-{other}
 ip address 10.254.0.{number}/30
 ip router isis IGP
 isis hello-interval 1
 isis network point-to-point
exit
router isis IGP
 net 49.0001.0000.0000.000{number}.00
 lsp-gen-interval 1
exit
"""


def test_a_router_without_bgp_or_static_routes_runs_neither(run: Run) -> None:
    """Two routers and IS-IS: two daemons each, and whether they are at rest can be asked."""
    spec = LabSpec(
        nodes=(
            LabNode(id=_A, config=_BARE.format(name="A", number=1, other="B")),
            LabNode(id=_B, config=_BARE.format(name="B", number=2, other="A")),
        ),
        links=(
            LabLink(
                id=LinkId("A-B"),
                a=LabEnd(node=_A, interface="to-B"),
                b=LabEnd(node=_B, interface="to-A"),
            ),
        ),
    )
    far = {_A: frozenset({Prefix("10.255.0.2/32")}), _B: frozenset({Prefix("10.255.0.1/32")})}
    with NetnsLab(spec, run_id=run.run_id, name="bare") as lab:
        lab.up(within_s=60, expected=far)

        assert set(lab.daemons(_A)) == {Daemon.ZEBRA, Daemon.ISISD}
        assert lab.loc_ribs() == {_A: (), _B: ()}
        assert eventually(lambda: unsteady(lab) == (), within_s=20)


@pytest.mark.containers
def test_frr_10_takes_the_same_configuration(run: Run, ring: NetworkFile) -> None:
    """In containers, whose FRR is two versions younger, everything comes up as on the host."""
    with ContainersLab(design(ring)[1], run_id=run.run_id, name="ring6") as lab:
        lab.up(within_s=120)
        assert eventually(lambda: _holds_every_prefix6(lab, ring), within_s=60)
        assert eventually(
            lambda: (
                [it.protocol for it in lab.adjacencies()[_A] if it.is_full]
                == ["ospf", "ospf", "isis", "isis"]
            ),
            within_s=30,
        )
        assert eventually(
            lambda: [it.is_up for it in bfd.sessions(lab.show(_B, bfd.SHOW))] == [True] * 6,
            within_s=30,
        )
        assert eventually(lambda: lab.disagreements() == (), within_s=30)
