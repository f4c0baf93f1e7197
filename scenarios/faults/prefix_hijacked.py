"""Somebody announces a more specific prefix than its owner does."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId, Prefix
from scenarios.faults.fault import FaultValue


class PrefixHijacked(FaultValue, frozen=True, kw_only=True, tag="prefix-hijacked.v1"):
    """A router announces a prefix that is not its own and drops what it attracts.

    Announce a more specific one than the owner does and longest match gives it all the traffic.
    """

    undoing: ClassVar[str] = "remove the announcement, its discard route and its policy"
    node: Annotated[NodeId, Meta(description="who announces it: a peer's border router or ours")]
    prefix: Annotated[Prefix, Meta(description="what it announces")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.prefix} hijacked by {self.node}"
