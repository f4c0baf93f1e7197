"""A link's IGP cost changes, both ways."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId
from scenarios.faults.fault import FaultValue


class CostChanged(FaultValue, frozen=True, kw_only=True, tag="cost-changed.v1"):
    """A link's IGP cost changes, both ways: `ip ospf cost`, `isis metric`."""

    undoing: ClassVar[str] = "enter the costs both ends had"
    link: LinkId
    cost: Annotated[int, Meta(ge=1, le=65_535, description="the new cost")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} at cost {self.cost}"
