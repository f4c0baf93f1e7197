"""A link goes down and up again, several times."""

import time
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults import lost_routes, witness
from scenarios.faults.cable import carrier_losses, without_carrier
from scenarios.faults.fault import FaultValue, Memory, recall
from shadow.emulation.emulator import Emulator


class LinkFlap(FaultValue, frozen=True, kw_only=True, tag="link-flap.v1"):
    """A link goes down and up again, several times; it ends up.

    Injecting takes as long as the pattern: what is measured afterwards is always the same moment.
    """

    undoing: ClassVar[str] = "give both ends their carrier again"
    link: LinkId
    times: Annotated[int, Meta(ge=1, le=20, description="how often it goes down")] = 3
    down_s: Annotated[float, Meta(gt=0, le=10, description="how long it stays down")] = 0.3
    up_s: Annotated[float, Meta(gt=0, le=10, description="how long it stays up between")] = 0.3

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} flaps {self.times} times, {self.down_s:g} s down, {self.up_s:g} s up"

    def remember(self, lab: Emulator) -> Memory:
        """How often each end lost its carrier so far, and who is a neighbor over it."""
        link = lab.spec.link(self.link)
        if not link.is_up:
            raise ConfigError(f"{self.link} is down already; choose a link that is up")
        counted = ((str(end.node), str(carrier_losses(lab, end))) for end in (link.a, link.b))
        return *counted, *witness.of_links(lab, [link])

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Let it flap, as often as it has not yet."""
        at_s = time.monotonic()
        for number in range(self._left(lab, memory)):
            if number:
                time.sleep(self.up_s)
            lab.set_link(self.link, is_up=False)
            time.sleep(self.down_s)
            lab.set_link(self.link, is_up=True)
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the kernel counted every loss of carrier at both ends."""
        left = self._left(lab, memory)
        return f"{self.link} lost its carrier {left} times too few" if left else ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """See that it ends up, also when the pattern was cut short, and that no route is lost."""
        at_s = lab.set_link(self.link, is_up=True)
        lost_routes.bring_back_after(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether carrier and neighbors are back at both ends."""
        dark = [str(end.node) for end in without_carrier(lab, lab.spec.link(self.link))]
        if dark:
            return f"{self.link} has no carrier at {' and '.join(dark)}"
        return witness.not_again(lab, memory)

    def _left(self, lab: Emulator, memory: Memory) -> int:
        link = lab.spec.link(self.link)
        return max(
            int(recall(memory, str(end.node))) + self.times - carrier_losses(lab, end)
            for end in (link.a, link.b)
        )
