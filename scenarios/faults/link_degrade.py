"""A link gets slow, late or lossy."""

from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.topology import LinkId
from scenarios.faults.fault import FaultValue


class LinkDegrade(FaultValue, frozen=True, kw_only=True, tag="link-degrade.v1"):
    """A link gets slow, late or lossy, each way alike, in the place of the shape it had."""

    undoing: ClassVar[str] = "give the link the shape it had"
    link: LinkId
    rate_bps: Annotated[float, Meta(gt=0, description="rate it is held to")] | None = None
    delay_s: Annotated[float, Meta(ge=0, le=10, description="one-way delay")] = 0.0
    loss_ratio: Annotated[float, Meta(ge=0, le=1, description="share of packets lost")] = 0.0

    @property
    def name(self) -> str:
        """What a person calls it."""
        said = [
            f"{self.rate_bps / 1e6:g} Mbit/s" if self.rate_bps is not None else "",
            f"{self.delay_s * 1e3:g} ms" if self.delay_s else "",
            f"{self.loss_ratio:.3g} lost" if self.loss_ratio else "",
        ]
        return f"{self.link} degraded to {', '.join(filter(None, said)) or 'nothing but a cable'}"
