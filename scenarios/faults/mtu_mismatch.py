"""One end of a link takes smaller packets than the other."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId, NodeId
from scenarios.faults.fault import FaultValue


class MtuMismatch(FaultValue, frozen=True, kw_only=True, tag="mtu-mismatch.v1"):
    """One end of a link takes smaller packets: OSPF stays in ExStart (RFC 2328, 10.6).

    IS-IS loses the adjacency where hellos are padded to the larger size.
    """

    undoing: ClassVar[str] = "give that end the size it had"
    link: LinkId
    node: Annotated[NodeId | None, Meta(description="which end; the first one if not said")] = None
    mtu_bytes: Annotated[int, Meta(ge=1280, le=65_535, description="the size it gets")] = 1400

    @property
    def name(self) -> str:
        """What a person calls it."""
        where = f" at {self.node}" if self.node else ""
        return f"{self.link} with MTU {self.mtu_bytes}{where}"
