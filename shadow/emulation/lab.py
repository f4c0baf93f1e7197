"""What a lab is, as a value, and the port through which one is used.

A `LabSpec` says what is to be there; an `Emulator` makes it real. Everything above this port is the
same whichever way the routers run.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Protocol, Self

from foreshadow.errors import ConfigError
from foreshadow.observed import Adjacency
from foreshadow.routing import Fibs, LocRibs
from foreshadow.topology import LinkId, NodeId, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class LabNode:
    """One router of a lab.

    Attributes:
        id: The router's name.
        config: Its whole configuration as one text, as `show running-config` prints it.
        is_external: Stands in for another AS's router, which we neither read nor configure.
    """

    id: NodeId
    config: str
    is_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabEnd:
    """Where a link is plugged in."""

    node: NodeId
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LabLink:
    """A cable between two routers."""

    id: LinkId
    a: LabEnd
    b: LabEnd
    is_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSpec:
    """Everything a lab consists of."""

    nodes: tuple[LabNode, ...]
    links: tuple[LabLink, ...]

    def node(self, node_id: str) -> LabNode:
        """The router of that name.

        Raises:
            ConfigError: The lab has none.
        """
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise ConfigError(f"the lab has no router {node_id!r}")

    def link(self, link_id: str) -> LabLink:
        """The link of that name, whichever end is written first.

        Raises:
            ConfigError: The lab has none.
        """
        head, _, tail = link_id.partition("-")
        for link in self.links:
            if link.id in (link_id, f"{tail}-{head}"):
                return link
        raise ConfigError(f"the lab has no link {link_id!r}")

    def announced(self) -> frozenset[Prefix]:
        """Every prefix some router of the lab originates in BGP (its `network` statements)."""
        return frozenset(prefix for node in self.nodes for prefix in _originated(node.config))

    def everywhere(self) -> Mapping[NodeId, frozenset[Prefix]]:
        """The FIBs of a lab in which every prefix reaches each of our own routers."""
        announced = self.announced()
        return {node.id: announced for node in self.nodes if not node.is_external}


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
class BringUp:
    """How long the parts of a start took, in seconds from its beginning."""

    wired_s: float
    """Namespaces and links are there."""
    answering_s: float
    """Every daemon answers on its socket."""
    converged_s: float
    """Every expected prefix is in every expected FIB."""


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
        """Our own routers' best BGP paths."""
        ...

    def adjacencies(self) -> Mapping[NodeId, tuple[Adjacency, ...]]:
        """Our own routers' OSPF neighbors."""
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

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """The calling thread is at that router: sockets opened in the block are the router's."""
        ...

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Let a router's kernel accept packets for an address, unseen by its routing daemons."""
        ...


def _originated(config: str) -> Iterator[Prefix]:
    return (Prefix(text) for text in _NETWORK.findall(config))


_NETWORK = re.compile(r"^ +network (\d+\.\d+\.\d+\.\d+/\d+)(?= *$| route-map)", re.MULTILINE)
