"""The running routers of a lab, each by its name: what is asked of one, or told to one."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from ipaddress import IPv4Address
from typing import Any, TypeVar

from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, Fibs, LocRib, LocRibs
from foreshadow.topology import NodeId
from frr.configuration import Daemon
from frr.namespace import inside
from shadow.emulation.emulator import DaemonState, InterfaceCounters, KernelState
from shadow.emulation.kernel_state import counters, kernel_state
from shadow.emulation.router import LabRouter

T = TypeVar("T")


class LabRouters:
    """The part of an `Emulator` that concerns one router at a time."""

    def __init__(self, prefix: str) -> None:
        """There are none yet.

        Args:
            prefix: `<run_id>-<lab>`, for errors.
        """
        self._prefix = prefix
        self._routers: dict[NodeId, LabRouter] = {}

    def show(self, node: NodeId, command: str) -> str:
        """What a `show` command prints on a router."""
        return self._router(node).vty.show(command)

    def show_json(self, node: NodeId, command: str) -> Any:
        """What a `show ... json` command prints, decoded."""
        return self._router(node).vty.show_json(command)

    def execute(self, node: NodeId, command: str) -> str:
        """Run a command at a router's enable prompt."""
        return self._router(node).vty.execute(command)

    def running_config(self, node: NodeId) -> str:
        """A router's whole running configuration."""
        return self._router(node).vty.running_config()

    def fib(self, node: NodeId) -> Fib:
        """What one router's kernel forwards by; also a peer's."""
        return self._router(node).fib()

    def fibs(self) -> Fibs:
        """What our own routers' kernels forward by."""
        return self._of_ours(LabRouter.fib)

    def loc_rib(self, node: NodeId) -> LocRib:
        """One router's best BGP paths; also a peer's."""
        return self._router(node).loc_rib()

    def loc_ribs(self) -> LocRibs:
        """Our own routers' best BGP paths."""
        return self._of_ours(LabRouter.loc_rib)

    def adjacencies(self) -> Mapping[NodeId, tuple[Adjacency, ...]]:
        """Our own routers' IGP neighbors."""
        return self._of_ours(LabRouter.adjacencies)

    def disagreements(self) -> tuple[str, ...]:
        """Where zebra's table and the kernel's differ; anything here voids an experiment."""
        return tuple(it for router in self._now() for it in router.disagreements())

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """The calling thread is at that router for the length of the block."""
        return inside(self._router(node).name)

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Let a router's kernel accept packets for an address, unseen by its routing daemons."""
        self._router(node).answer_for(address)

    def stop_answering(self, node: NodeId, address: IPv4Address) -> None:
        """Take `answer_for` back; nothing where it was not asked for."""
        self._router(node).stop_answering(address)

    def freeze(self, node: NodeId) -> float:
        """Stop a router's daemons where they are (SIGSTOP); its kernel forwards on."""
        return self._router(node).freeze()

    def thaw(self, node: NodeId) -> float:
        """Let frozen daemons go on (SIGCONT); returns the moment, monotonic."""
        return self._router(node).thaw()

    def kill_daemons(self, node: NodeId, daemons: Collection[Daemon] | None = None) -> float:
        """End daemons of a router at once (SIGKILL), all by default; returns the moment."""
        router = self._router(node)
        return router.kill(router.wanted if daemons is None else daemons)

    def daemons(self, node: NodeId) -> Mapping[Daemon, DaemonState]:
        """The daemons a router is meant to run, and how each one is."""
        return self._router(node).states()

    def kernel_state(self, node: NodeId) -> KernelState:
        """What a router's kernel and process table hold now."""
        return kernel_state(self._router(node).name)

    def counters(self, node: NodeId) -> Mapping[str, InterfaceCounters]:
        """Packets and bytes per interface, without `lo`."""
        return counters(self._router(node).name)

    def dead_daemons(self) -> tuple[str, ...]:
        """Daemons that do not run and should, with router and last words."""
        return tuple(words for router in self._now() for words in router.dead())

    def pids(self) -> tuple[int, ...]:
        """Process ids of every daemon of the lab, each router's in the order of start."""
        return tuple(pid for it in self._now() for pid in it.processes.pids())

    def _of_ours(self, read: Callable[[LabRouter], T]) -> dict[NodeId, T]:
        return {it.id: read(it) for it in self._now() if not it.is_external}

    def _now(self) -> tuple[LabRouter, ...]:
        """The routers there are: others may come and go in another thread while these are read."""
        return tuple(self._routers.values())

    def _router(self, node: NodeId) -> LabRouter:
        """The running router of that name.

        Raises:
            ConfigError: The lab has none.
            EmulationFailed: It does not run.
        """
        if node in self._routers:
            return self._routers[node]
        if node in self._described():
            raise EmulationFailed(f"{self._prefix}: the router {node} is not running")
        raise ConfigError(f"the lab has no router {node!r}")

    def _described(self) -> Collection[NodeId]:
        """The routers the lab is to have."""
        return tuple(self._routers)
