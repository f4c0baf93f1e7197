"""A BGP session is torn down and comes up again by itself."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class SessionReset(FaultValue, frozen=True, kw_only=True, tag="session-reset.v1"):
    """A BGP session is torn down (`clear bgp`) and comes up again by itself."""

    undoing: ClassVar[str] = "nothing to take back: see that the session is established again"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"session of {self.node} to {self.peer} reset"
