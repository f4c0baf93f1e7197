"""A router is drained for maintenance."""

from typing import ClassVar

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class Drained(FaultValue, frozen=True, kw_only=True, tag="drained.v1"):
    """A router is drained for maintenance: BGP graceful shutdown (RFC 8326), then IGP overload."""

    undoing: ClassVar[str] = "remove max-metric or the overload bit, then graceful shutdown"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} drained"
