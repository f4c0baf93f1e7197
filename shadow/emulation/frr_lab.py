"""A lab of real FRR daemons, veth cables and kernel forwarding tables, wherever its routers run.

The `Emulator` port over any `Hosting`. What concerns one router lies in `routers` and `router`,
what concerns a cable in `links`; here is what takes the whole lab: starting together, converging,
coming and going, being taken over.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Self

from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.topology import LinkId, NodeId
from frr.configuration import Daemon, daemons_of, startup, uses_ipv6
from shadow.emulation import namespaces, process_table
from shadow.emulation.calm_start import CROWD, calmed
from shadow.emulation.cleanup import remove_restart_notes
from shadow.emulation.descriptors import allow_descriptors
from shadow.emulation.emulator import BringUp, DaemonState, FibChange, Settled
from shadow.emulation.hosting import Hosting
from shadow.emulation.lab import LabLink, LabNode, LabSpec, LinkShape
from shadow.emulation.links import LabLinks, link_ends
from shadow.emulation.namespaces import Namespace
from shadow.emulation.neighbors import addresses
from shadow.emulation.note import LabNote
from shadow.emulation.router import LabRouter
from shadow.emulation.routers import LabRouters
from shadow.emulation.rtnetlink import AnyPrefix
from shadow.emulation.shaping import LinkShaper
from shadow.emulation.watch import FibWatch

_STARTED_WITHIN_S = 20.0
_NAMED_MISSING = 5
_DESCRIPTORS_A_ROUTER = 8
"""Two netlink sockets, one command line a daemon."""
_WORKERS = 4 * (os.cpu_count() or 1)
"""Routers started at once: enough to keep every core busy while some wait."""


class FrrLab(LabRouters):
    """One lab on this host (an `Emulator`); a process may run several beside each other."""

    def __init__(self, spec: LabSpec, *, prefix: str, hosting: Hosting) -> None:
        """Describe the lab; nothing is made yet.

        Args:
            spec: What to build.
            prefix: `<run_id>-<lab>`, what the name of everything it makes begins with.
            hosting: Where its routers run.
        """
        super().__init__(prefix)
        self._hosting = hosting
        self._note, self._shaper = LabNote(prefix), LinkShaper(prefix)
        self._nodes = spec.nodes
        self._namespaces: dict[NodeId, Namespace] = {}
        self._links = LabLinks(spec.links, self._namespaces, self._shaper)
        self._watch: FibWatch | None = None
        self._is_ours = False
        """Whether what carries our name is ours to remove, and not another process's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def spec(self) -> LabSpec:
        """What the lab was asked to be, links as they are now."""
        return LabSpec(nodes=self._nodes, links=self._links.all())

    def pathspace(self, node: str) -> str:
        """What a router's namespace and FRR's pathspace are called."""
        return self._hosting.name(node)

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, Collection[AnyPrefix]] | None = None
    ) -> BringUp:
        """Start everything; return when the expected prefixes are in the FIBs (see `Emulator`)."""
        begun = time.monotonic()
        start = f"{self._prefix}-"
        there = {name.removeprefix(start) for name in namespaces.names(start)}
        if twice := there.intersection(self._described()):
            raise EmulationFailed(f"{self._prefix}: {min(twice)} is there already")
        try:
            self._wire()
            wired = time.monotonic()
            self._start(within_s=within_s)
            answering = time.monotonic()
            wanted = self.spec.everywhere() if expected is None else expected
            self._await_prefixes(wanted, within_s=begun + within_s - time.monotonic())
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
        self._nodes, self._is_ours = noted.nodes, True
        self._open(noted.nodes)
        for router in self._routers.values():
            router.adopt()
        self._watch = self._new_watch()
        self._links = LabLinks(noted.links, self._namespaces, self._shaper)
        self._links.look()
        return self

    def release(self) -> None:
        """Let go of the lab and leave it running, for whoever adopts it."""
        self._is_ours = False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
        for router in self._routers.values():
            router.close()
        self._routers.clear()
        self._namespaces.clear()

    def down(self) -> None:
        """Remove everything; safe to call at any time and twice."""
        if not self._is_ours:
            return
        daemons = self.pids()
        self.release()
        self._is_ours = True  # Until all of it is gone: what fails may be called again.
        self._shaper.close()
        process_table.end(daemons)
        process_table.end(process_table.inside(map(self.pathspace, self._described())))
        self._hosting.remove(self._described())
        self._note.remove()
        remove_restart_notes()
        self._is_ours = False

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - see Emulator
        """Cut or restore the carrier on both ends of a link, verified (see `Emulator`)."""
        return self._links.set_up(self._links.named(link_id), is_up=is_up)

    def silence_link(self, link_id: LinkId, is_silent: bool) -> float:  # noqa: FBT001 - see Emulator
        """Let a link drop everything both ways with its carrier up, or carry again."""
        return self._links.set_silent(self._links.named(link_id), is_silent=is_silent)

    def shape_link(self, link_id: LinkId, shape: LinkShape) -> float:
        """Give a link its rate, delay and loss, each way alike (see `Emulator`)."""
        at_s = self._links.shape(self._links.named(link_id), shape)
        self._note.write_links(self.spec)
        return at_s

    def add_node(self, node: LabNode, *, within_s: float = _STARTED_WITHIN_S) -> None:
        """Start one more router, not yet joined to anything (see `Emulator`)."""
        if node.id in self._described():
            raise ConfigError(f"the lab has a router {node.id!r} already")
        watch = self._watched()
        startup(node.config)  # Refused before anything is made.
        self._clear(node.id)  # A process killed while it made this router left part of it.
        self._nodes = (*self._nodes, node)
        try:
            self._hosting.create([node], [])
            self._open([node])
            self._make_router(node)
            namespace = self._namespaces[node.id]
            watch.add(node.id, namespace.changes, namespace.routes)
            self._boot(node, within_s=within_s)
        except BaseException:
            self.remove_node(node.id)
            raise
        self._note.write_routers(self._hosting.kind, self.spec)

    def remove_node(self, node: NodeId) -> None:
        """Remove a router and its links."""
        self.spec.node(node)
        for link in self._links.all():
            if node in (link.a.node, link.b.node):
                self.remove_link(link.id)
        if node in self._routers:
            self._watched().remove(node)
            router = self._routers.pop(node)
            router.processes.kill()
            router.close()
            del self._namespaces[node]
        self._clear(node)
        self._nodes = tuple(it for it in self._nodes if it.id != node)
        self._note.write_routers(self._hosting.kind, self.spec)

    def _clear(self, node: NodeId) -> None:
        process_table.end(process_table.inside([self.pathspace(node)]))
        self._hosting.remove([node])

    def add_link(self, link: LabLink) -> None:
        """Lay one more cable between two routers of the lab (see `Emulator`)."""
        self._links.refuse(link)
        routers = [self._router(end.node) for end in link_ends(link)]
        self._links.add(link)
        for router in routers:
            router.forget_interfaces()
        self._note.write_links(self.spec)

    def remove_link(self, link_id: LinkId) -> None:
        """Take a cable and its interfaces away."""
        link = self._links.named(link_id)
        self._links.remove(link)
        for end in link_ends(link):
            self._router(end.node).forget_interfaces()
        self._note.write_links(self.spec)

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter a piece of configuration on a router."""
        self._router(node).configure(text, within_s=_STARTED_WITHIN_S)
        self._links.hold_down(node, all_of_them=False)

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
        self._start_at(router, chosen, within_s=within_s)
        return time.monotonic()

    def restart_daemons(self, node: NodeId, *, within_s: float = _STARTED_WITHIN_S) -> None:
        """Stop a router's daemons and start them from their start-up files, as a reboot would.

        Raises:
            EmulationFailed: One did not come back.
        """
        router = self._router(node)
        router.processes.stop()
        self._start_at(router, router.wanted, within_s=within_s)

    def wait_settled(
        self, *, quiet_s: float, within_s: float, since_s: float | None = None
    ) -> Settled:
        """Wait until no FIB has changed for `quiet_s`, at most `within_s` (see `Emulator`)."""
        begun = time.monotonic() if since_s is None else since_s
        return self._watched().wait_settled(quiet_s=quiet_s, within_s=within_s, since_s=begun)

    def fib_changes(self, since_s: float) -> tuple[FibChange, ...]:
        """Every change of any router's FIB from a moment on (monotonic), oldest first."""
        return self._watched().changes(since_s)

    def _described(self) -> tuple[NodeId, ...]:
        return tuple(node.id for node in self._nodes)

    def _wire(self) -> None:
        nodes, links = self._nodes, self._links.all()
        allow_descriptors(_DESCRIPTORS_A_ROUTER * len(nodes))
        self._is_ours = True
        for node in nodes:
            startup(node.config)  # A line nobody owns is refused before anything is made.
        self._note.write_routers(self._hosting.kind, self.spec)
        self._note.write_links(self.spec)
        laid = set(self._hosting.create(nodes, links))
        self._open(nodes)
        for node in nodes:
            self._make_router(node)
        self._links.lay([link for link in links if link.id not in laid])
        self._watch = self._new_watch()

    def _open(self, nodes: Iterable[LabNode]) -> None:
        for node in nodes:
            router = LabRouter(node, self._hosting, daemons_of(node.config))
            self._routers[node.id], self._namespaces[node.id] = router, router.namespace

    def _make_router(self, node: LabNode) -> None:
        self._namespaces[node.id].make_router(has_ipv6=uses_ipv6(node.config))

    def _new_watch(self) -> FibWatch:
        return FibWatch(
            {node: it.changes for node, it in self._namespaces.items()},
            {node: it.routes for node, it in self._namespaces.items()},
        )

    def _start(self, *, within_s: float) -> None:
        is_crowd = self._is_crowd()
        with ThreadPoolExecutor(max_workers=min(_WORKERS, len(self._nodes))) as pool:
            list(pool.map(partial(self._boot, within_s=within_s, calmly=is_crowd), self._nodes))
        silent = [node for node, router in self._routers.items() if not router.vty.answers()]
        if silent:
            raise EmulationFailed(f"no answer from the daemons of {', '.join(silent)}")
        self._links.raise_together(self._links.all(), addresses(self.spec))

    def _boot(self, node: LabNode, *, within_s: float, calmly: bool = False) -> None:
        config = calmed(node.config, routers=len(self._nodes)) if calmly else node.config
        self._routers[node.id].boot(
            config,
            within_s=within_s,
            when_zebra_runs=lambda: self._links.hold_down(node.id, all_of_them=True),
        )

    def _end_calm(self) -> None:
        """Give routers that began calmly the timers of their configurations."""
        if self._is_crowd():
            for node in self._nodes:
                self._routers[node.id].end_calm(node.config)

    def _is_crowd(self) -> bool:
        return max(len(self._nodes), len(self._links.all()) // 2) >= CROWD

    def _start_at(self, router: LabRouter, daemons: Collection[Daemon], *, within_s: float) -> None:
        router.start(
            daemons,
            within_s=within_s,
            when_zebra_runs=lambda: self._links.hold_down(router.id, all_of_them=False),
        )

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

    def _watched(self) -> FibWatch:
        if self._watch is None:
            raise EmulationFailed(f"{self._prefix} is not up")
        return self._watch
