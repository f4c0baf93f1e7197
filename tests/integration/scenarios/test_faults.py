"""Every fault of the network on real routers: injected, seen, undone, gone without a trace.

One lab serves all of them. What each router's kernel, process table, configuration and the
network's best paths hold afterwards must be what they held before, line by line.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from foreshadow.network_file import parse_network
from foreshadow.routing import rib_digest
from foreshadow.topology import LinkId, NodeId, SrlgId
from frr.configuration import Daemon
from scenarios.drills.steadiness import unsteady
from scenarios.faults import bgp
from scenarios.faults.catalogue import NetworkFault, decode, encode, kind_of
from scenarios.faults.cost_changed import CostChanged
from scenarios.faults.daemon_crash import DaemonCrash
from scenarios.faults.drained import Drained
from scenarios.faults.fault import Memory
from scenarios.faults.link_degrade import LinkDegrade
from scenarios.faults.link_down import LinkDown
from scenarios.faults.link_flap import LinkFlap
from scenarios.faults.link_silent import LinkSilent
from scenarios.faults.max_prefix_hit import MaxPrefixHit
from scenarios.faults.mtu_mismatch import MtuMismatch
from scenarios.faults.node_down import NodeDown
from scenarios.faults.node_frozen import NodeFrozen
from scenarios.faults.node_restart import NodeRestart
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.partition import Partition
from scenarios.faults.prefix_hijacked import PrefixHijacked
from scenarios.faults.prefix_withdrawn import PrefixWithdrawn
from scenarios.faults.route_leaked import RouteLeaked
from scenarios.faults.session_down import SessionDown
from scenarios.faults.session_reset import SessionReset
from scenarios.faults.srlg_cut import SrlgCut
from scenarios.faults.timer_mismatch import TimerMismatch
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_LINK, _NE, _SE = LinkId("NE-SE"), NodeId("NE"), NodeId("SE")

FAULTS: tuple[NetworkFault, ...] = (
    LinkDown(link=_LINK),
    LinkSilent(link=_LINK),
    LinkFlap(link=_LINK, times=2, down_s=0.2, up_s=0.2),
    LinkDegrade(link=_LINK, rate_bps=20e6, delay_s=0.02, loss_ratio=0.2),
    NodeDown(node=_NE),
    NodeFrozen(node=_NE),
    DaemonCrash(node=_SE, daemon=Daemon.OSPFD),
    DaemonCrash(node=_SE, daemon=Daemon.ISISD),
    DaemonCrash(node=_SE, daemon=Daemon.BGPD),
    DaemonCrash(node=_SE, daemon=Daemon.ZEBRA),
    NodeRestart(node=_NE),
    SrlgCut(group=SrlgId("DUCT"), links=(LinkId("NW-NE"), LinkId("SE-NW"))),
    Partition(nodes=(_SE,)),
    SessionReset(node=_SE, peer=NodeId("PEERX")),
    SessionDown(node=_SE, peer=NodeId("NW")),
    PrefixWithdrawn(node=_NE, prefix=IPv4Network("10.2.0.0/16")),
    PrefixHijacked(node=NodeId("PEERX"), prefix=IPv4Network("10.1.128.0/17")),
    PrefixHijacked(node=_NE, prefix=IPv4Network("198.51.100.0/26")),
    RouteLeaked(node=_SE, peer=NodeId("PEERX")),
    MaxPrefixHit(node=_SE, peer=NodeId("PEERX")),
    CostChanged(link=_LINK, cost=77),
    Overloaded(node=_SE),
    TimerMismatch(link=_LINK, node=_SE, hello_s=2),
    MtuMismatch(link=_LINK, node=_SE),
    Drained(node=_NE),
)

AWAITING = (DaemonCrash, MtuMismatch, NodeFrozen, TimerMismatch)
"""What neighbors notice by a dead interval, which is 4 s here."""

_QUICK_S, _PATIENT_S = 3.0, 15.0

PASSING = (LinkFlap, NodeRestart, SessionReset)
"""What is over by itself once it was seen."""


def _dump(lab: NetnsLab) -> frozenset[str]:
    """Everything a fault could leave a trace in, line by line."""
    lines = {f"best paths: {rib_digest(lab.loc_ribs())}"}
    for node in (it.id for it in lab.spec.nodes):
        for kind, held in asdict(lab.kernel_state(node)).items():
            lines |= {f"{node} {kind}: {line}" for line in held}
        lines.add(f"{node} configuration:\n{lab.running_config(node)}")
    return frozenset(lines)


@pytest.fixture(scope="module")
def triangle(session_run: Run, repository: Path) -> Iterator[NetnsLab]:
    """Three routers, three peers, OSPF and IS-IS, both address families; up."""
    path = repository / "tests" / "networks" / "triangle.yaml"
    spec = design(parse_network(path.read_text(), path=path))[1]
    with NetnsLab(spec, run_id=session_run.run_id, name="faults") as lab:
        lab.up(within_s=60)
        yield lab


@pytest.fixture(scope="module")
def before(triangle: NetnsLab) -> frozenset[str]:
    """The lab at rest."""
    assert eventually(lambda: unsteady(triangle) == (), within_s=60)
    assert eventually(lambda: _established(triangle), within_s=60)
    assert triangle.wait_settled(quiet_s=1, within_s=30).is_settled
    return _dump(triangle)


def _established(lab: NetnsLab) -> bool:
    """Whether every session is, IPv6 too, on our routers and on the peers."""
    for node in lab.spec.nodes:
        sessions = bgp.peers(lab, node.id)
        assert {peer: it.state for peer, it in sessions.items()} == dict.fromkeys(
            sessions, bgp.ESTABLISHED
        ), node.id
    return True


def _id(fault: NetworkFault) -> str:
    return f"{kind_of(fault)}-{fault.daemon}" if isinstance(fault, DaemonCrash) else kind_of(fault)


@pytest.mark.parametrize("fault", FAULTS, ids=_id)
def test_a_fault_is_seen_and_its_undo_leaves_no_trace(
    fault: NetworkFault, triangle: NetnsLab, before: frozenset[str]
) -> None:
    """Whoever finds fault and memory on paper undoes it; nothing does harm twice, or too early."""
    memory: Memory = fault.remember(triangle)
    journalled = decode(encode(fault)), from_json(to_json(memory), Memory)
    fault.undo(triangle, memory)
    fault.inject(triangle, memory)
    try:
        patience_s = _PATIENT_S if isinstance(fault, AWAITING) else _QUICK_S
        assert eventually(lambda: _quiet(fault.verify(triangle, memory)), within_s=patience_s)
        fault.inject(triangle, memory)
        assert _quiet(fault.verify(triangle, memory))
        assert fault.verify_undone(triangle, memory) or isinstance(fault, PASSING)
        # As a drill does; what bounces faster loses routes (`scenarios.faults.lost_routes`).
        triangle.wait_settled(quiet_s=0.4, within_s=10)
    finally:
        found, recalled = journalled
        assert isinstance(found, NetworkFault)
        found.undo(triangle, recalled)
        found.undo(triangle, recalled)

    assert eventually(lambda: _quiet(found.verify_undone(triangle, recalled)), within_s=30)
    assert eventually(lambda: _same(_dump(triangle), before), within_s=30, poll_s=0.1)


@pytest.mark.parametrize(
    ("fault", "begin"),
    [
        (NodeDown(node=_NE), lambda lab: lab.set_link(_LINK, is_up=False)),
        (
            DaemonCrash(node=_SE, daemon=Daemon.ZEBRA),
            lambda lab: lab.kill_daemons(_SE, [Daemon.ZEBRA, Daemon.BGPD]),
        ),
        (
            Drained(node=_NE),
            lambda lab: lab.apply_config(_NE, "router bgp 65001\n bgp graceful-shutdown\n"),
        ),
        (
            PrefixHijacked(node=NodeId("PEERX"), prefix=IPv4Network("10.1.128.0/17")),
            lambda lab: lab.apply_config(NodeId("PEERX"), "ip route 10.1.128.0/17 blackhole\n"),
        ),
    ],
    ids=lambda it: _id(it) if isinstance(it, NetworkFault) else "",
)
def test_a_fault_that_was_cut_short_is_undone_too(
    fault: NetworkFault,
    begin: Callable[[NetnsLab], object],
    triangle: NetnsLab,
    before: frozenset[str],
) -> None:
    """The runner died after the first step of an injection; its successor takes back the half."""
    memory = fault.remember(triangle)
    begin(triangle)
    triangle.wait_settled(quiet_s=0.4, within_s=10)

    fault.undo(triangle, memory)

    assert eventually(lambda: _quiet(fault.verify_undone(triangle, memory)), within_s=30)
    assert eventually(lambda: _same(_dump(triangle), before), within_s=30, poll_s=0.1)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (LinkDown(link=LinkId("NE-XX")), "no link 'NE-XX'"),
        (LinkSilent(link=LinkId("NE-XX")), "no link 'NE-XX'"),
        (LinkDegrade(link=_LINK), "has that shape already"),
        (NodeDown(node=NodeId("XX")), "no router 'XX'"),
        (DaemonCrash(node=NodeId("PEERX"), daemon=Daemon.OSPFD), "PEERX runs no ospfd"),
        (Partition(nodes=(NodeId("NW"), _NE, _SE)), "every router of ours is in one half"),
        (SessionDown(node=_NE, peer=NodeId("PEERX")), "NE has no BGP session to PEERX"),
        (PrefixWithdrawn(node=_NE, prefix=IPv4Network("10.9.0.0/16")), "NE has no statement"),
        (PrefixHijacked(node=_NE, prefix=IPv4Network("10.2.0.0/16")), "announces .* anyway"),
        (RouteLeaked(node=NodeId("PEERX"), peer=_SE), "PEERX announces all it knows"),
        (MaxPrefixHit(node=_SE, peer=_NE), "SE has no BGP session to NE"),
        (CostChanged(link=LinkId("SE-PEERX"), cost=5), "no IGP runs over SE-PEERX"),
        (CostChanged(link=_LINK, cost=10), "NE-SE costs 10 already"),
        (Overloaded(node=NodeId("PEERX")), "PEERX runs neither OSPF nor IS-IS"),
        (TimerMismatch(link=LinkId("SE-PEERX")), "no OSPF over SE-PEERX"),
        (TimerMismatch(link=_LINK, hello_s=1), "says hello every 1 s"),
        (TimerMismatch(link=_LINK, node=NodeId("NW")), "does not end at NW"),
        (MtuMismatch(link=_LINK, mtu_bytes=1500), "is 1500 at that end already"),
        (MtuMismatch(link=LinkId("SE-PEERX")), "no IGP runs over SE-PEERX"),
    ],
    ids=lambda it: _id(it) if isinstance(it, NetworkFault) else "",
)
def test_what_does_not_apply_is_refused_in_a_sentence(
    fault: NetworkFault, why: str, triangle: NetnsLab
) -> None:
    """The operator reads what to choose instead; nothing was touched."""
    with pytest.raises(ConfigError, match=why):
        fault.remember(triangle)


def _quiet(complaint: str) -> bool:
    assert complaint == ""
    return True


def _same(now: frozenset[str], before: frozenset[str]) -> bool:
    assert {"left": sorted(now - before), "lost": sorted(before - now)} == {"left": [], "lost": []}
    return True
