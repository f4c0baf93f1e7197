"""The agent on real routers whose daemons hang, die and come back, and whose namespaces vanish."""

import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.incident import IncidentKind
from foreshadow.observed import Adjacency, Session, Stream
from frr.configuration import Daemon
from ingest.sources.frr import FrrAgent
from ingest.sources.kernel_events import KernelEvents
from shadow.emulation import namespaces
from shadow.emulation.namespaces import Namespace
from tests.eventually import eventually
from tests.integration.ingest.frr_network import Heard, Plan, RunningRouter, heard, running

pytestmark = pytest.mark.netns

_PORT = "eth0"


def _plan(number: int) -> Plan:
    peer = 3 - number
    return Plan(
        configs={
            Daemon.ZEBRA: f"interface {_PORT}\n ip address 10.0.0.{number}/24\n",
            Daemon.OSPFD: (
                f"interface {_PORT}\n ip ospf area 0\n ip ospf network point-to-point\n"
                " ip ospf hello-interval 1\n ip ospf dead-interval 4\n"
                f"router ospf\n ospf router-id 10.255.0.{number}\n"
            ),
            Daemon.BGPD: (
                f"router bgp 6500{number}\n bgp router-id 10.255.0.{number}\n"
                " no bgp ebgp-requires-policy\n no bgp network import-check\n"
                f" neighbor 10.0.0.{peer} remote-as 6500{peer}\n"
                f" neighbor 10.0.0.{peer} timers 1 3\n"
                f" neighbor 10.0.0.{peer} timers connect 1\n"
                f" address-family ipv4 unicast\n  network 192.0.2.{number}/32\n"
            ),
        },
        ports={_PORT: "wire"},
    )


@pytest.fixture
def pair(run: Run) -> Iterator[dict[str, RunningRouter]]:
    """Two routers of this test's own, one wire."""
    with running(f"{run.run_id}-frr", {"r1": _plan(1), "r2": _plan(2)}) as routers:
        yield routers


def _agent(*routers: RunningRouter) -> FrrAgent:
    return FrrAgent([it.entry for it in routers], SystemClock(), poll_s=0.3, counters_s=60.0)


def _session(said: Heard) -> str:
    sessions = said.values.get(("r1", Stream.SESSION), {})
    session = sessions.get("10.0.0.2")
    return session.state if isinstance(session, Session) else "none"


def _is_full(said: Heard) -> bool:
    neighbors = said.values.get(("r1", Stream.ADJACENCY), {}).values()
    return any(isinstance(it, Adjacency) and it.is_full for it in neighbors)


def _more(said: Heard, stream: Stream, by: int = 3) -> None:
    before = said.count("r1", stream)
    eventually(lambda: said.count("r1", stream) >= before + by, within_s=60)


def test_a_daemon_that_hangs_or_dies_silences_its_own_streams(
    pair: dict[str, RunningRouter],
) -> None:
    """OSPF is read on while bgpd hangs or is dead, nothing of bgpd's is; then everything again."""
    router = pair["r1"]
    with heard(_agent(router)) as said:
        eventually(lambda: _is_full(said) and _session(said) == "Established", within_s=60)

        router.freeze(Daemon.BGPD)
        _more(said, Stream.ADJACENCY)  # Within these it was asked in vain.
        quiet = said.count("r1", Stream.SESSION), said.count("r1", Stream.CONFIG)
        _more(said, Stream.ADJACENCY)
        _more(said, Stream.FIB)
        assert quiet == (said.count("r1", Stream.SESSION), said.count("r1", Stream.CONFIG))
        router.thaw(Daemon.BGPD)
        _more(said, Stream.SESSION)
        assert said.told(IncidentKind.RESTARTED) == []

        eventually(lambda: _session(said) == "Established", within_s=60)
        router.kill(Daemon.BGPD)
        _more(said, Stream.ADJACENCY)
        quiet = said.count("r1", Stream.SESSION), said.count("r1", Stream.BEST_PATH)
        _more(said, Stream.ADJACENCY)
        assert quiet == (said.count("r1", Stream.SESSION), said.count("r1", Stream.BEST_PATH))
        router.start(Daemon.BGPD)
        eventually(lambda: said.told(IncidentKind.RESTARTED), within_s=60)
        _more(said, Stream.SESSION)
        eventually(lambda: _session(said) == "Established", within_s=60)

    restarts = said.told(IncidentKind.RESTARTED)
    assert [(it.device, it.subject, it.count) for it in restarts] == [("r1", "bgpd", 1)]
    assert said.refused == []


def test_what_fails_between_two_readings_is_told(pair: dict[str, RunningRouter]) -> None:
    """The far end's death costs the session and the adjacency; a shut port is no failure."""
    router, peer = pair["r1"], pair["r2"]
    with heard(_agent(router)) as said:
        eventually(lambda: _is_full(said) and _session(said) == "Established", within_s=60)
        assert said.told(IncidentKind.SESSION_LOST) == []
        peer.kill(Daemon.BGPD)
        peer.kill(Daemon.OSPFD)
        eventually(lambda: said.told(IncidentKind.SESSION_LOST), within_s=60)
        eventually(lambda: said.told(IncidentKind.ADJACENCY_LOST), within_s=60)
        ns = Namespace(router.name)
        try:
            ns.set_up(_PORT, is_up=False)
            eventually(lambda: said.told(IncidentKind.ADMIN_DOWN), within_s=60)
            ns.set_up(_PORT, is_up=True)
            eventually(lambda: said.told(IncidentKind.LINK_UP), within_s=60)
        finally:
            ns.close()
        assert said.told(IncidentKind.LINK_DOWN) == []

    lost = said.told(IncidentKind.SESSION_LOST)[0]
    assert (lost.subject, lost.source) == ("10.0.0.2", "frr-agent")
    assert "10.255.0.2" in said.told(IncidentKind.ADJACENCY_LOST)[0].subject
    assert said.told(IncidentKind.ADMIN_DOWN)[0].subject == _PORT


def test_a_namespace_that_returns_under_its_name_is_heard_again(run: Run) -> None:
    """The kernel's events come from the new one: its routes and links are other ones."""
    prefix = f"{run.run_id}-frr"
    with running(prefix, {"r1": _plan(1)}) as first:
        # Nobody waits for this poll: what is read is read for an event.
        agent = FrrAgent([first["r1"].entry], SystemClock(), poll_s=3_600.0)
        with heard(agent) as said:
            eventually(lambda: said.count("r1", Stream.INTERFACE) >= 1, within_s=60)
            first["r1"].end()
            namespaces.remove(first["r1"].name)
            namespaces.create([first["r1"].name])
            back = Namespace(first["r1"].name)
            try:
                back.make_router(has_ipv6=False)
                for daemon in (Daemon.ZEBRA, Daemon.OSPFD, Daemon.BGPD):
                    first["r1"].start(daemon)
                eventually(lambda: said.told(IncidentKind.RESTARTED), within_s=60)
                _ip(first["r1"].name, "link add new type bridge")
                eventually(lambda: "new" in _names(said), within_s=60)
            finally:
                back.close()


def _names(said: Heard) -> set[str]:
    if said.failures:
        raise said.failures[0]
    return set(said.values.get(("r1", Stream.INTERFACE), {}))


def _ip(netns: str, *lines: str) -> None:
    batch = "\n".join(lines).encode()
    subprocess.run(["ip", "-n", netns, "-batch", "-"], input=batch, check=True)


def test_a_table_larger_than_a_record_is_refused_with_the_remedy(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends nobody's reading, and is said once, not at every poll."""
    plan = _plan(1)
    one_port = Plan({Daemon.ZEBRA: plan.configs[Daemon.ZEBRA]}, plan.ports)
    with running(f"{run.run_id}-frr", {"r1": one_port}) as routers:
        # An empty adjacency stream is four commands without an answer; an interface says far more.
        monkeypatch.setattr("ingest.sources.frr_watch.LARGEST_BODY_BYTES", 400)
        with heard(_agent(routers["r1"])) as said:
            _more(said, Stream.ADJACENCY)
            refused = eventually(lambda: list(said.refused), within_s=60)
        assert said.count("r1", Stream.INTERFACE) == 0

    origins = [it.origin for it in refused]
    assert "frr-agent r1 interface" in origins
    assert len(set(origins)) == len(origins)
    assert all("let the router tell it by BMP" in it.reason for it in refused)


def test_events_that_the_kernel_dropped_count_as_a_change_of_everything(run: Run) -> None:
    """More routes than the buffer holds come at once; what was dropped may have been a link."""
    netns = f"{run.run_id}-overrun"
    namespaces.create([netns])
    try:
        _ip(netns, "link add wire type bridge", "link set wire up")
        with KernelEvents(netns) as events:
            while events.wait(0.2)[0]:
                pass
            _ip(netns, *(f"route add 10.{n >> 8}.{n & 255}.0/24 dev wire" for n in range(6_000)))
            assert events.wait(1.0) == (True, True)
            _ip(netns, "route add 192.0.2.0/24 dev wire")
            assert events.wait(5.0) == (True, False)
    finally:
        namespaces.remove(netns)


def test_an_agent_ends_at_once_though_a_daemon_hangs(pair: dict[str, RunningRouter]) -> None:
    """It waits for no answer once it is to stop."""
    router, outlet, stop = pair["r1"], Heard(), threading.Event()
    router.freeze(Daemon.ZEBRA)
    agent = _agent(router)
    thread = threading.Thread(target=agent.run, args=(1, outlet, stop))
    thread.start()
    try:
        assert thread.is_alive()
        began_s = time.monotonic()
    finally:
        stop.set()
        thread.join(60)
        router.thaw(Daemon.ZEBRA)
    assert time.monotonic() - began_s < 5.0  # An answer's wait; a fifth of a second is meant.
    assert outlet.refused == []
