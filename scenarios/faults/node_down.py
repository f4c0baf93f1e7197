"""A router dies: no daemon runs and no link of it has carrier."""

from typing import ClassVar

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class NodeDown(FaultValue, frozen=True, kw_only=True, tag="node-down.v1"):
    """A router dies: no daemon runs and no link of it has carrier."""

    undoing: ClassVar[str] = "start the daemons and give the links their carrier again"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} down"
