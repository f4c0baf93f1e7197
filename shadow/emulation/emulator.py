"""The port through which a lab is used.

A `LabSpec` says what is to be there; an `Emulator` makes it real. Everything above this port is the
same whichever way the routers run.
"""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address
from typing import Any, Protocol, Self

from foreshadow.observed import Adjacency
from foreshadow.routing import Fibs, LocRibs
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.configuration import Daemon
from shadow.emulation.lab import LabLink, LabNode, LabSpec, LinkShape
from shadow.emulation.rtnetlink import AnyPrefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """How the forwarding tables came to rest after a moment.

    Attributes:
        is_settled: No FIB changed for the quiet time asked for.
        since_s: The moment, by the monotonic clock.
        last_change_s: When any FIB changed last after it; None if none did.
        changes: FIB changes since the moment, over all routers.
    """

    is_settled: bool
    since_s: float
    last_change_s: float | None
    changes: int

    @property
    def convergence_s(self) -> float:
        """From the moment to the last FIB change; 0 where nothing changed."""
        return 0.0 if self.last_change_s is None else self.last_change_s - self.since_s


@dataclass(frozen=True, slots=True, kw_only=True)
class FibChange:
    """One route that came, changed or went; `at_s` is by the monotonic clock."""

    at_s: float
    node: NodeId
    prefix: AnyPrefix
    is_removed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BringUp:
    """How long the parts of a start took, in seconds from its beginning."""

    wired_s: float
    """Namespaces and links are there."""
    answering_s: float
    """Every daemon answers on its socket."""
    converged_s: float
    """Every expected prefix is in every expected FIB."""


class DaemonState(StrEnum):
    """What the process table says of a daemon."""

    RUNNING = "running"
    FROZEN = "frozen"
    """Stopped by SIGSTOP: it holds its sockets and says nothing."""
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceCounters:
    """What the kernel counted on an interface since it was made."""

    rx_packets: int
    rx_bytes: int
    tx_packets: int
    tx_bytes: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelState:
    """What a router's kernel and process table hold, as sorted text lines that can be compared.

    Counters, ages, ids that differ from one listing to the next are left out, so two states are
    equal if and only if nothing that matters is different.
    """

    interfaces: tuple[str, ...]
    qdiscs: tuple[str, ...]
    filters: tuple[str, ...]
    """nftables rules."""
    routes: tuple[str, ...]
    """Every table, both families."""
    processes: tuple[str, ...]
    """Name and state of each process in the router's namespace."""


class Emulator(Protocol):
    """One running lab. Calls may come from any thread, changes from one at a time."""

    @property
    def spec(self) -> LabSpec:
        """What the lab was asked to be, links as they are now."""
        ...

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, frozenset[Prefix]] | None = None
    ) -> BringUp:
        """Start everything; return when the expected prefixes are in the FIBs.

        Args:
            within_s: Longest time it may take.
            expected: Prefixes each router must have; by default every announced one, on all ours.

        Raises:
            EmulationFailed: A part did not start, or a prefix did not arrive in time.
        """
        ...

    def down(self) -> None:
        """Remove everything; safe to call at any time and twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - the state is the subject
        """Cut or restore the carrier on both ends of a link and see that it is so.

        Returns:
            The moment of the change, by the monotonic clock: for `wait_settled(since_s=...)`.

        Raises:
            ConfigError: There is no such link.
            EmulationFailed: The carrier did not follow.
        """
        ...

    def silence_link(self, link_id: LinkId, is_silent: bool) -> float:  # noqa: FBT001 - see set_link
        """Let a link drop everything both ways with its carrier up, or carry again.

        Returns:
            The moment of the change, monotonic.

        Raises:
            ConfigError: There is no such link.
            EmulationFailed: The kernel refused.
        """
        ...

    def shape_link(self, link_id: LinkId, shape: LinkShape) -> float:
        """Give a link its rate, delay and loss, each way alike; `PLAIN` takes them away.

        The interfaces stay as they are: no adjacency notices.

        Returns:
            The moment of the change, monotonic.

        Raises:
            ConfigError: There is no such link, or the host has no way to do it.
            EmulationFailed: The kernel refused.
        """
        ...

    def add_node(self, node: LabNode, *, within_s: float = 20.0) -> None:
        """Start one more router, not yet joined to anything.

        Raises:
            ConfigError: There is one of that name.
            EmulationFailed: It did not start.
        """
        ...

    def remove_node(self, node: NodeId) -> None:
        """Remove a router and its links."""
        ...

    def add_link(self, link: LabLink) -> None:
        """Lay one more cable between two routers of the lab.

        Raises:
            ConfigError: A router is unknown, or the interface is taken.
            EmulationFailed: The kernel refused.
        """
        ...

    def remove_link(self, link_id: LinkId) -> None:
        """Take a cable and its interfaces away."""
        ...

    def freeze(self, node: NodeId) -> float:
        """Stop a router's daemons where they are (SIGSTOP); its kernel forwards on.

        Returns:
            The moment of the change, monotonic.
        """
        ...

    def thaw(self, node: NodeId) -> float:
        """Let frozen daemons go on (SIGCONT); returns the moment, monotonic."""
        ...

    def kill_daemons(self, node: NodeId, daemons: Collection[Daemon] | None = None) -> float:
        """End daemons of a router at once (SIGKILL), all by default; returns the moment."""
        ...

    def start_daemons(
        self, node: NodeId, daemons: Collection[Daemon] | None = None, *, within_s: float = 20.0
    ) -> float:
        """Start daemons that are dead, with the configuration they had; all dead ones by default.

        Returns:
            The moment at which they answered, monotonic.

        Raises:
            EmulationFailed: One did not come back.
        """
        ...

    def daemons(self, node: NodeId) -> Mapping[Daemon, DaemonState]:
        """The daemons a router is meant to run, and how each one is."""
        ...

    def kernel_state(self, node: NodeId) -> KernelState:
        """What a router's kernel and process table hold now."""
        ...

    def counters(self, node: NodeId) -> Mapping[str, InterfaceCounters]:
        """Packets and bytes per interface, without `lo`."""
        ...

    def show(self, node: NodeId, command: str) -> str:
        """What a `show` command prints on a router."""
        ...

    def show_json(self, node: NodeId, command: str) -> Any:
        """What a `show ... json` command prints, decoded."""
        ...

    def execute(self, node: NodeId, command: str) -> str:
        """Run a command at a router's enable prompt, e.g. `clear bgp ipv4 unicast * soft`."""
        ...

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter a piece of configuration on a router.

        Raises:
            ConfigError: A line was refused; those before it stay in force.
        """
        ...

    def running_config(self, node: NodeId) -> str:
        """A router's whole running configuration."""
        ...

    def fibs(self) -> Fibs:
        """What our own routers' kernels forward by."""
        ...

    def loc_ribs(self) -> LocRibs:
        """Our own routers' best BGP paths; none of one whose bgpd does not run."""
        ...

    def adjacencies(self) -> Mapping[NodeId, tuple[Adjacency, ...]]:
        """Our own routers' IGP neighbors; none of one whose daemon does not run."""
        ...

    def disagreements(self) -> tuple[str, ...]:
        """Where zebra's table and the kernel's differ; anything here voids an experiment."""
        ...

    def wait_settled(
        self, *, quiet_s: float, within_s: float, since_s: float | None = None
    ) -> Settled:
        """Wait until no FIB has changed for `quiet_s`, at most `within_s`.

        Args:
            quiet_s: How long nothing may change, counted from `since_s` at the earliest.
            within_s: Longest wait from now.
            since_s: Moment from which changes count (monotonic); now if not given.
        """
        ...

    def fib_changes(self, since_s: float) -> tuple[FibChange, ...]:
        """Every change of any router's FIB from a moment on (monotonic), oldest first."""
        ...

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """The calling thread is at that router: sockets opened in the block are the router's."""
        ...

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Let a router's kernel accept packets for an address, unseen by its routing daemons."""
        ...

    def stop_answering(self, node: NodeId, address: IPv4Address) -> None:
        """Take `answer_for` back; nothing where it was not asked for."""
        ...
