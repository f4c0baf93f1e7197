"""FRR's own test networks on real FRR: what our agent reads is what FRR's developers expect.

Left out: IPv6 (ospf6d), which the agent does not read; the captured VRFs, LDP and BMP parts.
"""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.observed import Adjacency, Session, Stream
from foreshadow.routing import BestPath, FibEntry, Forward, Terminal
from foreshadow.topology import Prefix
from frr import bfd
from frr.configuration import Daemon
from ingest.sources.frr import FrrAgent
from tests.eventually import eventually
from tests.integration.ingest.frr_network import Heard, Plan, RunningRouter, heard, running, shown

pytestmark = [pytest.mark.netns, pytest.mark.shared_data]

_BFD_PORTS = {
    "r1": {"r1-eth0": "sw1"},
    "r2": {"r2-eth0": "sw1", "r2-eth1": "sw2", "r2-eth2": "sw3"},
    "r3": {"r3-eth0": "sw2"},
    "r4": {"r4-eth0": "sw3"},
}
_OSPF_PORTS = {
    "r1": {"r1-eth0": "s1", "r1-eth1": "s3"},
    "r2": {"r2-eth0": "s2", "r2-eth1": "s3"},
    "r3": {"r3-eth0": "s3", "r3-eth1": "s4", "r3-eth2": "s5"},
    "r4": {"r4-eth0": "s5", "r4-eth1": "s6"},
}
_OSPF_ROUTE = re.compile(
    r"^N (?:IA|  ) (?P<prefix>\S+) .*\n"
    r"\s+(?:via (?P<gateway>\S+), |directly attached to )(?P<port>\S+)",
    re.MULTILINE,
)
_NEIGHBORS = {"r1": 2, "r2": 2, "r3": 3, "r4": 1}
"""Of ospf_topo1: each of three routers hears two on their segment, r3 and r4 each other."""


@pytest.fixture(scope="module")
def networks(session_run: Run, shared_data: Path) -> Iterator[dict[str, dict[str, RunningRouter]]]:
    """Both networks, begun together so that they converge together."""
    folder = shared_data / "frr_topotests"
    prefix = session_run.run_id
    with ExitStack() as stack:
        yield {
            "bfd_topo1": stack.enter_context(
                running(f"{prefix}-bfd", _of_daemons(folder / "bfd_topo1"))
            ),
            "ospf_topo1": stack.enter_context(
                running(f"{prefix}-ospf", _of_one_file(folder / "ospf_topo1"))
            ),
        }


def _of_daemons(folder: Path) -> dict[str, Plan]:
    """A file a daemon, as it is."""
    daemons = (Daemon.ZEBRA, Daemon.BFDD, Daemon.BGPD)
    return {
        name: Plan({it: (folder / name / f"{it}.conf").read_text() for it in daemons}, ports)
        for name, ports in _BFD_PORTS.items()
    }


def _of_one_file(folder: Path) -> dict[str, Plan]:
    """One file for all, without IPv6; a daemon passes over what is not its own."""
    plans = {}
    for name, ports in _OSPF_PORTS.items():
        text = (folder / name / "frr.conf").read_text()
        text = re.sub(r"^ ipv6 .*\n", "", text.partition("router ospf6")[0], flags=re.MULTILINE)
        plans[name] = Plan(
            {Daemon.ZEBRA: _addresses(text), Daemon.OSPFD: _without_addresses(text)}, ports
        )
    return plans


def _addresses(text: str) -> str:
    kept = re.findall(r"^(?:int\S* \S+| ip address .*)$", text, re.MULTILINE)
    return "\n".join(kept).replace("int ", "interface ") + "\n"


def _without_addresses(text: str) -> str:
    return re.sub(r"^ ip address .*\n", "", text, flags=re.MULTILINE).replace("int ", "interface ")


def _agent(routers: dict[str, RunningRouter]) -> FrrAgent:
    return FrrAgent([it.entry for it in routers.values()], SystemClock(), poll_s=1.0)


def _read(said: Heard, device: str, stream: Stream) -> dict[str, object]:
    if said.failures:
        raise said.failures[0]
    return dict(said.values.get((device, stream), {}))


def _ospf_expected(path: Path) -> dict[str, FibEntry]:
    found = {}
    for it in _OSPF_ROUTE.finditer(path.read_text()):
        prefix = Prefix(it["prefix"])
        found[str(prefix)] = (
            FibEntry(
                prefix=prefix,
                forwards=(Forward(interface=it["port"], gateway=IPv4Address(it["gateway"])),),
            )
            if it["gateway"]
            else FibEntry(prefix=prefix, terminal=Terminal.DELIVERED)
        )
    return found


def test_ospf_topo1(networks: dict[str, dict[str, RunningRouter]], shared_data: Path) -> None:
    """Every route of FRR's expectation, and no other, is in the forwarding table we read."""
    routers = networks["ospf_topo1"]
    folder = shared_data / "frr_topotests" / "ospf_topo1"
    with heard(_agent(routers)) as said:
        for name in routers:
            expected = _ospf_expected(folder / name / "ospfroute.txt")
            assert len(expected) == 6

            def agrees(name: str = name, expected: dict[str, FibEntry] = expected) -> bool:
                assert _read(said, name, Stream.FIB) == expected
                return True

            eventually(agrees, within_s=90)
        for name, count in _NEIGHBORS.items():
            neighbors = _read(said, name, Stream.ADJACENCY).values()
            assert sum(isinstance(it, Adjacency) for it in neighbors) == count
    assert said.refused == []


def test_bfd_topo1(networks: dict[str, dict[str, RunningRouter]], shared_data: Path) -> None:
    """Sessions, best paths to every prefix, and BFD: all as expected at each router."""
    routers = networks["bfd_topo1"]
    folder = shared_data / "frr_topotests" / "bfd_topo1"
    with heard(_agent(routers)) as said:
        for name, router in routers.items():
            eventually(partial(_agrees, said, router, folder / name), within_s=90)
    assert said.refused == []


def _agrees(said: Heard, router: RunningRouter, expected: Path) -> bool:
    """Whether all that is read of a router is as expected.

    Raises:
        AssertionError: Something is not, or not yet.
    """
    device = expected.name
    summary = json.loads((expected / "bgp_summary.json").read_text())["ipv4Unicast"]
    routes = json.loads((expected / "bgp_prefixes.json").read_text())["routes"]
    peers = json.loads((expected / "peers.json").read_text())
    assert _sessions(_read(said, device, Stream.SESSION)) == _expected_sessions(summary)
    assert _paths(_read(said, device, Stream.BEST_PATH)) >= _expected_paths(routes)
    up = {it.peer for it in bfd.sessions(shown(router, bfd.SHOW)) if it.is_up}
    assert up == {it["peer"] for it in peers}
    return True


def _sessions(read: dict[str, object]) -> set[tuple[str, int, int, str]]:
    return {
        (str(it.peer), it.remote_as, it.local_as, it.state)
        for it in read.values()
        if isinstance(it, Session)
    }


def _expected_sessions(summary: dict[str, object]) -> set[tuple[str, int, int, str]]:
    peers = summary["peers"]
    assert isinstance(peers, dict)
    return {
        (peer, it["remoteAs"], int(str(summary["as"])), it["state"]) for peer, it in peers.items()
    }


def _paths(read: dict[str, object]) -> set[tuple[str, str, str]]:
    return {
        (str(it.prefix), it.as_path, str(it.next_hop))
        for it in read.values()
        if isinstance(it, BestPath)
    }


def _expected_paths(routes: dict[str, list[dict[str, object]]]) -> set[tuple[str, str, str]]:
    found = set()
    for prefix, entries in routes.items():
        for it in entries:
            hops = it["nexthops"]
            assert isinstance(hops, list)
            found.add((prefix, str(it["path"]), str(hops[0]["ip"])))
    assert found
    return found
