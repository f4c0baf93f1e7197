"""The network falls into two halves."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class Partition(FaultValue, frozen=True, kw_only=True, tag="partition.v1"):
    """Every link between some routers and all others of ours is cut; peers stay where they are."""

    undoing: ClassVar[str] = "give each link between the halves its carrier again"
    nodes: Annotated[tuple[NodeId, ...], Meta(min_length=1, description="one of the halves")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{', '.join(self.nodes)} parted from the rest"
