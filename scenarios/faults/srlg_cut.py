"""All links of a shared risk group are cut: the duct, the card, the feed they have in common."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId, SrlgId
from scenarios.faults.fault import FaultValue


class SrlgCut(FaultValue, frozen=True, kw_only=True, tag="srlg-cut.v1"):
    """All links of a shared risk group are cut (RFC 4202): what they have in common breaks."""

    undoing: ClassVar[str] = "give each member its carrier again"
    group: SrlgId
    links: Annotated[tuple[LinkId, ...], Meta(min_length=1, description="the group's members")]

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.group} cut: {', '.join(self.links)}"
