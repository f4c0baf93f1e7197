"""A link goes down and up again, several times."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId
from scenarios.faults.fault import FaultValue


class LinkFlap(FaultValue, frozen=True, kw_only=True, tag="link-flap.v1"):
    """A link goes down and up again, several times; it ends up.

    Injecting takes as long as the pattern: what is measured afterwards is always the same moment.
    """

    undoing: ClassVar[str] = "give both ends their carrier again"
    link: LinkId
    times: Annotated[int, Meta(ge=1, le=20, description="how often it goes down")] = 3
    down_s: Annotated[float, Meta(gt=0, le=10, description="how long it stays down")] = 0.3
    up_s: Annotated[float, Meta(gt=0, le=10, description="how long it stays up between")] = 0.3

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} flaps {self.times} times, {self.down_s:g} s down, {self.up_s:g} s up"
