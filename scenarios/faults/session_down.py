"""A BGP session is shut down by its operator and stays down."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId
from scenarios.faults.fault import FaultValue


class SessionDown(FaultValue, frozen=True, kw_only=True, tag="session-down.v1"):
    """A BGP session is shut down and stays down (`neighbor ... shutdown`)."""

    undoing: ClassVar[str] = "remove `neighbor ... shutdown`"
    node: NodeId
    peer: Annotated[NodeId, Meta(description="the router at the other end")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"session of {self.node} to {self.peer} down"
