"""A link loses its carrier at both ends."""

from dataclasses import dataclass

from foreshadow.topology import LinkId, NodeId
from scenarios.faults.fault import NOTHING, Memory
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink

_FULL = "Full"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """A link loses its carrier at both ends.

    Carrier loss is the fast case: routers notice at once. A link that goes silent with its carrier
    up is noticed by hello or BFD timers only, and the outage is as long as they are.
    """

    link: LinkId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} down"

    def remember(self, lab: Emulator) -> Memory:
        """Nothing but the link's name is needed to plug it in again."""
        lab.spec.link(self.link)
        return NOTHING

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut it."""
        del memory
        return lab.set_link(self.link, is_up=False)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether either end still has an OSPF neighbor over it."""
        del memory
        left = [node for node, full in self._adjacent(lab) if full is not None]
        return f"{self.link} is cut but {', '.join(left)} still lists its neighbor" if left else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug it in again."""
        del memory
        return lab.set_link(self.link, is_up=True)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether both ends have their OSPF neighbor in state Full again."""
        del memory
        waits = [node for node, full in self._adjacent(lab) if not full]
        return f"{self.link} is up but {', '.join(waits)} waits for its neighbor" if waits else ""

    def _adjacent(self, lab: Emulator) -> tuple[tuple[NodeId, bool | None], ...]:
        """Per end: whether its neighbor over the link is Full, None where it lists none."""
        link: LabLink = lab.spec.link(self.link)
        known = lab.adjacencies()
        found = []
        for end in (link.a, link.b):
            states = [
                adjacency.state
                for adjacency in known.get(end.node, ())
                if adjacency.interface == end.interface
            ]
            found.append((end.node, states[0].startswith(_FULL) if states else None))
        return tuple(found)
