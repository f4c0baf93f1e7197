"""A lab without a kernel and without routers, as an `Emulator`.

Faithful in what the contract suite checks (`tests/contract/test_emulator.py`): links, silence,
shapes, routers that come and go, frozen and dead daemons, and what follows from them for
adjacencies, FIBs and best paths (`emulated_routing`).

What it does not do: time. A change has taken effect before the call returns, so it shows no
transient, no convergence time of its own (`convergence_s` is what the test says it is) and no
difference between a link that is cut and one that is silent. It reads the part of a configuration
that `emulated_router` names and keeps the rest as text. Its routers answer no `show` command but
those a test gives it in `answers`. No packet passes: `inside` is nowhere and counters stay at zero.
Not IPv6, no areas or levels, no route reflection (every router hears every other), no MED.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any, Self

from foreshadow.errors import EmulationFailed
from foreshadow.observed import Adjacency
from foreshadow.routing import Fib, Fibs, LocRibs
from foreshadow.topology import LinkId, NodeId
from frr.configuration import Daemon, daemons_of
from shadow.emulation.emulator import (
    BringUp,
    DaemonState,
    FibChange,
    InterfaceCounters,
    KernelState,
    Settled,
)
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec, LinkShape
from shadow.emulation.rtnetlink import AnyPrefix
from tests.fakes.emulated_router import entered, read_router, require
from tests.fakes.emulated_routing import Routing

_IGP = {"ospf": Daemon.OSPFD, "isis": Daemon.ISISD}
_NO_PACKETS = InterfaceCounters(rx_packets=0, rx_bytes=0, tx_packets=0, tx_bytes=0, dropped=0)


class FakeLab:
    """A lab of values (an `Emulator`)."""

    def __init__(self, spec: LabSpec, *, convergence_s: float = 0.05) -> None:
        """Describe it.

        Args:
            spec: What it is.
            convergence_s: How long after a change the last FIB is said to have followed.
        """
        self._spec, self._convergence_s = spec, convergence_s
        self._is_up = False
        self._states: dict[NodeId, dict[Daemon, DaemonState]] = {}
        self._fibs: dict[NodeId, Fib] = {}
        self._moment_s = 0.0
        self._changes: list[FibChange] = []
        self.answers: dict[tuple[str, str], str] = {}
        """What `show` prints, by (router, command)."""
        self.executed: list[tuple[str, str]] = []
        """(router, command) in order, of `execute`."""
        self.answered_for: list[tuple[str, IPv4Address]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def spec(self) -> LabSpec:
        """What the lab was asked to be, links as they are now."""
        return self._spec

    def up(
        self, *, within_s: float, expected: Mapping[NodeId, Collection[AnyPrefix]] | None = None
    ) -> BringUp:
        """Be there; a prefix that no router would have is missed at once."""
        del within_s
        self._is_up = True
        self._states = {node.id: _running(node) for node in self._spec.nodes}
        self._follow()
        wanted = self._spec.everywhere() if expected is None else expected
        for node, prefixes in wanted.items():
            held = {entry.prefix for entry in self._fibs[node]}
            if missing := [it for it in prefixes if it not in held]:
                self.down()
                raise EmulationFailed(f"expected routes did not arrive: {node} lacks {missing[0]}")
        return BringUp(wired_s=0.0, answering_s=0.0, converged_s=0.0)

    def down(self) -> None:
        """Be gone."""
        self._is_up = False
        self._fibs, self._states = {}, {}

    def set_link(self, link_id: LinkId, is_up: bool) -> float:  # noqa: FBT001 - see Emulator
        """Cut or restore a link."""
        return self._change(replace(self._spec.link(link_id), is_up=is_up))

    def silence_link(self, link_id: LinkId, is_silent: bool) -> float:  # noqa: FBT001 - see Emulator
        """Silence a link or end that."""
        return self._change(replace(self._spec.link(link_id), is_silent=is_silent))

    def shape_link(self, link_id: LinkId, shape: LinkShape) -> float:
        """Note a link's shape."""
        return self._change(replace(self._spec.link(link_id), shape=shape))

    def add_node(self, node: LabNode, *, within_s: float = 20.0) -> None:
        """Have one more router."""
        del within_s
        require(
            all(it.id != node.id for it in self._spec.nodes),
            f"the lab has a router {node.id!r} already",
        )
        self._spec = replace(self._spec, nodes=(*self._spec.nodes, node))
        self._states[node.id] = _running(node)
        self._follow()

    def remove_node(self, node: NodeId) -> None:
        """Have a router and its links no more."""
        gone = self._spec.node(node)
        self._spec = LabSpec(
            nodes=tuple(it for it in self._spec.nodes if it != gone),
            links=tuple(it for it in self._spec.links if node not in (it.a.node, it.b.node)),
        )
        del self._states[node]
        self._follow()

    def add_link(self, link: LabLink) -> None:
        """Have one more link."""
        require(
            all(it.id != link.id for it in self._spec.links),
            f"the lab has a link {link.id!r} already",
        )
        taken = {end for it in self._spec.links for end in (it.a, it.b)}
        for end in (link.a, link.b):
            self._spec.node(end.node)
            require(end not in taken, f"{link.id}: {end.node} {end.interface} is taken")
        self._spec = replace(self._spec, links=(*self._spec.links, link))
        self._follow()

    def remove_link(self, link_id: LinkId) -> None:
        """Have a link no more."""
        gone = self._spec.link(link_id)
        links = tuple(it for it in self._spec.links if it is not gone)
        self._spec = replace(self._spec, links=links)
        self._follow()

    def freeze(self, node: NodeId) -> float:
        """Stop a router's daemons; its FIB stays as it is."""
        return self._turn(node, DaemonState.RUNNING, DaemonState.FROZEN)

    def thaw(self, node: NodeId) -> float:
        """Let them go on."""
        return self._turn(node, DaemonState.FROZEN, DaemonState.RUNNING)

    def kill_daemons(self, node: NodeId, daemons: Collection[Daemon] | None = None) -> float:
        """End daemons."""
        states = self._of(node)
        chosen = tuple(states) if daemons is None else daemons
        for daemon in chosen:
            require(daemon in states, f"{node} runs no {daemon}")
            states[daemon] = DaemonState.DEAD
        return self._follow()

    def start_daemons(
        self, node: NodeId, daemons: Collection[Daemon] | None = None, *, within_s: float = 20.0
    ) -> float:
        """Start those that are dead."""
        del within_s
        states = self._of(node)
        for daemon, state in states.items():
            if state is DaemonState.DEAD and (daemons is None or daemon in daemons):
                states[daemon] = DaemonState.RUNNING
        return self._follow()

    def daemons(self, node: NodeId) -> Mapping[Daemon, DaemonState]:
        """How each daemon is."""
        return dict(self._of(node))

    def kernel_state(self, node: NodeId) -> KernelState:
        """Links, silence, shapes, FIB and daemons, as lines."""
        ends = [(link, end) for link, end in self._ends() if end.node == node]
        return KernelState(
            interfaces=tuple(sorted(f"{end.interface} up={link.is_up}" for link, end in ends)),
            qdiscs=tuple(sorted(f"{end.interface} {link.shape}" for link, end in ends)),
            filters=tuple(sorted(end.interface for link, end in ends if link.is_silent)),
            routes=tuple(str(entry) for entry in self._fibs[node]),
            processes=tuple(
                f"{daemon} {state}"
                for daemon, state in self._of(node).items()
                if state is not DaemonState.DEAD
            ),
        )

    def counters(self, node: NodeId) -> Mapping[str, InterfaceCounters]:
        """Zero on every interface."""
        self._of(node)
        return {end.interface: _NO_PACKETS for _, end in self._ends() if end.node == node}

    def show(self, node: NodeId, command: str) -> str:
        """What the test said it prints."""
        require(command.startswith("show "), f"refused {command!r}: `show ...` alone")
        self._of(node)
        if command == "show running-config":
            return self.running_config(node)
        require(
            (node, command) in self.answers, f"the fake lab was not told what {command!r} prints"
        )
        return self.answers[node, command]

    def show_json(self, node: NodeId, command: str) -> Any:
        """The same, decoded."""
        return json.loads(self.show(node, command))

    def execute(self, node: NodeId, command: str) -> str:
        """Note the command."""
        self._of(node)
        self.executed.append((node, command))
        return ""

    def apply_config(self, node: NodeId, text: str) -> None:
        """Enter configuration."""
        old = self._spec.node(node)
        new = replace(old, config=entered(old.config, text))
        nodes = tuple(new if it is old else it for it in self._spec.nodes)
        self._spec = replace(self._spec, nodes=nodes)
        for daemon in daemons_of(new.config):
            self._of(node).setdefault(daemon, DaemonState.RUNNING)
        self._follow()

    def running_config(self, node: NodeId) -> str:
        """The configuration as given and entered since."""
        self._of(node)
        return self._spec.node(node).config

    def fibs(self) -> Fibs:
        """What our own routers forward by."""
        return {node: self._fibs[node] for node in self._ours()}

    def loc_ribs(self) -> LocRibs:
        """Our own routers' best paths; of a router whose bgpd does not run, none."""
        routing = self._routing()
        return {
            node: routing.loc_rib(node) if self._runs(node, Daemon.BGPD) else ()
            for node in self._ours()
        }

    def adjacencies(self) -> Mapping[NodeId, tuple[Adjacency, ...]]:
        """Our own routers' IGP neighbors."""
        routing = self._routing()
        return {
            node: routing.adjacencies(node) if self._speaks(node) else () for node in self._ours()
        }

    def disagreements(self) -> tuple[str, ...]:
        """There are none: there is one table."""
        return ()

    def wait_settled(
        self, *, quiet_s: float, within_s: float, since_s: float | None = None
    ) -> Settled:
        """At rest at once."""
        del quiet_s, within_s
        begun = self._moment_s if since_s is None else since_s
        after = self.fib_changes(begun)
        return Settled(
            is_settled=True,
            since_s=begun,
            last_change_s=after[-1].at_s if after else None,
            changes=len(after),
        )

    def fib_changes(self, since_s: float) -> tuple[FibChange, ...]:
        """Every change of a FIB from a moment on."""
        return tuple(change for change in self._changes if change.at_s >= since_s)

    def inside(self, node: NodeId) -> AbstractContextManager[None]:
        """Nowhere."""
        self._of(node)
        return nullcontext()

    def answer_for(self, node: NodeId, address: IPv4Address) -> None:
        """Note it."""
        self._of(node)
        self.answered_for.append((node, address))

    def stop_answering(self, node: NodeId, address: IPv4Address) -> None:
        """Note that it is over."""
        self._of(node)
        self.answered_for = [it for it in self.answered_for if it != (node, address)]

    def _change(self, link: LabLink) -> float:
        self._running()
        links = tuple(link if it.id == link.id else it for it in self._spec.links)
        self._spec = replace(self._spec, links=links)
        return self._follow()

    def _turn(self, node: NodeId, old: DaemonState, new: DaemonState) -> float:
        states = self._of(node)
        states.update({daemon: new for daemon, state in states.items() if state is old})
        return self._follow()

    def _follow(self) -> float:
        """Let every router whose daemons run take note; returns the moment of the change."""
        self._moment_s += 1.0
        routing = self._routing()
        at_s = self._moment_s + self._convergence_s
        for node in self._spec.nodes:
            old = self._fibs.get(node.id, ())
            is_deaf = not self._runs(node.id, Daemon.ZEBRA)
            new = old if is_deaf else routing.fib(node.id)
            self._note(node.id, old, new, at_s)
            self._fibs[node.id] = new
        self._fibs = {it.id: self._fibs[it.id] for it in self._spec.nodes}
        return self._moment_s

    def _note(self, node: NodeId, old: Fib, new: Fib, at_s: float) -> None:
        kept = {entry.prefix for entry in new}
        for prefix in sorted({entry.prefix for entry in set(old) ^ set(new)}):
            self._changes.append(
                FibChange(at_s=at_s, node=node, prefix=prefix, is_removed=prefix not in kept)
            )

    def _routing(self) -> Routing:
        self._running()
        routers = {it.id: read_router(it) for it in self._spec.nodes}
        up = {(end.node, end.interface) for link, end in self._ends() if link.is_up}
        heard = tuple(link for link in self._spec.links if self._is_heard(link))
        return Routing(routers=routers, links=heard, up=up)

    def _is_heard(self, link: LabLink) -> bool:
        return (
            link.is_up
            and not link.is_silent
            and link.shape.loss_ratio < 1
            and all(self._speaks(end.node) for end in (link.a, link.b))
        )

    def _speaks(self, node: NodeId) -> bool:
        """Whether its routing daemons say something; a router of another network runs BGP alone."""
        router = read_router(self._spec.node(node))
        daemon = Daemon.BGPD if router.loopback is None else _IGP[router.igp]
        return self._runs(node, daemon)

    def _runs(self, node: NodeId, daemon: Daemon) -> bool:
        return self._of(node).get(daemon) is DaemonState.RUNNING

    def _of(self, node: str) -> dict[Daemon, DaemonState]:
        self._running()
        return self._states[self._spec.node(node).id]

    def _running(self) -> None:
        if not self._is_up:
            raise EmulationFailed("the lab is not up")

    def _ours(self) -> Iterator[NodeId]:
        return (node.id for node in self._spec.nodes if not node.is_external)

    def _ends(self) -> Iterator[tuple[LabLink, LabEnd]]:
        return ((link, end) for link in self._spec.links for end in (link.a, link.b))


def _running(node: LabNode) -> dict[Daemon, DaemonState]:
    return dict.fromkeys(daemons_of(node.config), DaemonState.RUNNING)
