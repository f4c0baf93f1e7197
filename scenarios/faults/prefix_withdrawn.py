"""A router no longer announces a prefix it originates."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import NodeId, Prefix
from scenarios.faults.fault import FaultValue


class PrefixWithdrawn(FaultValue, frozen=True, kw_only=True, tag="prefix-withdrawn.v1"):
    """A router no longer announces a prefix it originates (`no network ...`)."""

    undoing: ClassVar[str] = "enter the router's `network` statement again"
    node: NodeId
    prefix: Annotated[Prefix, Meta(description="as the router's `network` statement has it")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.prefix} withdrawn by {self.node}"
