"""The lab in namespaces on real FRR: up, broken, mended, told, measured, gone."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from socket import AF_INET

import pytest
from pyroute2 import IPRoute

from console.ownership import Run
from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.routing import rib_digest
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.namespace import NETNS_DIR, run_inside
from frr.vty import RUN_DIR
from shadow.emulation import namespaces
from shadow.emulation.cleanup import remove_run
from shadow.emulation.lab import LabNode, LabSpec
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_DIAGONAL = LinkId("NE-SE")
_PERMANENT = 0x80
_SE, _SW, _NE = NodeId("SE"), NodeId("SW"), NodeId("NE")


def _prefixes(lab: NetnsLab) -> dict[NodeId, frozenset[Prefix]]:
    return {node: frozenset(entry.prefix for entry in fib) for node, fib in lab.fibs().items()}


def _full_adjacencies(lab: NetnsLab) -> int:
    return sum(it.is_full for them in lab.adjacencies().values() for it in them)


def _told_of_ospf_routers(lab: NetnsLab, node: NodeId) -> set[str]:
    """The interfaces at which the kernel knows the group 224.0.0.5 for good."""

    def read() -> set[str]:
        with IPRoute() as netlink:
            names = {it["index"]: it.get_attr("IFLA_IFNAME") for it in netlink.get_links()}
            every = netlink.get_neighbours(AF_INET, dst="224.0.0.5")
            return {names[it["ifindex"]] for it in every if it["state"] == _PERMANENT}

    return run_inside(lab.pathspace(node), read)


def _whole(lab: NetnsLab) -> bool:
    held = _prefixes(lab)
    return all(wanted <= held[node] for node, wanted in lab.spec.everywhere().items())


def test_every_announced_prefix_is_in_every_kernel_and_zebra_agrees(lab: NetnsLab) -> None:
    """Up means: adjacencies full, all prefixes in all FIBs, and RIB and FIB say the same."""
    assert _whole(lab)
    # The last prefix may arrive over a link before its neighbor's own adjacency is full.
    assert eventually(lambda: _full_adjacencies(lab) == 8, within_s=10)
    assert eventually(lambda: lab.disagreements() == (), within_s=10)
    assert lab.dead_daemons() == ()


def test_hellos_need_no_room_in_the_table_of_neighbors_that_all_labs_share(lab: NetnsLab) -> None:
    """A large lab beside this one fills it, and then no packet is sent to whom has to be learnt."""
    assert {"to-NE", "to-SW"} <= _told_of_ospf_routers(lab, _SE)


def test_peers_hold_our_sites_and_nothing_was_leaked_between_them(lab: NetnsLab) -> None:
    """RFC 8212 policy: a peer gets our own sites; its other border's prefixes are its own."""
    ours = {Prefix(f"10.{site}.0.0/16") for site in range(1, 5)}

    # BGP holds an advertisement back for some seconds after an earlier test's change.
    assert eventually(
        lambda: ours <= {path.prefix for path in lab.loc_rib(NodeId("PEERSW"))}, within_s=30
    )
    assert {path.as_path for path in lab.loc_rib(NodeId("PEERSW"))} <= {"", "65001"}


def test_a_cut_reroutes_and_its_undo_leaves_no_trace(lab: NetnsLab) -> None:
    """Both ends lose carrier, traffic goes the other way round, and afterwards all is as before."""
    eventually(lambda: lab.disagreements() == (), within_s=10)
    fibs, digest = lab.fibs(), rib_digest(lab.loc_ribs())

    cut_at_s = lab.set_link(_DIAGONAL, is_up=False)
    settled = lab.wait_settled(quiet_s=1, within_s=20, since_s=cut_at_s)
    during = {entry.prefix: entry for entry in lab.fib(_SE)}

    assert settled.is_settled
    assert settled.changes > 0
    assert 0 < settled.convergence_s < 5
    assert {hop.interface for hop in during[Prefix("10.2.0.0/16")].forwards} == {"to-SW"}
    assert "to-NE" not in {it.interface for it in lab.adjacencies()[_SE]}
    assert lab.disagreements() == ()
    assert lab.spec.link(_DIAGONAL).is_up is False

    lab.set_link(_DIAGONAL, is_up=True)

    assert "to-NE" in _told_of_ospf_routers(lab, _SE)
    assert eventually(lambda: lab.fibs() == fibs, within_s=30)
    assert eventually(lambda: rib_digest(lab.loc_ribs()) == digest, within_s=30)
    assert lab.spec.link(_DIAGONAL).is_up


def test_a_policy_flip_moves_the_exit_and_its_revert_restores_the_digest(lab: NetnsLab) -> None:
    """One attached route map and a soft clear move the AS to the other exit, and back."""
    before = rib_digest(lab.loc_ribs())
    peer = "10.253.0.3"
    stage = "route-map FS-T-g1 permit 10\n set local-preference 200\nexit\n"
    attach = "router bgp 65001\n address-family ipv4 unicast\n  neighbor {} route-map {} in\n"
    lab.apply_config(_SW, stage)

    lab.apply_config(_SW, attach.format(peer, "FS-T-g1"))
    lab.execute(_SW, f"clear bgp ipv4 unicast {peer} soft in")
    moved = eventually(
        lambda: (
            {p.prefix: p for p in lab.loc_rib(_NE)}[Prefix("203.0.113.0/27")].next_hop
            == IPv4Address("10.255.0.4")
        ),
        within_s=10,
    )
    lab.apply_config(_SW, attach.format(peer, "OPER-PEERSW-IN"))
    lab.execute(_SW, f"clear bgp ipv4 unicast {peer} soft in")
    lab.apply_config(_SW, "no route-map FS-T-g1")

    assert moved
    assert eventually(lambda: rib_digest(lab.loc_ribs()) == before, within_s=10)


def test_a_refused_line_names_router_and_line(lab: NetnsLab) -> None:
    """A configuration error is the operator's to read."""
    with pytest.raises(ConfigError, match="SW: bgpd refused 'neighbor nonsense'"):
        lab.apply_config(_SW, "router bgp 65001\n neighbor nonsense\n")


def test_a_lent_address_answers_and_does_not_show_in_routing(lab: NetnsLab) -> None:
    """A probe's address is the kernel's alone: no FIB and no RIB changes."""
    fibs = lab.fibs()
    lab.answer_for(_SE, IPv4Address("10.3.0.1"))

    with lab.inside(_SE):
        listener = socket.create_server(("10.3.0.1", 7))
    with listener, lab.inside(_NE):
        reached = socket.create_connection(
            ("10.3.0.1", 7), timeout=5, source_address=("10.255.0.2", 0)
        )
    reached.close()

    assert lab.fibs() == fibs
    assert lab.disagreements() == ()


def test_a_router_boots_from_its_running_configuration(
    run: Run, lab: NetnsLab, square_spec: LabSpec
) -> None:
    """What `show running-config` prints, on every router, makes the same network again."""
    spec = replace(
        square_spec,
        nodes=tuple(
            node if node.is_external else replace(node, config=lab.running_config(node.id))
            for node in square_spec.nodes
        ),
    )
    with NetnsLab(spec, run_id=run.run_id, name="copy") as copy:
        copy.up(within_s=60)

        assert eventually(lambda: copy.fibs() == lab.fibs(), within_s=30)
        assert eventually(
            lambda: rib_digest(copy.loc_ribs()) == rib_digest(lab.loc_ribs()), within_s=30
        )


def test_a_link_that_is_down_at_the_start_stays_down(run: Run, square_spec: LabSpec) -> None:
    """A copy of a broken network is broken in the same place."""
    spec = replace(
        square_spec,
        links=tuple(replace(it, is_up=it.id != _DIAGONAL) for it in square_spec.links),
    )
    with NetnsLab(spec, run_id=run.run_id, name="hurt") as hurt:
        hurt.up(within_s=60)

        assert "to-NE" not in {it.interface for it in hurt.adjacencies()[_SE]}


def test_what_does_not_come_up_is_named_and_taken_down_again(
    run: Run, square_spec: LabSpec
) -> None:
    """A prefix that nobody announces is missed by name, and no namespace is left behind."""
    expected = {_SE: frozenset({Prefix("192.0.2.0/24")})}
    hopeless = NetnsLab(square_spec, run_id=run.run_id, name="hopeless")

    with pytest.raises(EmulationFailed, match=r"SE lacks 192\.0\.2\.0/24"):
        hopeless.up(within_s=2, expected=expected)

    assert namespaces.names(run.run_id) == ()
    assert list(RUN_DIR.glob(f"{run.run_id}-*")) == []


def test_a_daemon_that_died_is_named(run: Run) -> None:
    """Whoever measures can see that a part of the lab is gone; a restart mends it."""
    alone = LabSpec(
        nodes=(LabNode(id=_SE, config="hostname SE\nip route 10.3.0.0/16 blackhole\n"),), links=()
    )
    with NetnsLab(alone, run_id=run.run_id, name="alone") as lab:
        lab.up(within_s=30, expected={_SE: frozenset({Prefix("10.3.0.0/16")})})
        os.kill(lab.pids()[0], signal.SIGKILL)
        dead = eventually(lab.dead_daemons, within_s=10)
        lab.restart_daemons(_SE)

        assert dead[0].startswith("SE: zebra ended")
        assert lab.dead_daemons() == ()
        assert eventually(lambda: lab.disagreements() == (), within_s=10)


_ORPHAN = """
import sys
from pathlib import Path
from foreshadow.network_file import parse_network
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
path = Path(sys.argv[1])
lab = NetnsLab(design(parse_network(path.read_text(), path=path))[1], run_id=sys.argv[2], name="x")
lab.up(within_s=60)
print("up", flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_nothing_that_clean_up_does_not_find(
    run: Run, repository: Path
) -> None:
    """Kill -9 of the process that made a lab: one call from another removes all of that lab."""
    network = repository / "tests" / "networks" / "square.yaml"
    with subprocess.Popen(
        [sys.executable, "-c", _ORPHAN, str(network), run.run_id],
        cwd=repository,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        os.kill(owner.pid, signal.SIGKILL)

    removed = remove_run(f"{run.run_id}-x")

    assert len(removed.namespaces) == 6
    assert len(removed.processes) == 4 * 4 + 2 * 3
    assert list(NETNS_DIR.glob(f"{run.run_id}-*")) == []
    assert list(RUN_DIR.glob(f"{run.run_id}-*")) == []
    assert not remove_run(run.run_id)


def test_two_labs_of_one_process_do_not_disturb_each_other(
    run: Run, lab: NetnsLab, square_spec: LabSpec
) -> None:
    """The same addresses in two labs; a cut in one is no event in the other."""
    # Every prefix is everywhere before every way to it is the shortest.
    assert lab.wait_settled(quiet_s=1, within_s=30).is_settled
    before = lab.fibs()
    with NetnsLab(square_spec, run_id=run.run_id, name="second") as second:
        second.up(within_s=60)
        quiet_from_s = second.set_link(_DIAGONAL, is_up=False)
        second.wait_settled(quiet_s=1, within_s=20, since_s=quiet_from_s)
        other = lab.wait_settled(quiet_s=0, within_s=1, since_s=quiet_from_s)

    assert other.changes == 0
    assert lab.fibs() == before
