"""A lab of real FRR daemons, veth cables and kernel forwarding tables, wherever its routers run.

The `Emulator` port over any `Hosting`. What one router is lies in `router`, what it is asked there
too; here is what takes several: wiring, starting together, links, coming and going.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from ipaddress import IPv4Address
from typing import Any, Self, TypeVar

from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, Fibs, LocRib, LocRibs
from foreshadow.topology import LinkId, NodeId
from frr.configuration import Daemon, daemons_of, startup, uses_ipv6
from frr.namespace import inside
from shadow.emulation import cables, namespaces, process_table
from shadow.emulation.calm_start import CROWD, calmed
from shadow.emulation.cleanup import remove_restart_notes
from shadow.emulation.emulator import (
    BringUp,
    DaemonState,
    FibChange,
    InterfaceCounters,
    KernelState,
    Settled,
)
from shadow.emulation.hosting import Hosting
from shadow.emulation.kernel_state import counters, kernel_state
from shadow.emulation.lab import PLAIN, LabEnd, LabLink, LabNode, LabSpec, LinkShape
from shadow.emulation.neighbors import ALL_OSPF_ROUTERS, ALL_OSPF_ROUTERS_MAC, addresses
from shadow.emulation.note import LabNote
from shadow.emulation.router import LabRouter
from shadow.emulation.rtnetlink import AnyPrefix
from shadow.emulation.shaping import LinkShaper, Port
from shadow.emulation.silence import end_silence, silence, silent_interfaces
from shadow.emulation.watch import FibWatch

T = TypeVar("T")

_CARRIER_WITHIN_S = 2.0
_STARTED_WITHIN_S = 20.0
_POLL_S = 0.001
_NAMED_MISSING = 5
_WORKERS = 4 * (os.cpu_count() or 1)
"""Routers started at once: enough to keep every core busy while some wait."""


class FrrLab:
    """One lab on this host (an `Emulator`); a process may run several beside each other."""

    def __init__(self, spec: LabSpec, *, prefix: str, hosting: Hosting) -> None:
        """Describe the lab; nothing is made yet.

        Args:
            spec: What to build.
            prefix: `<run_id>-<lab>`, what the name of everything it makes begins with.
            hosting: Where its routers run.
        """
        self._spec, self._prefix, self._hosting = spec, prefix, hosting
        self._note = LabNote(prefix)
        self._shaper = LinkShaper(prefix)
        self._routers: dict[NodeId, LabRouter] = {}
        self._watch: FibWatch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def spec(self) -> LabSpec:
        """What the lab was asked to be, links as they are now."""
        return self._spec

    def pathspace(self, node: str) -> str:
        """What a router's namespace and FRR's pathspace are called."""
        return self._hosting.name(node)

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, Collection[AnyPrefix]] | None = None
    ) -> BringUp:
        """Start everything; return when the expected prefixes are in the FIBs (see `Emulator`)."""
        begun = time.monotonic()
        if there := {it.id for it in self._spec.nodes} & self._running():
            raise EmulationFailed(f"{self._prefix}: {min(there)} is there already")
        try:
            self._wire()
            wired = time.monotonic()
            self._start(within_s=within_s)
            answering = time.monotonic()
            left = begun + within_s - time.monotonic()
            wanted = self._spec.everywhere() if expected is None else expected
            self._await_prefixes(wanted, within_s=left)
            self._end_calm()
        except BaseException:
            self.down()
            raise
        return BringUp(
            wired_s=wired - begun,
            answering_s=answering - begun,
            converged_s=time.monotonic() - begun,
        )

    def adopt(self) -> Self:
        """Take over the running lab of this name, links as they really are.

        Raises:
            ConfigError: There is none.
            EmulationFailed: Part of it is gone.
        """
        _, noted = self._note.read()
        self._spec = noted
        self._open(noted.nodes)
        for node in noted.nodes:
            router = self._routers[node.id]
            router.processes.adopt(router.wanted)
        self._watch = self._new_watch()
        quiet = {it.id: silent_interfaces(self.pathspace(it.id)) for it in noted.nodes}
        self._spec = replace(noted, links=tuple(self._as_it_is(it, quiet) for it in noted.links))
        return self

    def release(self) -> None:
        """Let go of the lab and leave it running, for whoever adopts it."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        for router in self._routers.values():
            router.close()
        self._routers.clear()

    def down(self) -> None:
        """Remove everything; safe to call at any time and twice."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        for router in self._routers.values():
            router.close()
        self._shaper.close()
        process_table.end(pid for it in self._routers.values() for pid in it.processes.pids())
        nodes = [node.id for node in self._spec.nodes]
        process_table.end(process_table.inside(map(self.pathspace, nodes)))
        self._hosting.remove(nodes)
        self._note.remove()
        remove_restart_notes()
        self._routers.clear()

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - see Emulator
        """Cut or restore the carrier on both ends of a link, verified (see `Emulator`)."""
        link = self._spec.link(link_id)
        at_s = time.monotonic()
        for end in _ends(link):
            self._router(end.node).namespace.set_up(end.interface, is_up=is_up)
        for end in _ends(link):
            self._verify_carrier(link.id, end, is_up=is_up)
        self._change(replace(link, is_up=is_up))
        return at_s

    def silence_link(self, link_id: LinkId, is_silent: bool) -> float:  # noqa: FBT001 - see Emulator
        """Let a link drop everything both ways with its carrier up, or carry again."""
        link = self._spec.link(link_id)
        change = silence if is_silent else end_silence
        at_s = time.monotonic()
        for end in _ends(link):
            change(self._router(end.node).name, end.interface)
            at_s = at_s if is_silent else time.monotonic()
        self._change(replace(link, is_silent=is_silent))
        return at_s

    def shape_link(self, link_id: LinkId, shape: LinkShape) -> float:
        """Give a link its rate, delay and loss, each way alike (see `Emulator`)."""
        link = self._spec.link(link_id)
        at_s = self._shaper.apply({self._port(end): shape for end in _ends(link)})
        self._change(replace(link, shape=shape))
        self._note.write_links(self._spec)
        return at_s

    def add_node(self, node: LabNode, *, within_s: float = _STARTED_WITHIN_S) -> None:
        """Start one more router, not yet joined to anything (see `Emulator`)."""
        if any(it.id == node.id for it in self._spec.nodes):
            raise ConfigError(f"the lab has a router {node.id!r} already")
        watch = self._watched()
        startup(node.config)  # Refused before anything is made.
        self._spec = replace(self._spec, nodes=(*self._spec.nodes, node))
        try:
            self._hosting.create([node], [])
            self._open([node])
            self._make_router(node)
            namespace = self._routers[node.id].namespace
            watch.add(node.id, namespace.changes, namespace.routes)
            self._boot(node, within_s=within_s)
        except BaseException:
            self.remove_node(node.id)
            raise
        self._note.write_routers(self._hosting.kind, self._spec)

    def remove_node(self, node: NodeId) -> None:
        """Remove a router and its links."""
        self._spec.node(node)
        for link in self._spec.links:
            if node in (link.a.node, link.b.node):
                self.remove_link(link.id)
        router = self._routers.pop(node, None)
        if router is not None:
            self._watched().remove(node)
            router.close()
            router.processes.kill()
        process_table.end(process_table.inside([self.pathspace(node)]))
        self._hosting.remove([node])
        self._spec = replace(
            self._spec, nodes=tuple(it for it in self._spec.nodes if it.id != node)
        )
        self._note.write_routers(self._hosting.kind, self._spec)

    def add_link(self, link: LabLink) -> None:
        """Lay one more cable between two routers of the lab (see `Emulator`)."""
        self._refuse_link(link)
        self._lay([link])
        self._raise([link])
        for end in _ends(link):
            self._router(end.node).forget_interfaces()
        self._spec = replace(self._spec, links=(*self._spec.links, link))
        self._note.write_links(self._spec)

    def remove_link(self, link_id: LinkId) -> None:
        """Take a cable and its interfaces away."""
        link = self._spec.link(link_id)
        if link.shape != PLAIN:
            self._shaper.apply({self._port(end): PLAIN for end in _ends(link)})
        if link.is_silent:
            self.silence_link(link.id, is_silent=False)
        cables.take_away(self._port(link.a))
        for end in _ends(link):
            self._router(end.node).forget_interfaces()
        self._spec = replace(
            self._spec, links=tuple(it for it in self._spec.links if it.id != link.id)
        )
        self._note.write_links(self._spec)

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

    def start_daemons(
        self,
        node: NodeId,
        daemons: Collection[Daemon] | None = None,
        *,
        within_s: float = _STARTED_WITHIN_S,
    ) -> float:
        """Start daemons that are dead, with the configuration they had (see `Emulator`)."""
        router = self._router(node)
        dead = [it for it, state in router.states().items() if state is DaemonState.DEAD]
        chosen = [it for it in dead if daemons is None or it in daemons]
        router.start(chosen, within_s=within_s, when_zebra_runs=lambda: self._hold_down(node))
        return time.monotonic()

    def daemons(self, node: NodeId) -> Mapping[Daemon, DaemonState]:
        """The daemons a router is meant to run, and how each one is."""
        return self._router(node).states()

    def kernel_state(self, node: NodeId) -> KernelState:
        """What a router's kernel and process table hold now."""
        return kernel_state(self._router(node).name)

    def counters(self, node: NodeId) -> Mapping[str, InterfaceCounters]:
        """Packets and bytes per interface, without `lo`."""
        return counters(self._router(node).name)

    def show(self, node: NodeId, command: str) -> str:
        """What a `show` command prints on a router."""
        return self._router(node).vty.show(command)

    def show_json(self, node: NodeId, command: str) -> Any:
        """What a `show ... json` command prints, decoded."""
        return self._router(node).vty.show_json(command)

    def execute(self, node: NodeId, command: str) -> str:
        """Run a command at a router's enable prompt."""
        return self._router(node).vty.execute(command)

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter a piece of configuration on a router."""
        self._router(node).configure(text, within_s=_STARTED_WITHIN_S)
        self._hold_down(node)

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
        return tuple(it for router in self._routers.values() for it in router.disagreements())

    def wait_settled(
        self, *, quiet_s: float, within_s: float, since_s: float | None = None
    ) -> Settled:
        """Wait until no FIB has changed for `quiet_s`, at most `within_s` (see `Emulator`)."""
        begun = time.monotonic() if since_s is None else since_s
        return self._watched().wait_settled(quiet_s=quiet_s, within_s=within_s, since_s=begun)

    def fib_changes(self, since_s: float) -> tuple[FibChange, ...]:
        """Every change of any router's FIB from a moment on (monotonic), oldest first."""
        return self._watched().changes(since_s)

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """The calling thread is at that router for the length of the block."""
        return inside(self._router(node).name)

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Let a router's kernel accept packets for an address, unseen by its routing daemons."""
        self._router(node).answer_for(address)

    def stop_answering(self, node: NodeId, address: IPv4Address) -> None:
        """Take `answer_for` back; nothing where it was not asked for."""
        self._router(node).stop_answering(address)

    def restart_daemons(self, node: NodeId, *, within_s: float = _STARTED_WITHIN_S) -> None:
        """Stop a router's daemons and start them from their start-up files, as a reboot would.

        Raises:
            EmulationFailed: One did not come back.
        """
        router = self._router(node)
        router.processes.stop()
        router.start(
            router.wanted, within_s=within_s, when_zebra_runs=lambda: self._hold_down(node)
        )

    def dead_daemons(self) -> tuple[str, ...]:
        """Daemons that do not run and should, with router and last words."""
        return tuple(words for router in self._routers.values() for words in router.dead())

    def pids(self) -> tuple[int, ...]:
        """Process ids of every daemon of the lab, each router's in the order of start."""
        return tuple(pid for it in self._routers.values() for pid in it.processes.pids())

    def _running(self) -> set[str]:
        """Routers that have a namespace."""
        start = f"{self._prefix}-"
        return {name.removeprefix(start) for name in namespaces.names(start)}

    def _wire(self) -> None:
        nodes, links = self._spec.nodes, self._spec.links
        for node in nodes:
            startup(node.config)  # A line nobody owns is refused before anything is made.
        self._note.write_routers(self._hosting.kind, self._spec)
        self._note.write_links(self._spec)
        laid = set(self._hosting.create(nodes, links))
        self._open(nodes)
        for node in nodes:
            self._make_router(node)
        self._lay([link for link in links if link.id not in laid])
        self._watch = self._new_watch()

    def _open(self, nodes: Iterable[LabNode]) -> None:
        for node in nodes:
            self._routers[node.id] = LabRouter(node, self._hosting, daemons_of(node.config))

    def _make_router(self, node: LabNode) -> None:
        self._routers[node.id].namespace.make_router(has_ipv6=uses_ipv6(node.config))

    def _new_watch(self) -> FibWatch:
        spaces = {node: router.namespace for node, router in self._routers.items()}
        return FibWatch(
            {node: it.changes for node, it in spaces.items()},
            {node: it.routes for node, it in spaces.items()},
        )

    def _lay(self, links: Collection[LabLink]) -> None:
        """Lay cables and bring their ends to the state they are to have."""
        cables.lay((self._port(link.a), self._port(link.b)) for link in links)
        shapes = {self._port(end): it.shape for it in links for end in _ends(it)}
        self._shaper.apply(shapes, are_new=True)
        for end in (end for it in links if it.is_silent for end in _ends(it)):
            silence(self.pathspace(end.node), end.interface)

    def _start(self, *, within_s: float) -> None:
        with ThreadPoolExecutor(max_workers=min(_WORKERS, len(self._spec.nodes))) as pool:
            calmly = self._is_crowd()
            boot = partial(self._boot, within_s=within_s, calmly=calmly)
            list(pool.map(boot, self._spec.nodes))
        silent = [node for node, router in self._routers.items() if not router.vty.answers()]
        if silent:
            raise EmulationFailed(f"no answer from the daemons of {', '.join(silent)}")
        self._raise(self._spec.links)

    def _raise(self, links: Iterable[LabLink]) -> None:
        """Give those links carrier that are to have it, all at the same moment."""
        known = addresses(self._spec) if self._is_crowd() else {}
        for link in links:
            for near, far in (_ends(link), _ends(link)[::-1]):
                namespace = self._router(near.node).namespace
                namespace.set_up(near.interface, is_up=link.is_up)
                if far in known and link.is_up:
                    mac = self._router(far.node).namespace.link_address(far.interface)
                    neighbors = dict.fromkeys(known[far], mac)
                    neighbors[ALL_OSPF_ROUTERS] = ALL_OSPF_ROUTERS_MAC
                    namespace.set_neighbors(near.interface, neighbors)

    def _boot(self, node: LabNode, *, within_s: float, calmly: bool = False) -> None:
        plugged = [end for it in self._spec.links for end in _ends(it) if end.node == node.id]
        config = calmed(node.config, routers=len(self._spec.nodes)) if calmly else node.config
        self._routers[node.id].boot(
            config, within_s=within_s, when_zebra_runs=lambda: self._set_down(plugged)
        )

    def _end_calm(self) -> None:
        """Give routers that began calmly the timers of their configurations."""
        if self._is_crowd():
            for node in self._spec.nodes:
                self._routers[node.id].end_calm(node.config)

    def _is_crowd(self) -> bool:
        return len(self._spec.nodes) >= CROWD

    def _hold_down(self, node: NodeId) -> None:
        """Keep cut links cut: zebra sets an interface up when it is given an address."""
        cut = (end for it in self._spec.links if not it.is_up for end in _ends(it))
        self._set_down(end for end in cut if end.node == node)

    def _set_down(self, ends: Iterable[LabEnd]) -> None:
        for end in ends:
            self._router(end.node).namespace.set_up(end.interface, is_up=False)

    def _await_prefixes(
        self, expected: Mapping[NodeId, Collection[AnyPrefix]], *, within_s: float
    ) -> None:
        missing = self._watched().await_prefixes(expected, within_s=within_s)
        if not missing:
            return
        some = [f"{node} lacks {min(absent, key=str)}" for node, absent in missing.items()]
        raise EmulationFailed(
            f"{self._prefix}: {sum(map(len, missing.values()))} expected routes did not arrive: "
            + "; ".join((*some[:_NAMED_MISSING], *self.dead_daemons()))
        )

    def _verify_carrier(self, link_id: LinkId, end: LabEnd, *, is_up: bool) -> None:
        namespace = self._router(end.node).namespace
        deadline = time.monotonic() + _CARRIER_WITHIN_S
        while namespace.is_running(end.interface) is not is_up:
            if time.monotonic() > deadline:
                state = "up" if is_up else "down"
                raise EmulationFailed(f"{link_id}: {end.node} {end.interface} did not go {state}")
            time.sleep(_POLL_S)

    def _as_it_is(self, link: LabLink, quiet: Mapping[NodeId, frozenset[str]]) -> LabLink:
        """A noted link with what the kernel says of it; half cut is cut, half silent silent."""
        ends = _ends(link)
        return replace(
            link,
            is_up=all(self._router(it.node).namespace.is_set_up(it.interface) for it in ends),
            is_silent=any(it.interface in quiet[it.node] for it in ends),
        )

    def _refuse_link(self, link: LabLink) -> None:
        if any(it.id == link.id for it in self._spec.links):
            raise ConfigError(f"the lab has a link {link.id!r} already")
        taken = {end for it in self._spec.links for end in _ends(it)}
        for end in _ends(link):
            self._spec.node(end.node)
            if end in taken:
                raise ConfigError(f"{link.id}: {end.node} {end.interface} is taken")

    def _change(self, link: LabLink) -> None:
        links = tuple(link if it.id == link.id else it for it in self._spec.links)
        self._spec = replace(self._spec, links=links)

    def _port(self, end: LabEnd) -> Port:
        return Port(self.pathspace(end.node), end.interface)

    def _of_ours(self, read: Callable[[LabRouter], T]) -> dict[NodeId, T]:
        return {node: read(it) for node, it in self._routers.items() if not it.is_external}

    def _router(self, node: NodeId) -> LabRouter:
        if node not in self._routers:
            self._spec.node(node)
            raise EmulationFailed(f"{self._prefix}: the router {node} is not running")
        return self._routers[node]

    def _watched(self) -> FibWatch:
        if self._watch is None:
            raise EmulationFailed(f"{self._prefix} is not up")
        return self._watch


def _ends(link: LabLink) -> tuple[LabEnd, LabEnd]:
    return link.a, link.b
