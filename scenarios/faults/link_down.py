"""A link loses its carrier at both ends."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults import witness
from scenarios.faults.cable import without_carrier
from scenarios.faults.fault import FaultValue, Memory
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
        """Which adjacencies cross it."""
        link = lab.spec.link(self.link)
        if not link.is_up:
            raise ConfigError(f"{self.link} is down already; choose a link that is up")
        return witness.of_links(lab, [link])

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut it."""
        del memory
        return lab.set_link(self.link, is_up=False)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether either end still has carrier."""
        del memory
        link = lab.spec.link(self.link)
        left = [str(end.node) for end in (link.a, link.b) if end not in without_carrier(lab, link)]
        return f"{self.link} is cut but has carrier at {' and '.join(left)}" if left else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug it in again."""
        del memory
        return lab.set_link(self.link, is_up=True)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether carrier and adjacencies are back at both ends."""
        link = lab.spec.link(self.link)
        dark = [str(end.node) for end in without_carrier(lab, link)]
        if dark:
            return f"{self.link} is plugged in but has no carrier at {' and '.join(dark)}"
        return witness.not_again(lab, memory)
