"""A link drops everything both ways while its carrier stays up."""

from typing import ClassVar

from foreshadow.topology import LinkId
from scenarios.faults.fault import FaultValue


class LinkSilent(FaultValue, frozen=True, kw_only=True, tag="link-silent.v1"):
    """A link drops everything both ways while its carrier stays up.

    Nobody is told: routers find out by hello timers or BFD, and until then traffic is lost.
    """

    undoing: ClassVar[str] = "let both ends carry again"
    link: LinkId

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.link} silent"
