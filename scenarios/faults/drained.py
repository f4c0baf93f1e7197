"""A router is drained for maintenance."""

from typing import ClassVar

from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import bgp, witness
from scenarios.faults.fault import FaultValue, Memory, recall
from scenarios.faults.overloaded import Overloaded
from scenarios.faults.statement import (
    Statement,
    change,
    enter_break,
    enter_mend,
    headers,
    lines_of,
    not_mended,
)
from scenarios.faults.transit import transit_through
from shadow.emulation.emulator import Emulator

_BGP, _IGP = "bgp", "igp"
_LINE = "bgp graceful-shutdown"
_QUIET_S, _WITHIN_S = 0.2, 2.0
"""How long the tables rest between the two steps, so that BGP has moved before the IGP does."""


class Drained(FaultValue, frozen=True, kw_only=True, tag="drained.v1"):
    """A router is drained for maintenance: BGP graceful shutdown (RFC 8326), then IGP overload."""

    undoing: ClassVar[str] = "remove max-metric or the overload bit, then graceful shutdown"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} drained"

    def remember(self, lab: Emulator) -> Memory:
        """Both changes, each with its way back."""
        overload = Overloaded(node=self.node).remember(lab)
        shutdown: Memory = ()
        for section in headers(lab, self.node, "router bgp"):
            if _LINE in lines_of(lab, self.node, section):
                raise ConfigError(f"{self.node} is in graceful shutdown already")
            shutdown = change(
                [Statement(node=self.node, section=section, line=_LINE)],
                [Statement(node=self.node, section=section, line=f"no {_LINE}")],
            )
        return (_BGP, to_json(shutdown).decode()), (_IGP, to_json(overload).decode())

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Graceful shutdown first: traffic moves to other exits while the old way still works."""
        at_s = enter_break(lab, _part(memory, _BGP))
        lab.wait_settled(quiet_s=_QUIET_S, within_s=_WITHIN_S)
        enter_break(lab, _part(memory, _IGP))
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the IGP reads it, its peers like its paths least, and nothing passes through."""
        del memory
        if said := Overloaded(node=self.node).verify(lab, ()):
            return said
        for viewer, address in witness.internal_peers(lab, self.node):
            if any(bgp.local_preferences(lab, viewer, address)):
                return f"{viewer} still prefers paths of {self.node}"
        if passing := transit_through(lab, self.node):
            return f"{self.node} still carries {passing[0]}"
        return ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """The IGP first: paths are good again before anybody prefers them."""
        enter_mend(lab, _part(memory, _IGP))
        lab.wait_settled(quiet_s=_QUIET_S, within_s=_WITHIN_S)
        return enter_mend(lab, _part(memory, _BGP))

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether neither is in force any more."""
        return not_mended(lab, _part(memory, _BGP)) or Overloaded(node=self.node).verify_undone(
            lab, _part(memory, _IGP)
        )


def _part(memory: Memory, name: str) -> Memory:
    return from_json(recall(memory, name) or "[]", Memory)
