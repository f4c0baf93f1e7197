"""The SNMP poller against a real agent, Net-SNMP's, in a namespace of its own."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from console.apache_kafka import free_ports
from foreshadow.clock import SystemClock
from foreshadow.codec import from_json
from foreshadow.incident import Incident
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import Interface
from foreshadow.settings import BusSettings
from foreshadow.telemetry import CounterBlock, TelemetrySample
from frr.namespace import inside
from ingest.heard import Refused
from ingest.source import Ground
from ingest.sources.snmp import SnmpConfig
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_COMMUNITY, _PASSWORD, _PRIVACY = "only-read", "correct-horse", "battery-staple"
_WITHIN_S = 60


@dataclass(slots=True)
class Kept:
    """An outlet that keeps what it is given."""

    samples: list[TelemetrySample] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Keep samples."""
        self.samples.extend(samples)

    def tell(self, incidents: Iterable[Incident]) -> None:
        """Keep incidents."""
        self.incidents.extend(incidents)

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Nothing here is refused."""
        raise AssertionError(list(refused))

    def interfaces(self) -> dict[str, Interface]:
        """The last reading's interfaces."""
        states = [it for it in self.samples if it.encoding == "state"]
        if not states:
            return {}
        pairs = msgspec.msgpack.decode(states[-1].body, type=tuple[tuple[str, bytes], ...])
        return {key: from_json(raw, Interface) for key, raw in pairs}

    def counters(self) -> CounterBlock | None:
        """The last reading's counters."""
        blocks = [it for it in self.samples if it.encoding == "counters"]
        return msgspec.msgpack.decode(blocks[-1].body, type=CounterBlock) if blocks else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A router that speaks SNMP."""

    namespace: str
    address: str


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def agent(run_id: str, tmp_path: Path) -> Iterator[Agent]:
    """A namespace with two ports and Net-SNMP's agent in it, on its loopback."""
    name = f"{run_id}-snmp"
    (port,) = free_ports(1)
    (tmp_path / "snmpd.conf").write_text(
        f"agentAddress udp:127.0.0.1:{port}\n"
        f"rocommunity {_COMMUNITY} 127.0.0.1\n"
        f"createUser reader SHA-256 {_PASSWORD} AES {_PRIVACY}\n"
        "rouser reader priv\n"
    )
    _ip("netns", "add", name)
    try:
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "link", "add", "core0", "type", "veth", "peer", "name", "edge0")
        _ip("-n", name, "address", "add", "10.1.2.1/30", "dev", "core0")
        for end in ("core0", "edge0"):
            _ip("-n", name, "link", "set", end, "up")
        with _running(name, tmp_path):
            yield Agent(namespace=name, address=f"127.0.0.1:{port}")
    finally:
        _ip("netns", "del", name)


@contextmanager
def _running(namespace: str, directory: Path) -> Iterator[None]:
    snmpd = shutil.which("snmpd", path=f"{os.environ['PATH']}:/usr/sbin") or "snmpd"
    entering = ("ip", "netns", "exec", namespace)
    files = ("-Lf", directory / "log", "-c", directory / "snmpd.conf", "-p", directory / "pid")
    child = subprocess.Popen(
        [*entering, snmpd, "-f", "-C", "-I", "-smux", *map(str, files)],
        # A folder of its own: the agent takes users out of the snmpd.conf it keeps its state in.
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(directory / "state"), "MIBS": ""},
    )
    try:
        yield
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


@contextmanager
def _polling(agent: Agent, login: dict[str, Any], directory: Path) -> Iterator[Kept]:
    """The poller at work in the agent's namespace."""
    config = SnmpConfig.model_validate(
        {"kind": "snmp", "devices": {"r1": agent.address}, "login": login, "poll_s": 1}
    )
    key = directory / "key"
    ground = Ground(
        devices=(DeviceEntry(name="r1", ssh_key=key, known_hosts=key),),
        clock=SystemClock(),
        state_dir=directory,
        bus=BusSettings(),
        poll_s=1,
    )
    kept, stop = Kept(), threading.Event()

    def run() -> None:
        with inside(agent.namespace):
            config.open(ground).run(1, kept, stop)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield kept
    finally:
        stop.set()
        thread.join(_WITHIN_S)
        assert not thread.is_alive()


def _files(directory: Path, **secrets: str) -> dict[str, str]:
    for name, secret in secrets.items():
        (directory / name).write_text(f"{secret}\n")
    return {name: str(directory / name) for name in secrets}


def test_ports_are_read_and_their_fall_is_seen(agent: Agent, tmp_path: Path) -> None:
    """By community: names, addresses, states and counters are the kernel's."""
    login = {"version": "2c", **_files(tmp_path, community_file=_COMMUNITY)}
    with _polling(agent, login, tmp_path) as kept:
        found = eventually(kept.interfaces, within_s=_WITHIN_S)
        assert set(found) >= {"lo", "core0", "edge0"}
        assert found["core0"].is_oper_up
        assert [str(address) for address in found["core0"].addresses] == ["10.1.2.1/30"]
        _ip("-n", agent.namespace, "link", "set", "edge0", "down")

        def is_down() -> bool:
            ports = kept.interfaces()
            return not ports["core0"].is_oper_up and not ports["edge0"].is_admin_up

        eventually(is_down, within_s=_WITHIN_S)
        block = kept.counters()

    assert block is not None
    assert set(block.interfaces) >= {"lo", "core0", "edge0"}
    assert block.bits == 64


def test_a_user_with_two_passwords_is_let_in(agent: Agent, tmp_path: Path) -> None:
    """SNMPv3, authenticated and private."""
    secrets = _files(tmp_path, password_file=_PASSWORD, privacy_password_file=_PRIVACY)
    login = {"version": "3", "user": "reader", **secrets}
    with _polling(agent, login, tmp_path) as kept:
        assert set(eventually(kept.interfaces, within_s=_WITHIN_S)) >= {"core0", "edge0"}


def test_a_restarted_agent_is_an_incident(agent: Agent, tmp_path: Path) -> None:
    """Its uptime went back; between two lives the device is silent, which is no error."""
    login = {"version": "2c", **_files(tmp_path, community_file=_COMMUNITY)}
    with _polling(agent, login, tmp_path) as kept:
        # Two samples a second: it must have lived for longer than clocks are trusted to agree.
        eventually(lambda: len(kept.samples) >= 12, within_s=_WITHIN_S)
        pid = int((tmp_path / "pid").read_text())
        os.kill(pid, signal.SIGKILL)
        with _running(agent.namespace, tmp_path):
            eventually(lambda: kept.incidents, within_s=_WITHIN_S)

    assert [(it.device, it.what, it.source) for it in kept.incidents] == [
        ("r1", "restarted", "snmp")
    ]
