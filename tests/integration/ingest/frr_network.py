"""Real FRR routers from the daemons' own configurations: a namespace each, bridges between them."""

import shutil
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from foreshadow.incident import Incident, IncidentKind
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import DemandRate, Stream, Value, decode
from foreshadow.telemetry import TelemetrySample
from frr.configuration import Daemon
from frr.vty import RUN_DIR, ReadOnlyRouter, Router
from ingest import frr_reading
from ingest.heard import Refused
from ingest.source import Source
from shadow.emulation import namespaces
from shadow.emulation.namespaces import Namespace
from tests.eventually import eventually

_DAEMONS = Path("/usr/lib/frr")


@dataclass(frozen=True)
class Plan:
    """A router to be: what each daemon reads at its start, and which segment each port is on."""

    configs: Mapping[Daemon, str]
    ports: Mapping[str, str]


@dataclass
class RunningRouter:
    """One router, whose daemons can be stopped, killed and started again."""

    name: str
    directory: Path
    processes: dict[Daemon, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def entry(self) -> DeviceEntry:
        """How an inventory names it."""
        return DeviceEntry(
            name=self.name.rsplit("-", 1)[-1],
            ssh_key=Path("unused"),
            known_hosts=Path("unused"),
            namespace=self.name,
            pathspace=self.name,
        )

    def start(self, daemon: Daemon) -> None:
        """Start a daemon and wait for its command line."""
        socket = self.directory / f"{daemon}.vty"
        socket.unlink(missing_ok=True)
        config = self.directory / f"{daemon}.conf"
        pid = self.directory / f"{daemon}.pid"
        self.processes[daemon] = subprocess.Popen(
            [
                *("ip", "netns", "exec", self.name, str(_DAEMONS / daemon)),
                *("-N", self.name, "-f", str(config), "-i", str(pid)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(socket.exists, within_s=30)

    def kill(self, daemon: Daemon) -> None:
        """End a daemon at once; its socket's file stays, as after a crash."""
        process = self.processes.pop(daemon)
        process.kill()
        process.wait()

    def freeze(self, daemon: Daemon) -> None:
        """Stop a daemon where it is."""
        self.processes[daemon].send_signal(signal.SIGSTOP)

    def thaw(self, daemon: Daemon) -> None:
        """Let it go on."""
        self.processes[daemon].send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Kill what runs; routing daemons before zebra."""
        for daemon in reversed(tuple(self.processes)):
            self.kill(daemon)


@contextmanager
def running(prefix: str, plans: Mapping[str, Plan]) -> Iterator[dict[str, RunningRouter]]:
    """The routers, with nothing converged yet; gone afterwards, whatever happens."""
    hub = f"{prefix}-hub"
    with ExitStack() as stack:
        names = [hub, *(f"{prefix}-{name}" for name in plans)]
        for name in names:
            namespaces.create([name])
            stack.callback(namespaces.remove, name)
        _cable(prefix, hub, plans)
        routers = {}
        for name, plan in plans.items():
            router = RunningRouter(f"{prefix}-{name}", RUN_DIR / f"{prefix}-{name}")
            router.directory.mkdir(parents=True)
            stack.callback(shutil.rmtree, router.directory)
            stack.callback(router.end)
            shutil.chown(router.directory, "frr", "frr")
            namespace = Namespace(router.name)
            stack.callback(namespace.close)
            namespace.make_router(has_ipv6=False)
            for daemon, text in plan.configs.items():
                path = router.directory / f"{daemon}.conf"
                path.write_text(text)
                shutil.chown(path, "frr", "frr")
                router.start(daemon)
            routers[name] = router
        yield routers


def _cable(prefix: str, hub: str, plans: Mapping[str, Plan]) -> None:
    """A bridge for each segment, a cable for each port."""
    segments = sorted({segment for plan in plans.values() for segment in plan.ports.values()})
    lines = [f"link add {segment} type bridge" for segment in segments]
    for number, (name, plan) in enumerate(plans.items()):
        for port, segment in plan.ports.items():
            end = f"e{number}{port.partition('-')[2]}"
            lines += [
                f"link add {end} type veth peer name {port} netns {prefix}-{name}",
                f"link set {end} master {segment} up",
            ]
    lines += [f"link set {segment} up" for segment in segments]
    _ip(hub, lines)
    for name, plan in plans.items():
        _ip(f"{prefix}-{name}", [f"link set {port} up" for port in plan.ports])


def _ip(netns: str, lines: Sequence[str]) -> None:
    batch = "\n".join(lines).encode()
    subprocess.run(["ip", "-n", netns, "-batch", "-"], input=batch, check=True)


def vty(router: RunningRouter) -> Router:
    """A router's command line, for the test's own hand."""
    return Router(router.name)


class Heard:
    """An outlet that reads every sample as the state's owner does, and keeps the latest."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Stream], dict[str, Value | DemandRate]] = {}
        self.counts: dict[tuple[str, Stream], int] = {}
        self.incidents: list[Incident] = []
        self.refused: list[Refused] = []
        self.failures: list[Exception] = []

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Read readings; counters are somebody else's."""
        for sample in samples:
            if sample.encoding != "frr":
                continue
            raw = frr_reading.values(sample.stream, sample.body)
            place = (str(sample.device), sample.stream)
            read = {key: decode(sample.stream, it) for key, it in raw.items()}
            self.values[place] = read
            self.counts[place] = self.counts.get(place, 0) + 1

    def tell(self, incidents: Iterable[Incident]) -> None:
        """Keep incidents."""
        self.incidents.extend(incidents)

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Keep refusals."""
        self.refused.extend(refused)

    def count(self, device: str, stream: Stream) -> int:
        """Readings of a stream so far; raises what ended the agent."""
        if self.failures:
            raise self.failures[0]
        return self.counts.get((device, stream), 0)

    def told(self, what: IncidentKind) -> list[Incident]:
        """Incidents of a kind so far."""
        if self.failures:
            raise self.failures[0]
        return [it for it in self.incidents if it.what is what]


@contextmanager
def heard(agent: Source) -> Iterator[Heard]:
    """What an agent says, for the length of a block."""
    outlet, stop = Heard(), threading.Event()

    def run() -> None:
        try:
            agent.run(1, outlet, stop)
        except Exception as error:  # noqa: BLE001 - raised where the test waits.
            outlet.failures.append(error)

    thread = threading.Thread(target=run, name="agent-of-a-test")
    thread.start()
    try:
        yield outlet
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()
    assert outlet.failures == []


def shown(router: RunningRouter, command: str) -> str:
    """What a router prints."""
    with ReadOnlyRouter(router.name) as there:
        return there.show(command)
