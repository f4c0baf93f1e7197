"""What may fail: done to a lab, seen to be done, undone, and seen to be gone."""

from dataclasses import dataclass
from typing import Protocol

from foreshadow.topology import LinkId, NodeId
from shadow.emulation.lab import Emulator, LabLink

_FULL = "Full"


class Fault(Protocol):
    """One failure; `verify` and `verify_undone` say what is still missing, "" when nothing is."""

    def inject(self, lab: Emulator) -> float:
        """Make it happen; returns the moment, by the monotonic clock."""
        ...

    def verify(self, lab: Emulator) -> str:
        """What speaks against the fault being there."""
        ...

    def undo(self, lab: Emulator) -> float:
        """Take it back; returns the moment, by the monotonic clock. Safe to call twice."""
        ...

    def verify_undone(self, lab: Emulator) -> str:
        """What speaks against the fault being gone."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """A link loses its carrier at both ends.

    Carrier loss is the fast case: routers notice at once. A link that goes silent with its carrier
    up is noticed by hello or BFD timers only, and the outage is as long as they are.
    """

    link: LinkId

    def inject(self, lab: Emulator) -> float:
        """Cut it."""
        return lab.set_link(self.link, is_up=False)

    def verify(self, lab: Emulator) -> str:
        """Whether either end still has an OSPF neighbor over it."""
        left = [node for node, full in self._adjacent(lab) if full is not None]
        return f"{self.link} is cut but {', '.join(left)} still lists its neighbor" if left else ""

    def undo(self, lab: Emulator) -> float:
        """Plug it in again."""
        return lab.set_link(self.link, is_up=True)

    def verify_undone(self, lab: Emulator) -> str:
        """Whether both ends have their OSPF neighbor in state Full again."""
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
