"""A peer announces more prefixes than the session's limit, and the session is torn down."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class MaxPrefixHit(FaultValue, frozen=True, kw_only=True, tag="max-prefix-hit.v1"):
    """A session dies because its peer announces more than `maximum-prefix` allows."""

    undoing: ClassVar[str] = "set the limit as it was and clear the session"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} over its prefix limit with {self.peer}"
