"""A running lab that is kept level with a picture of production: what mirror and bench both are."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, EmulationFailed, InvariantViolated, TransientError
from foreshadow.fidelity_report import FidelityReport
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.configuration import startup
from shadow.behaviour import links_down, read_behaviour
from shadow.config_difference import difference
from shadow.emulation.emulator import DaemonState, Emulator
from shadow.emulation.lab import LabNode, LabSpec
from shadow.fidelity import compare
from shadow.lab_change import AddNode, Configure, LabChange, LiveChange, Rebuild, RemoveNode
from shadow.mirror import Picture
from shadow.reconcile import carry_out, plan, plan_anew

MakeLab = Callable[[LabSpec], Emulator]

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Given:
    """What a router was given last.

    Attributes:
        config: The text it counts as running.
        printed: What it printed after that: FRR does not repeat every text word for word.
    """

    config: str
    printed: str


class LevelledLab:
    """One lab, made when first levelled, changed as little as possible after that.

    What its routers run is remembered and not read again with every change: a router is read after
    it was touched, and all of them one by one by `audit`, which finds what somebody else did.
    """

    def __init__(self, name: str, make: MakeLab, clock: Clock, *, within_s: float) -> None:
        """Start nothing yet.

        Args:
            name: For logs.
            make: Describes a lab of a specification; it is not up yet.
            clock: Times waits.
            within_s: Longest time a lab may take to come up.
        """
        self._name, self._make, self._clock, self._within_s = name, make, clock, within_s
        self._lab: Emulator | None = None
        self._given: dict[NodeId, _Given] = {}
        self._broken: dict[NodeId, str] = {}
        self._has_failed = False
        self._next = 0

    @property
    def is_up(self) -> bool:
        """Whether there is a lab."""
        return self._lab is not None

    @property
    def lab(self) -> Emulator:
        """The running lab.

        Raises:
            InvariantViolated: There is none.
        """
        if self._lab is None:
            raise InvariantViolated(f"the {self._name} is used before it is there")
        return self._lab

    def actual(self) -> LabSpec:
        """What the lab is as far as is known: links as they are, routers as last read."""
        spec = self.lab.spec
        return LabSpec(
            nodes=tuple(
                replace(it, config=self._given[it.id].config) if it.id in self._given else it
                for it in spec.nodes
            ),
            links=spec.links,
        )

    def level(self, wanted: LabSpec) -> tuple[LabChange, ...]:
        """Make the lab what it should be; returns what that took.

        A router that refuses a change, or does not answer, is started anew; one whose configuration
        no daemon of ours would take stays as it is. What fails all the same is tried again by the
        next call, from what is then; failing again, the lab is built anew.

        Raises:
            ConfigError: A router of a lab that is to be built has such a configuration.
            TransientError: Not everything could be done; or the lab does not come up, and is gone.
        """
        if self._lab is None:
            return self._build(wanted, "there was none")
        wanted = replace(wanted, nodes=tuple(map(self._possible, wanted.nodes)))
        done: list[LabChange] = []
        try:
            self._look_again()
            for node, reason in tuple(self._broken.items()):
                done += self._start_anew(node, reason)
            for change in plan(self.actual(), wanted):
                if isinstance(change, Rebuild):
                    return self._build(wanted, change.reason)
                done += self._carry_out(change)
            for it in wanted.nodes:
                if it.id not in self._given:  # Started, and then too slow to be read.
                    self._remember(it.id, it.config)
                self._given[it.id].config = it.config
        except (ConfigError, TransientError) as error:
            if self._has_failed:
                return self._build(wanted, str(error))
            self._has_failed = True
            raise EmulationFailed(f"the {self._name} is not level: {error}") from error
        self._has_failed = False
        return tuple(done)

    def audit(self) -> tuple[NodeId, ...]:
        """Read every router; those that are not what they were given are levelled next.

        Returns:
            The routers that differ.
        """
        return tuple(node.id for node in self.lab.spec.nodes if not self._is_as_given(node.id))

    def audit_next(self) -> bool:
        """Read one router, each call the next one, so that a change never waits for all of them.

        Returns:
            Whether it is what it was given.
        """
        nodes = self.lab.spec.nodes
        self._next = (self._next + 1) % len(nodes)
        return self._is_as_given(nodes[self._next].id)

    def links_down(self) -> tuple[LinkId, ...]:
        """Links that are cut in the lab."""
        return links_down(self.lab)

    def fidelity(self, production: Picture, *, is_converging: bool = False) -> FidelityReport:
        """How far the lab does what production does, now; may be asked from another thread.

        Args:
            production: What it should do.
            is_converging: The lab was changed a moment ago.

        Raises:
            TransientError: A router of the lab does not answer, or there is no lab.
        """
        lab = self._lab
        if lab is None:
            raise EmulationFailed(f"the {self._name} is not up")
        behaviour = read_behaviour(lab, production, is_converging=is_converging)
        return compare(production, behaviour, at=self._clock.now())

    def adopt(self, lab: Emulator) -> None:
        """Take over a lab that runs, as it is; who does not answer is started anew by `level`."""
        self._lab = lab
        for node in lab.spec.nodes:
            try:
                running = lab.running_config(node.id)
            except TransientError as error:
                self._broken[node.id] = str(error)
            else:
                self._given[node.id] = _Given(config=running, printed=running)

    def planned(self, wanted: LabSpec) -> tuple[LabChange, ...]:
        """What `level` would do now; touches nothing."""
        actual = self.actual()
        anew = (plan_anew(actual, node, reason) for node, reason in self._broken.items())
        return (*chain.from_iterable(anew), *plan(actual, wanted))

    def discard(self) -> None:
        """Take the lab down."""
        if self._lab is not None:
            lab, self._lab = self._lab, None
            lab.down()

    def _build(self, wanted: LabSpec, reason: str) -> tuple[LabChange, ...]:
        for node in wanted.nodes:
            startup(node.config)  # Refused while there still is a lab.
        log.info("lab_built_anew", lab=self._name, reason=reason)
        with suppress(TransientError):
            self.discard()
        lab = self._make(wanted)
        # Nothing is expected in its tables yet: whether it has converged is for `fidelity` to say,
        # and a mirror that is up can already follow the next change.
        nothing: dict[NodeId, frozenset[Prefix]] = {it.id: frozenset() for it in wanted.nodes}
        brought_up = lab.up(within_s=self._within_s, expected=nothing)
        self._lab = lab
        self._has_failed = False
        self._broken.clear()
        self._given.clear()
        for node in wanted.nodes:
            self._remember(node.id, node.config)
        log.info("lab_came_up", lab=self._name, answering_s=round(brought_up.answering_s, 2))
        return (Rebuild(wanted=wanted, reason=reason),)

    def _possible(self, node: LabNode) -> LabNode:
        """A router as it should be; as it is where no daemon of ours would take that."""
        given = self._given.get(node.id)
        if given is None or given.config == node.config:
            return node
        try:
            startup(node.config)
        except ConfigError as error:
            log.warning("router_not_followed", lab=self._name, router=node.id, reason=str(error))
            return replace(node, config=given.config)
        return node

    def _look_again(self) -> None:
        """Leave routers alone that answer by now: on a busy host they were only slow."""
        broken = [node for node in self._broken if node in {it.id for it in self.lab.spec.nodes}]
        self._broken.clear()
        for node in broken:
            self._is_as_given(node)

    def _carry_out(self, change: LiveChange) -> Iterable[LabChange]:
        """Make a change and see that it took; returns what that came to."""
        log.info("lab_changed", lab=self._name, change=str(change))
        if isinstance(change, Configure):
            try:
                self._configure(change)
            except (ConfigError, TransientError) as error:
                return (change, *self._start_anew(change.node, str(error), change.wanted))
            return (change,)
        carry_out(self.lab, change)
        if isinstance(change, AddNode):
            self._remember(change.node.id, change.node.config)
        elif isinstance(change, RemoveNode):
            self._given.pop(change.node, None)
        return (change,)

    def _configure(self, change: Configure) -> None:
        """Enter what is wanted; what somebody else left on the router is found then, and goes too.

        Raises:
            ConfigError: A line is refused.
            TransientError: The router does not answer, or does not take it.
        """
        carry_out(self.lab, change)
        if left := self._left(change):
            carry_out(self.lab, replace(change, parts=left))
            if left := self._left(change):
                lines = "; ".join(" ".join(part.split()) for part in left)
                raise EmulationFailed(f"{change.node} did not take: {lines}")

    def _left(self, change: Configure) -> tuple[str, ...]:
        """What of a configuration a router still lacks, or has too much, as it runs now."""
        self._remember(change.node, change.wanted)
        if self.lab.spec.node(change.node).is_external:
            return ()
        return difference(self._given[change.node].printed, change.wanted).parts

    def _start_anew(
        self, node: NodeId, reason: str, config: str | None = None
    ) -> tuple[LabChange, ...]:
        known = self.actual()
        spec = replace(
            known,
            nodes=tuple(
                replace(it, config=config) if it.id == node and config is not None else it
                for it in known.nodes
            ),
        )
        self._broken.pop(node, None)
        changes = plan_anew(spec, node, reason)
        for change in changes:
            self._carry_out(change)
        return changes

    def _is_as_given(self, node: NodeId) -> bool:
        try:
            states = self.lab.daemons(node)
            if DaemonState.FROZEN in states.values():
                self.lab.thaw(node)
            dead = [name for name, state in states.items() if state is DaemonState.DEAD]
            if dead:
                raise EmulationFailed(f"{', '.join(dead)} is dead")
            running = self.lab.running_config(node)
        except TransientError as error:
            self._broken[node] = str(error)
            log.warning("router_does_not_answer", lab=self._name, router=node, reason=str(error))
            return False
        started = _Given(config=self.lab.spec.node(node).config, printed=running)
        given = self._given.setdefault(node, started)
        if running == given.printed:
            return True
        drift = difference(given.printed, running).parts
        given.printed = running
        if drift:
            given.config = running
            log.warning("router_drifted", lab=self._name, router=node, by=drift)
        return not drift

    def _remember(self, node: NodeId, config: str) -> None:
        self._given[node] = _Given(config=config, printed=self.lab.running_config(node))
