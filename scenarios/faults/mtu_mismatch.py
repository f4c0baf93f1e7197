"""One end of a link takes smaller packets than the other."""

import time
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId
from scenarios.faults import witness
from scenarios.faults.cable import end_at, mtu_bytes, set_mtu
from scenarios.faults.fault import FaultValue, Memory, recall
from scenarios.faults.link_state import igps_at
from scenarios.faults.statement import lines_of
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd

_MTU = "mtu"


class MtuMismatch(FaultValue, frozen=True, kw_only=True, tag="mtu-mismatch.v1"):
    """One end of a link takes smaller packets: OSPF stays in ExStart (RFC 2328, 10.6).

    IS-IS loses the adjacency where hellos are padded to the larger size.
    """

    undoing: ClassVar[str] = "give that end the size it had"
    link: LinkId
    node: Annotated[NodeId | None, Meta(description="which end; the first one if not said")] = None
    mtu_bytes: Annotated[int, Meta(ge=1280, le=65_535, description="the size it gets")] = 1400

    @property
    def name(self) -> str:
        """What a person calls it."""
        where = f" at {self.node}" if self.node else ""
        return f"{self.link} with MTU {self.mtu_bytes}{where}"

    def remember(self, lab: Emulator) -> Memory:
        """The size that end has, and the adjacencies that will go."""
        link = lab.spec.link(self.link)
        before = mtu_bytes(lab, self._end(lab))
        if before == self.mtu_bytes:
            raise ConfigError(f"the MTU of {self.link} is {before} at that end already")
        for end in (link.a, link.b):
            if not igps_at(lab, end):
                raise ConfigError(f"no IGP runs over {self.link}; nobody compares its MTU")
            lines = lines_of(lab, end.node, f"interface {end.interface}")
            if "ip ospf mtu-ignore" in lines:
                raise ConfigError(f"{end.node} ignores the MTU over {self.link} (mtu-ignore)")
        return (_MTU, str(before)), *witness.of_links(lab, [link])

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Change it at one end."""
        del memory
        at_s = time.monotonic()
        set_mtu(lab, self._end(lab), self.mtu_bytes)
        return at_s

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the kernel has it and no adjacency is whole at both ends of the link."""
        size = mtu_bytes(lab, self._end(lab))
        if size != self.mtu_bytes:
            return f"the MTU of {self.link} is {size}, not {self.mtu_bytes}"
        return witness.whole(lab, memory)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Give it back."""
        at_s = time.monotonic()
        set_mtu(lab, self._end(lab), int(recall(memory, _MTU)))
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the size and the adjacencies are back."""
        size, before = mtu_bytes(lab, self._end(lab)), int(recall(memory, _MTU))
        if size != before:
            return f"the MTU of {self.link} is {size}, not {before} again"
        return witness.not_again(lab, memory)

    def _end(self, lab: Emulator) -> LabEnd:
        return end_at(lab.spec.link(self.link), self.node)
