"""The network falls into two halves."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.errors import ConfigError
from foreshadow.topology import NodeId
from scenarios.faults import carrier, witness
from scenarios.faults.carrier_cut import CarrierCut
from scenarios.faults.fault import Memory
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink, LabSpec


class Partition(CarrierCut, frozen=True, kw_only=True, tag="partition.v1"):
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
