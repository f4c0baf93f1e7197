"""The network falls into two halves."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import carrier, lost_routes, witness
from scenarios.faults.fault import FaultValue, Memory
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink, LabSpec


class Partition(FaultValue, frozen=True, kw_only=True, tag="partition.v1"):
    """Every link between some routers and all others of ours is cut; peers stay where they are."""

    undoing: ClassVar[str] = "give each link between the halves its carrier again"
    nodes: Annotated[tuple[NodeId, ...], Meta(min_length=1, description="one of the halves")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{', '.join(self.nodes)} parted from the rest"

    def remember(self, lab: Emulator) -> Memory:
        """Which links join the halves, and who is a neighbor over them."""
        between = self.between(lab.spec)
        if not any(link.is_up for link in between):
            raise ConfigError(f"no link that is up joins {', '.join(self.nodes)} to the rest")
        return *carrier.noted(between), *witness.of_links(lab, between)

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Cut them, one right after the other."""
        return carrier.cut(lab, memory)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether no link between the halves has carrier at either end."""
        return carrier.not_cut(lab, memory)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Plug in those that were up."""
        at_s = carrier.give_back(lab, memory)
        lost_routes.bring_back_after(lab, memory)
        return at_s

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether carrier and neighbors are back on each of them."""
        return carrier.not_given_back(lab, memory) or witness.not_again(lab, memory)

    def between(self, spec: LabSpec) -> tuple[LabLink, ...]:
        """The links that join the halves.

        Raises:
            ConfigError: A router is unknown, or nothing is left on the other side.
        """
        half = {spec.node(node).id for node in self.nodes}
        ours = {node.id for node in spec.nodes if not node.is_external}
        if not ours - half:
            raise ConfigError("every router of ours is in one half; leave some for the other")
        return tuple(
            link
            for link in spec.links
            if {link.a.node, link.b.node} <= ours
            and ({link.a.node} <= half) is not ({link.b.node} <= half)
        )
