"""One running router of a lab: its namespace, its daemons and what can be asked of both."""

import errno
import signal
import socket
import time
from collections.abc import Callable, Collection
from ipaddress import IPv4Address

from pyroute2 import IPRoute, NetlinkError

from foreshadow.errors import ConfigError
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, LocRib
from frr import adjacencies, tables
from frr.configuration import Daemon, daemons_of, startup, uses_ipv6
from frr.namespace import run_inside
from frr.vty import Router
from shadow.emulation.agreement import differences, kernel_table, zebra_table
from shadow.emulation.calm_start import back_to
from shadow.emulation.emulator import DaemonState
from shadow.emulation.forwarding import fib
from shadow.emulation.hosting import Hosting
from shadow.emulation.lab import LabNode
from shadow.emulation.namespaces import Namespace
from shadow.emulation.processes import RouterProcesses

_VERSION = "show version"


class LabRouter:
    """One router; it is there from its namespace's beginning to its end."""

    def __init__(self, node: LabNode, hosting: Hosting, daemons: Collection[Daemon]) -> None:
        """Open its namespace, which is there; no daemon is started.

        Args:
            node: What it is to be.
            hosting: Where it runs.
            daemons: Those it is meant to run.

        Raises:
            EmulationFailed: The kernel refused.
        """
        self.id, self.is_external = node.id, node.is_external
        self.name = hosting.name(node.id)
        self.wanted = tuple(it for it in Daemon if it in daemons)
        self.namespace = Namespace(self.name)
        self.processes = RouterProcesses(node.id, hosting)
        self.vty = self._vty(self.wanted)
        self._interfaces: dict[int, str] = {}

    def boot(self, config: str, *, within_s: float, when_zebra_runs: Callable[[], None]) -> None:
        """Write the start-up files and start the daemons.

        Raises:
            EmulationFailed: One did not start.
        """
        self.processes.prepare(startup(config))
        self.start(self.wanted, within_s=within_s, when_zebra_runs=when_zebra_runs)

    def adopt(self) -> None:
        """Know the daemons that another process started, those that it needed later included."""
        started = self.processes.prepared()
        self.wanted = tuple(it for it in Daemon if it in self.wanted or it in started)
        self.vty.close()
        self.vty = self._vty(self.wanted)
        self.processes.adopt(self.wanted)

    def end_calm(self, config: str) -> None:
        """Be as the configuration says, after a calm start."""
        self.vty.configure(back_to(config))
        self.processes.prepare(startup(config))

    def start(
        self,
        daemons: Collection[Daemon],
        *,
        within_s: float,
        when_zebra_runs: Callable[[], None],
    ) -> None:
        """Start daemons from their start-up files.

        Raises:
            EmulationFailed: One did not start.
        """

        def once_zebra_has_read() -> None:
            self.vty.show(_VERSION)  # Answered once its configuration is read.
            when_zebra_runs()

        self.vty.close()
        self.processes.start(daemons, within_s=within_s, when_zebra_runs=once_zebra_has_read)

    def configure(self, text: str, *, within_s: float) -> None:
        """Enter a piece of configuration; daemons that it is the first to need are started.

        Raises:
            ConfigError: A line was refused; those before it stay in force.
            EmulationFailed: A daemon did not start.
        """
        new = [it for it in daemons_of(text) if it not in self.wanted]
        if new:
            self.processes.prepare(dict.fromkeys(new, f"hostname {self.id}\n"))
            self.processes.start(new, within_s=within_s)
            self.wanted = tuple(it for it in Daemon if it in (*self.wanted, *new))
            self.vty.close()
            self.vty = self._vty(self.wanted)
        if uses_ipv6(text):
            self.namespace.enable_ipv6()
        self.vty.configure(text)

    def remember_configuration(self) -> None:
        """Make the running configuration the one its daemons would start from."""
        running = self._running()
        if running:
            with self._vty(running) as vty:
                parts = startup(vty.running_config())
            self.processes.prepare({it: part for it, part in parts.items() if it in running})

    def states(self) -> dict[Daemon, DaemonState]:
        """How each daemon is that it is meant to run."""
        return self.processes.states(self.wanted)

    def dead(self) -> tuple[str, ...]:
        """Daemons that do not run and should, with router and last words."""
        return tuple(f"{self.id}: {words}" for words in self.processes.dead(self.wanted))

    def freeze(self) -> float:
        """Stop the daemons where they are; returns the moment, monotonic."""
        self.remember_configuration()
        at_s = time.monotonic()
        self.processes.signal(signal.SIGSTOP, DaemonState.FROZEN)
        return at_s

    def thaw(self) -> float:
        """Let the daemons go on; returns the moment, monotonic."""
        at_s = time.monotonic()
        self.processes.signal(signal.SIGCONT, DaemonState.RUNNING)
        return at_s

    def kill(self, daemons: Collection[Daemon]) -> float:
        """End daemons at once; returns the moment, monotonic.

        Raises:
            ConfigError: It does not run one of them.
        """
        if strange := [it for it in daemons if it not in self.wanted]:
            raise ConfigError(f"{self.id} runs no {', '.join(strange)}")
        self.remember_configuration()
        at_s = time.monotonic()
        self.processes.kill(daemons)
        return at_s

    def fib(self) -> Fib:
        """What its kernel forwards by."""
        return fib(self.namespace.routes(socket.AF_INET), self.interfaces())

    def loc_rib(self) -> LocRib:
        """Its best BGP paths; none while no bgpd runs."""
        if Daemon.BGPD not in self._running():
            return ()
        return tables.best_paths(self.vty.show("show bgp ipv4 unicast json detail"))

    def adjacencies(self) -> tuple[Adjacency, ...]:
        """Its IGP neighbors; a daemon that is dead or frozen has none."""
        knows = self._vty(self._running()).knows
        return adjacencies.read(knows=knows, show=self.vty.show)

    def disagreements(self) -> tuple[str, ...]:
        """Where zebra's tables and the kernel's differ; while zebra does not run it has none."""
        if Daemon.ZEBRA not in self._running():
            return ()
        zebra = {
            **zebra_table(self.vty.show("show ip route json")),
            **zebra_table(self.vty.show("show ipv6 route json")),
        }
        kernel = kernel_table(self.namespace.routes(), self.interfaces())
        return tuple(f"{self.id} {it}" for it in differences(zebra, kernel))

    def answer_for(self, address: IPv4Address) -> None:
        """Let the kernel accept packets for an address, without giving it to an interface.

        The route is of type local, which zebra leaves alone, so routing does not see the address.
        """
        run_inside(self.name, lambda: _local_route("replace", address))

    def stop_answering(self, address: IPv4Address) -> None:
        """Accept packets for an address no longer; nothing where it was not asked for."""

        def remove() -> None:
            try:
                _local_route("del", address)
            except NetlinkError as error:
                if error.code != errno.ESRCH:
                    raise

        run_inside(self.name, remove)

    def interfaces(self) -> dict[int, str]:
        """Interface names by the kernel's number."""
        if not self._interfaces:
            self._interfaces = self.namespace.interfaces()
        return self._interfaces

    def forget_interfaces(self) -> None:
        """Look again which interfaces there are: a cable came or went."""
        self._interfaces = {}

    def close(self) -> None:
        """Hang up and close the sockets; the router runs on."""
        self.vty.close()
        self.namespace.close()

    def _running(self) -> list[Daemon]:
        return [it for it, state in self.states().items() if state is DaemonState.RUNNING]

    def _vty(self, daemons: Collection[Daemon]) -> Router:
        return Router(self.name, device=self.id, daemons=tuple(daemons))


def _local_route(command: str, address: IPv4Address) -> None:
    """Do this with the route of type local for an address, in the calling thread's namespace."""
    with IPRoute() as netlink:
        loopback = netlink.link_lookup(ifname="lo")[0]
        netlink.route(
            command, dst=f"{address}/32", oif=loopback, type="local", table=255, scope=254
        )
