"""A link loses its carrier at both ends."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults import carrier, witness
from scenarios.faults.carrier_cut import CarrierCut
from scenarios.faults.fault import Memory
from scenarios.faults.frames import arrives
from shadow.emulation.emulator import Emulator


class LinkDown(CarrierCut, frozen=True, kw_only=True, tag="link-down.v1"):
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

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether neither end has carrier and no frame arrives."""
        if said := super().verify(lab, memory):
            return said
        reached = [str(end.node) for end in arrives(lab, lab.spec.link(self.link))]
        return f"{self.link} is cut but frames arrive at {' and '.join(reached)}" if reached else ""
