"""A border router hands another network more than it must."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class RouteLeaked(FaultValue, frozen=True, kw_only=True, tag="route-leaked.v1"):
    """A border router exports all it knows to a peer (RFC 7908): its outbound policy is gone."""

    undoing: ClassVar[str] = "attach the outbound policy the session had"
    node: Annotated[NodeId, Meta(description="our border router")]
    peer: Annotated[NodeId, Meta(description="the peer's border router")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.node} leaks routes to {self.peer}"
