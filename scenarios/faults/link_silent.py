"""A link drops everything both ways while its carrier stays up."""

from typing import ClassVar

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults import witness
from scenarios.faults.cable import queueing, without_carrier
from scenarios.faults.fault import FaultValue, Memory, recall
from scenarios.faults.frames import arrives
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink


class LinkSilent(FaultValue, frozen=True, kw_only=True, tag="link-silent.v1"):
    """A link drops everything both ways while its carrier stays up.

    Nobody is told: routers find out by hello timers or BFD, and until then traffic is lost.
    """

    undoing: ClassVar[str] = "let both ends carry again"
    link: LinkId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} silent"

    def remember(self, lab: Emulator) -> Memory:
        """The filters both ends have, and who is a neighbor over it."""
        link = lab.spec.link(self.link)
        if not link.is_up or link.is_silent:
            raise ConfigError(f"{self.link} carries nothing already; choose a link that does")
        return *_filters(lab, link), *witness.of_links(lab, [link])

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Silence it."""
        del memory
        return lab.silence_link(self.link, is_silent=True)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether both ends have carrier and a filter, and no frame arrives."""
        link = lab.spec.link(self.link)
        dark = [str(end.node) for end in without_carrier(lab, link)]
        if dark:
            return f"{self.link} is to be silent but has no carrier at {' and '.join(dark)}"
        if unfiltered := [
            node for node, text in _filters(lab, link) if text == recall(memory, node)
        ]:
            return f"{self.link} has no filter at {' and '.join(unfiltered)}"
        if reached := [str(end.node) for end in arrives(lab, link)]:
            return f"{self.link} is silent but frames arrive at {' and '.join(reached)}"
        return ""

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Let it carry again."""
        del memory
        return lab.silence_link(self.link, is_silent=False)

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the filters are gone, frames arrive and neighbors are back."""
        link = lab.spec.link(self.link)
        if left := [node for node, text in _filters(lab, link) if text != recall(memory, node)]:
            return f"{self.link} still has a filter at {' and '.join(left)}"
        if len(arrives(lab, link)) < 2:
            return f"{self.link} carries again but frames do not arrive"
        return witness.not_again(lab, memory)


def _filters(lab: Emulator, link: LabLink) -> Memory:
    return tuple((str(end.node), queueing(lab, end)) for end in (link.a, link.b))
