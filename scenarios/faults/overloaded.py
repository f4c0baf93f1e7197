"""A router asks not to be used for transit."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults.fault import Memory
from scenarios.faults.link_state import ISIS, OSPF, is_overloaded, processes
from scenarios.faults.statement import ConfiguredFault, Statement, change, lines_of, not_mended
from shadow.emulation.emulator import Emulator

_LINES = {OSPF: "max-metric router-lsa administrative", ISIS: "set-overload-bit"}


class Overloaded(ConfiguredFault, frozen=True, kw_only=True, tag="overloaded.v1"):
    """A router asks not to be used for transit: OSPF max-metric (RFC 6987), IS-IS overload bit."""

    undoing: ClassVar[str] = "remove max-metric or the overload bit"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} overloaded"

    def remember(self, lab: Emulator) -> Memory:
        """The lines that set it, less those that are there already."""
        lines = {
            section: _line(section)
            for section in processes(lab, self.node)
            if _line(section) not in lines_of(lab, self.node, section)
        }
        if not lines:
            raise ConfigError(f"{self.node} is overloaded already")
        _viewer(lab, self.node)
        return change(
            [Statement(node=self.node, section=at, line=it) for at, it in lines.items()],
            [Statement(node=self.node, section=at, line=f"no {it}") for at, it in lines.items()],
        )

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether a neighbor reads it in its link-state databases."""
        del memory
        viewer = _viewer(lab, self.node)
        for igp in self._igps(lab):
            if not is_overloaded(lab, viewer, self.node, igp):
                return f"{viewer} does not read in {igp.split()[1]} that {self.node} is overloaded"
        return ""

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether a neighbor no longer reads it."""
        viewer = _viewer(lab, self.node)
        for igp in self._igps(lab):
            if is_overloaded(lab, viewer, self.node, igp):
                return f"{viewer} still reads in {igp.split()[1]} that {self.node} is overloaded"
        return not_mended(lab, memory)

    def _igps(self, lab: Emulator) -> list[str]:
        return [_igp(section) for section in processes(lab, self.node)]


def _igp(section: str) -> str:
    return OSPF if section.startswith(OSPF) else ISIS


def _line(section: str) -> str:
    return _LINES[_igp(section)]


def _viewer(lab: Emulator, node: NodeId) -> NodeId:
    """A router of ours beside it, over a link that is up."""
    ours = {it.id for it in lab.spec.nodes if not it.is_external}
    for link in lab.spec.links:
        for near, far in ((link.a, link.b), (link.b, link.a)):
            if near.node == node and far.node in ours and link.is_up and not link.is_silent:
                return far.node
    raise ConfigError(f"{node} has no link up to a router of ours; nobody would see it overloaded")
