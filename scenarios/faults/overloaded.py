"""A router asks not to be used for transit."""

from typing import ClassVar

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class Overloaded(FaultValue, frozen=True, kw_only=True, tag="overloaded.v1"):
    """A router asks not to be used for transit: OSPF max-metric (RFC 6987), IS-IS overload bit."""

    undoing: ClassVar[str] = "remove max-metric or the overload bit"
    node: NodeId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} overloaded"
