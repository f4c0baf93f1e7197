"""One end of a link says hello at another interval than the other."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId, NodeId
from scenarios.faults.fault import FaultValue


class TimerMismatch(FaultValue, frozen=True, kw_only=True, tag="timer-mismatch.v1"):
    """One end of a link says hello at another interval: OSPF drops the adjacency (RFC 2328, 10.5).

    It dies when the dead interval has run out. IS-IS does not mind different intervals.
    """

    undoing: ClassVar[str] = "enter the interval that end had"
    link: LinkId
    node: Annotated[NodeId | None, Meta(description="which end; the first one if not said")] = None
    hello_s: Annotated[int, Meta(ge=1, le=65_535, description="the interval it gets")] = 3

    @property
    def name(self) -> str:
        """What a person calls it."""
        where = f" at {self.node}" if self.node else ""
        return f"{self.link} with hello {self.hello_s} s{where}"
