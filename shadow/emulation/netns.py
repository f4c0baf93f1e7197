"""The lab in network namespaces: real FRR daemons, veth cables, kernel forwarding tables."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, Self, TypeVar

from foreshadow.errors import EmulationFailed
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, Fibs, LocRib, LocRibs
from foreshadow.topology import LinkId, NodeId, Prefix
from frr import tables
from frr.configuration import daemons_of, startup
from frr.namespace import inside
from frr.vty import Router
from shadow.emulation.cleanup import kill_inside, remove_restart_notes
from shadow.emulation.emulator import BringUp, Settled
from shadow.emulation.forwarding import fib
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec
from shadow.emulation.namespaces import Namespace, add_local_address, connect
from shadow.emulation.processes import RouterProcesses
from shadow.emulation.watch import FibWatch

T = TypeVar("T")

_CARRIER_WITHIN_S = 2.0
_POLL_S = 0.001
_NAMED_MISSING = 5


class NetnsLab:
    """One lab on this host (an `Emulator`); a process may run several beside each other."""

    def __init__(self, spec: LabSpec, *, run_id: str, name: str) -> None:
        """Describe the lab; nothing is made yet.

        Args:
            spec: What to build.
            run_id: `fs3fa9c1`; everything the lab makes is called `<run_id>-<name>-<node>`.
            name: The lab's own name within the run: `prod`, `mirror`, `bench`.
        """
        self._spec, self._prefix = spec, f"{run_id}-{name}"
        self._namespaces: dict[NodeId, Namespace] = {}
        self._processes: dict[NodeId, RouterProcesses] = {}
        self._routers: dict[NodeId, Router] = {}
        self._interfaces: dict[NodeId, dict[int, str]] = {}
        self._watch: FibWatch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def spec(self) -> LabSpec:
        """What the lab was asked to be, links as they are now."""
        return self._spec

    def pathspace(self, node: NodeId) -> str:
        """What a router's namespace and FRR's pathspace are called."""
        return f"{self._prefix}-{node}"

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, frozenset[Prefix]] | None = None
    ) -> BringUp:
        """Start everything; return when the expected prefixes are in the FIBs (see `Emulator`)."""
        begun = time.monotonic()
        try:
            self._wire()
            wired = time.monotonic()
            self._start(within_s=within_s)
            answering = time.monotonic()
            left = begun + within_s - time.monotonic()
            wanted = self._spec.everywhere() if expected is None else expected
            self._await_prefixes(wanted, within_s=left)
        except BaseException:
            self.down()
            raise
        return BringUp(
            wired_s=wired - begun,
            answering_s=answering - begun,
            converged_s=time.monotonic() - begun,
        )

    def down(self) -> None:
        """Remove everything; safe to call at any time and twice."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        for router in self._routers.values():
            router.close()
        for processes in self._processes.values():
            processes.kill()
        kill_inside(namespace.name for namespace in self._namespaces.values())
        for processes in self._processes.values():
            processes.remove_files()
        remove_restart_notes()
        for namespace in self._namespaces.values():
            namespace.close()
        for owned in (self._routers, self._processes, self._namespaces, self._interfaces):
            owned.clear()

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - see Emulator
        """Cut or restore the carrier on both ends of a link, verified (see `Emulator`)."""
        link = self._spec.link(link_id)
        at_s = time.monotonic()
        for end in (link.a, link.b):
            self._namespaces[end.node].set_up(end.interface, is_up=is_up)
        for end in (link.a, link.b):
            self._verify_carrier(link.id, end, is_up=is_up)
        self._spec = replace(
            self._spec,
            links=tuple(
                replace(it, is_up=is_up) if it.id == link.id else it for it in self._spec.links
            ),
        )
        return at_s

    def show(self, node: NodeId, command: str) -> str:
        """What a `show` command prints on a router."""
        return self._router(node).show(command)

    def show_json(self, node: NodeId, command: str) -> Any:
        """What a `show ... json` command prints, decoded."""
        return self._router(node).show_json(command)

    def execute(self, node: NodeId, command: str) -> str:
        """Run a command at a router's enable prompt."""
        return self._router(node).execute(command)

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter a piece of configuration on a router."""
        self._router(node).configure(text)
        self._hold_down(node)

    def running_config(self, node: NodeId) -> str:
        """A router's whole running configuration."""
        return self._router(node).running_config()

    def fib(self, node: NodeId) -> Fib:
        """What one router's kernel forwards by; also a peer's."""
        return fib(self._namespace(node).routes(), self._interfaces[node])

    def fibs(self) -> Fibs:
        """What our own routers' kernels forward by."""
        return self._of_ours(self.fib)

    def loc_rib(self, node: NodeId) -> LocRib:
        """One router's best BGP paths; also a peer's."""
        return tables.best_paths(self.show(node, "show bgp ipv4 unicast json detail"))

    def loc_ribs(self) -> LocRibs:
        """Our own routers' best BGP paths."""
        return self._of_ours(self.loc_rib)

    def adjacencies(self) -> Mapping[NodeId, tuple[Adjacency, ...]]:
        """Our own routers' OSPF neighbors."""
        return self._of_ours(
            lambda node: tables.adjacencies(
                self.show(node, "show ip ospf neighbor json"),
                self.show(node, "show ip ospf interface json"),
            )
        )

    def disagreements(self) -> tuple[str, ...]:
        """Where zebra's table and the kernel's differ; anything here voids an experiment."""
        return tuple(
            f"{node} {prefix}: zebra {zebra.get(prefix)}, kernel {kernel.get(prefix)}"
            for node in self._namespaces
            for zebra in [_by_prefix(tables.fib(self.show(node, "show ip route json")))]
            for kernel in [_by_prefix(self.fib(node))]
            for prefix in sorted(zebra.keys() | kernel.keys())
            if zebra.get(prefix) != kernel.get(prefix)
        )

    def wait_settled(
        self, *, quiet_s: float, within_s: float, since_s: float | None = None
    ) -> Settled:
        """Wait until no FIB has changed for `quiet_s`, at most `within_s` (see `Emulator`)."""
        begun = time.monotonic() if since_s is None else since_s
        return self._watched().wait_settled(quiet_s=quiet_s, within_s=within_s, since_s=begun)

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """The calling thread is at that router for the length of the block."""
        return inside(self._namespace(node).name)

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Let a router's kernel accept packets for an address, unseen by its routing daemons."""
        add_local_address(self._namespace(node).name, str(address))

    def restart_daemons(self, node: NodeId, *, within_s: float = 20.0) -> None:
        """Stop a router's daemons and start them from their start-up files, as a reboot would.

        Raises:
            EmulationFailed: One did not come back.
        """
        processes = self._processes[node]
        processes.stop()
        self._router(node).close()
        self._start_daemons(self._spec.node(node), within_s=within_s)

    def dead_daemons(self) -> tuple[str, ...]:
        """Daemons that ended by themselves, with router and last words."""
        return tuple(
            f"{node}: {words}" for node, it in self._processes.items() for words in it.dead()
        )

    def pids(self) -> tuple[int, ...]:
        """Process ids of every daemon of the lab."""
        return tuple(pid for it in self._processes.values() for pid in it.pids())

    def _wire(self) -> None:
        for node in self._spec.nodes:
            self._namespaces[node.id] = Namespace(self.pathspace(node.id))
        connect((self._plug(link.a), self._plug(link.b)) for link in self._spec.links)
        for link in self._spec.links:
            for end in (link.a, link.b):
                self._namespaces[end.node].set_up(end.interface, is_up=link.is_up)
        for node in self._spec.nodes:
            self._interfaces[node.id] = self._names(node.id)
        self._watch = FibWatch(
            {node: it.changes for node, it in self._namespaces.items()},
            {node: it.routes for node, it in self._namespaces.items()},
        )

    def _plug(self, end: LabEnd) -> tuple[str, str]:
        return self.pathspace(end.node), end.interface

    def _start(self, *, within_s: float) -> None:
        parts = {node.id: startup(node.config) for node in self._spec.nodes}
        for node in self._spec.nodes:
            pathspace = self.pathspace(node.id)
            self._processes[node.id] = RouterProcesses(pathspace)
            self._routers[node.id] = Router(pathspace, device=node.id, daemons=daemons_of(node.config))

        def start(node: LabNode) -> None:
            self._processes[node.id].prepare(parts[node.id])
            self._start_daemons(node, within_s=within_s)

        with ThreadPoolExecutor(max_workers=len(self._spec.nodes)) as pool:
            list(pool.map(start, self._spec.nodes))
        silent = [node for node, router in self._routers.items() if not router.answers()]
        if silent:
            raise EmulationFailed(f"no answer from the daemons of {', '.join(silent)}")

    def _start_daemons(self, node: LabNode, *, within_s: float) -> None:
        def when_zebra_runs() -> None:
            self._router(node.id).show("show version")  # Answered once its configuration is read.
            self._hold_down(node.id)

        self._processes[node.id].start(
            daemons_of(node.config), within_s=within_s, when_zebra_runs=when_zebra_runs
        )

    def _hold_down(self, node: NodeId) -> None:
        """Keep cut links cut: zebra sets an interface up when it is given an address."""
        for link in self._spec.links:
            for end in (link.a, link.b):
                if end.node == node and not link.is_up:
                    self._namespaces[node].set_up(end.interface, is_up=False)

    def _await_prefixes(
        self, expected: Mapping[NodeId, frozenset[Prefix]], *, within_s: float
    ) -> None:
        watch = self._watched()
        if watch.wait_for(lambda: not watch.missing(expected), within_s=within_s):
            return
        missing = watch.missing(expected)
        some = [f"{node} lacks {min(absent)}" for node, absent in missing.items()][:_NAMED_MISSING]
        dead = self.dead_daemons()
        raise EmulationFailed(
            f"{self._prefix}: {sum(map(len, missing.values()))} expected routes did not arrive: "
            + "; ".join((*some, *dead))
        )

    def _verify_carrier(self, link_id: LinkId, end: LabEnd, *, is_up: bool) -> None:
        namespace = self._namespaces[end.node]
        deadline = time.monotonic() + _CARRIER_WITHIN_S
        while namespace.is_running(end.interface) is not is_up:
            if time.monotonic() > deadline:
                state = "up" if is_up else "down"
                raise EmulationFailed(f"{link_id}: {end.node} {end.interface} did not go {state}")
            time.sleep(_POLL_S)

    def _names(self, node: NodeId) -> dict[int, str]:
        namespace = self._namespaces[node]
        names = ["lo", *(end.interface for end in _ends(self._spec.links) if end.node == node)]
        return {namespace.index(name): name for name in names}

    def _of_ours(self, read: Callable[[NodeId], T]) -> dict[NodeId, T]:
        return {node.id: read(node.id) for node in self._spec.nodes if not node.is_external}

    def _router(self, node: NodeId) -> Router:
        if node not in self._routers:
            raise EmulationFailed(f"{self._prefix}: the router {node} is not running")
        return self._routers[node]

    def _namespace(self, node: NodeId) -> Namespace:
        if node not in self._namespaces:
            raise EmulationFailed(f"{self._prefix}: the router {node} is not running")
        return self._namespaces[node]

    def _watched(self) -> FibWatch:
        if self._watch is None:
            raise EmulationFailed(f"{self._prefix} is not up")
        return self._watch


def _ends(links: tuple[LabLink, ...]) -> tuple[LabEnd, ...]:
    return tuple(end for link in links for end in (link.a, link.b))


def _by_prefix(entries: Fib) -> dict[Prefix, object]:
    return {entry.prefix: entry.terminal or entry.forwards for entry in entries}
