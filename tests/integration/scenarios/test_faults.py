"""Every fault of the network on real routers: injected, seen, undone, gone without a trace.

One lab serves all of them. What each router's kernel, process table, configuration and the network's
best paths hold afterwards must be what they held before, line by line.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.network_file import parse_network
from foreshadow.routing import rib_digest
from foreshadow.topology import LinkId, NodeId, SrlgId
from frr.configuration import Daemon
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
    triangle.wait_settled(quiet_s=1, within_s=30)
    return _dump(triangle)


def _id(fault: NetworkFault) -> str:
    return f"{kind_of(fault)}-{fault.daemon}" if isinstance(fault, DaemonCrash) else kind_of(fault)


@pytest.mark.parametrize("fault", FAULTS, ids=_id)
def test_a_fault_is_seen_and_its_undo_leaves_no_trace(
    fault: NetworkFault, triangle: NetnsLab, before: frozenset[str]
) -> None:
    """Whoever finds fault and memory on paper undoes it; both ways twice does no harm."""
    memory: Memory = fault.remember(triangle)
    t0 = time.monotonic()
    fault.inject(triangle, memory)
    try:
        assert eventually(lambda: _quiet(fault.verify(triangle, memory)), within_s=15)
        t1 = time.monotonic()
        fault.inject(triangle, memory)
        assert fault.verify_undone(triangle, memory) or isinstance(fault, PASSING)
    finally:
        t2 = time.monotonic()
        found = decode(encode(fault))
        assert found == fault
        fault.undo(triangle, memory)
        fault.undo(triangle, memory)

    assert eventually(lambda: _quiet(fault.verify_undone(triangle, memory)), within_s=30)
    t3 = time.monotonic()
    assert eventually(lambda: _same(_dump(triangle), before), within_s=30, poll_s=0.2)
    print(
        f"TIMES {_id(fault)} verified {t1 - t0:.2f} undone {t3 - t2:.2f} same {time.monotonic() - t3:.2f}"
    )


def _quiet(complaint: str) -> bool:
    assert complaint == ""
    return True


def _same(now: frozenset[str], before: frozenset[str]) -> bool:
    assert {"left": sorted(now - before), "lost": sorted(before - now)} == {"left": [], "lost": []}
    return True
