"""A link loses its carrier at both ends."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults import carrier, lost_routes, witness
from scenarios.faults.fault import FaultValue, Memory
from scenarios.faults.frames import arrives
from shadow.emulation.emulator import Emulator


class LinkDown(FaultValue, frozen=True, kw_only=True, tag="link-down.v1"):
    """A link loses its carrier at both ends.

    Carrier loss is the fast case: routers notice at once. A link that goes silent with its carrier
    up is noticed by hello or BFD timers only, and the outage is as long as they are.
    """

    undoing: ClassVar[str] = "give both ends their carrier again"
    link: LinkId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} down"

    def remember(self, lab: Emulator) -> Memory:
        """Who is a neighbor over it."""
        link = lab.spec.link(self.link)
        if not link.is_up:
            raise ConfigError(f"{self.link} is down already; choose a link that is up")
        return *carrier.noted([link]), *witness.of_links(lab, [link])

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut it."""
        return carrier.cut(lab, memory)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether neither end has carrier and no frame arrives."""
        if said := carrier.not_cut(lab, memory):
            return said
        reached = [str(end.node) for end in arrives(lab, lab.spec.link(self.link))]
        return f"{self.link} is cut but frames arrive at {' and '.join(reached)}" if reached else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug it in again."""
        at_s = carrier.give_back(lab, memory)
        lost_routes.bring_back_after(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether carrier and neighbors are back at both ends."""
        return carrier.not_given_back(lab, memory) or witness.not_again(lab, memory)
