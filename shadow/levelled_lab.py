"""A running lab that is kept level with a picture of production: what mirror and bench both are."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, EmulationFailed, InvariantViolated, TransientError
from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Session
from foreshadow.topology import LinkId, NodeId, Prefix
from frr import tables
from shadow.config_difference import difference
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabSpec
from shadow.fidelity import Behaviour, compare
from shadow.mirror import Picture
from shadow.reconcile import Configure, LabChange, Rebuild, SetLink, carry_out, plan

MakeLab = Callable[[LabSpec], Emulator]

_SUMMARY = "show bgp ipv4 unicast summary json"

log = structlog.get_logger(__name__)


class LevelledLab:
    """One lab, made when first levelled, changed as little as possible after that."""

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
        self._known = LabSpec(nodes=(), links=())
        self._printed: dict[NodeId, tuple[str, str]] = {}

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

    def level(self, wanted: LabSpec) -> tuple[LabChange, ...]:
        """Make the lab what it should be; returns what that took.

        A router that refuses a change, or does not answer, has its lab built anew.

        Raises:
            EmulationFailed: The lab does not come up; it is gone then, and may be levelled again.
        """
        if self._lab is None:
            return self._build(wanted, "there was none")
        changes: tuple[LabChange, ...] = ()
        try:
            changes = plan(self._observed(wanted), wanted)
            for change in changes:
                match change:
                    case Rebuild(reason=reason):
                        return self._build(wanted, reason)
                    case SetLink() | Configure():
                        self._carry_out(change)
        except (ConfigError, TransientError) as error:
            return self._build(wanted, str(error))
        self._known = wanted
        return changes

    def links_down(self) -> tuple[LinkId, ...]:
        """Links that are cut in the lab."""
        return tuple(link.id for link in self.lab.spec.links if not link.is_up)

    def fidelity(self, production: Picture) -> FidelityReport:
        """How far the lab does what production does, now.

        Raises:
            TransientError: A router of the lab does not answer.
        """
        behaviour = Behaviour(
            adjacencies=self.lab.adjacencies(),
            sessions={router: self._sessions(router) for router in production.sessions},
            loc_ribs=self.lab.loc_ribs(),
        )
        return compare(production, behaviour, links_down=self.links_down(), at=self._clock.now())

    def discard(self) -> None:
        """Take the lab down."""
        if self._lab is not None:
            lab, self._lab = self._lab, None
            lab.down()

    def _build(self, wanted: LabSpec, reason: str) -> tuple[LabChange, ...]:
        log.info("lab_built_anew", lab=self._name, reason=reason)
        with suppress(TransientError):
            self.discard()
        lab = self._make(wanted)
        # Nothing is expected in its tables yet: whether it has converged is for `fidelity` to say,
        # and a mirror that is up can already follow the next change.
        nothing: dict[NodeId, frozenset[Prefix]] = {it.id: frozenset() for it in wanted.nodes}
        brought_up = lab.up(within_s=self._within_s, expected=nothing)
        self._lab, self._known = lab, wanted
        self._printed = {}
        for node in wanted.nodes:
            self._remember(node.id, node.config)
        log.info("lab_came_up", lab=self._name, answering_s=round(brought_up.answering_s, 2))
        return (Rebuild(wanted=wanted, reason=reason),)

    def _observed(self, wanted: LabSpec) -> LabSpec:
        """What the lab really is: its routers' running configurations, its links as they are.

        FRR does not always print what it was given word for word: what it printed after it was
        given a text counts as that text, until either changes. External routers are configured by
        nobody but us, so what they were last given counts.
        """
        asked = {node.id: node.config for node in wanted.nodes}
        up = {link.id: link.is_up for link in self.lab.spec.links}
        nodes = (
            it if it.is_external else replace(it, config=self._config(it.id, asked.get(it.id)))
            for it in self._known.nodes
        )
        links = (replace(it, is_up=up[it.id]) for it in self._known.links)
        return LabSpec(nodes=tuple(nodes), links=tuple(links))

    def _config(self, node: NodeId, asked: str | None) -> str:
        running = self.lab.running_config(node)
        return asked if asked and self._printed.get(node) == (asked, running) else running

    def _carry_out(self, change: SetLink | Configure) -> None:
        carry_out(self.lab, change)
        log.info("lab_changed", lab=self._name, change=str(change))
        if isinstance(change, Configure):
            self._remember(change.node, change.wanted)
            left = difference(self._printed[change.node][1], change.wanted)
            if not self._known.node(change.node).is_external and (left is None or left.parts):
                raise EmulationFailed(f"{change.node} did not take its new configuration")

    def _remember(self, node: NodeId, given: str) -> None:
        self._printed[node] = (given, self.lab.running_config(node))

    def _sessions(self, router: NodeId) -> tuple[Session, ...]:
        return tables.sessions(self.lab.show(router, _SUMMARY))
