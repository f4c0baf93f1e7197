"""A link gets slow, late or lossy."""

import math
from typing import Annotated, ClassVar

from msgspec import Meta

from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId
from scenarios.faults.cable import queueing
from scenarios.faults.fault import FaultValue, Memory, recall
from scenarios.faults.frames import Passage, Stream, cross
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabLink, LinkShape

_SHAPE = "shape"
_PROBED_S = 0.2
"""So long are frames sent to see one property."""
_MOST_FRAMES = 200
_LARGE_BYTES = 1400
_SMALL_BYTES = 120
_SLOW_BPS = 1e6
_MEASURABLE_BPS = 100e6
"""Frames are not sent faster than a few times this: a rate above it is only seen in the kernel."""


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

    def remember(self, lab: Emulator) -> Memory:
        """The shape it has, and what the kernel holds for it."""
        link = lab.spec.link(self.link)
        if link.shape == self._shape:
            raise ConfigError(f"{self.link} has that shape already; say what gets worse")
        return ((_SHAPE, to_json(link.shape).decode()), *_queueing(lab, link))

    def inject(self, lab: Emulator, memory: Memory) -> float:
        """Shape it."""
        del memory
        return lab.shape_link(self.link, self._shape)

    def verify(self, lab: Emulator, memory: Memory) -> str:
        """Whether the kernel holds something new at both ends, and frames notice, both ways."""
        link = lab.spec.link(self.link)
        same = [node for node, text in _queueing(lab, link) if text == recall(memory, node)]
        if same:
            return f"the kernel holds nothing new for {self.link} at {' and '.join(same)}"
        return self._felt(lab, link)

    def undo(self, lab: Emulator, memory: Memory) -> float:
        """Give it the shape of before."""
        return lab.shape_link(self.link, from_json(recall(memory, _SHAPE), LinkShape))

    def verify_undone(self, lab: Emulator, memory: Memory) -> str:
        """Whether the kernel holds what it held before."""
        link = lab.spec.link(self.link)
        left = [node for node, text in _queueing(lab, link) if text != recall(memory, node)]
        return f"the kernel still shapes {self.link} at {' and '.join(left)}" if left else ""

    @property
    def _shape(self) -> LinkShape:
        return LinkShape(rate_bps=self.rate_bps, delay_s=self.delay_s, loss_ratio=self.loss_ratio)

    def _felt(self, lab: Emulator, link: LabLink) -> str:
        """What frames say against it, as a sentence; "" for nothing."""
        trickle = self._trickle()
        for way in cross(lab, link, trickle):
            if self._is_loss_odd(way):
                return (
                    f"{self.link} lost {way.lost} of {len(way.sent_s)} frames, "
                    f"not about {self.loss_ratio:.3g} of them"
                )
            if way.arrived_s and way.delay_s < 0.95 * self.delay_s:
                return f"frames cross {self.link} in {1e3 * way.delay_s:.1f} ms, too soon"
        if self.rate_bps is None or self.rate_bps > _MEASURABLE_BPS or self.loss_ratio == 1:
            return ""
        for way in cross(lab, link, self._burst(self.rate_bps)):
            if way.rate_bps > 1.3 * self.rate_bps:
                return f"frames cross {self.link} at {way.rate_bps / 1e6:.3g} Mbit/s, too fast"
        return ""

    def _is_loss_odd(self, way: Passage) -> bool:
        """Whether chance hardly explains how many were lost: four standard deviations off."""
        sent, ratio = len(way.sent_s), self.loss_ratio
        deviation = math.sqrt(sent * ratio * (1 - ratio))
        return abs(way.lost - sent * ratio) > 4 * deviation + 1

    def _trickle(self) -> Stream:
        """Few enough small frames to pass the rate."""
        size_bytes = 60
        fits = (self.rate_bps or 1e9) * _PROBED_S / 2 / (8 * size_bytes)
        frames = max(2, min(_MOST_FRAMES, int(fits)))
        return Stream(
            frames=frames,
            gap_s=_PROBED_S / frames,
            size_bytes=size_bytes,
            wait_s=self.delay_s + 0.05,
        )

    def _burst(self, rate_bps: float) -> Stream:
        """As much as the rate lets pass in the time, all at once."""
        size_bytes = _SMALL_BYTES if rate_bps < _SLOW_BPS else _LARGE_BYTES
        frames = max(6, min(2 * _MOST_FRAMES, int(rate_bps * _PROBED_S / (8 * size_bytes))))
        return Stream(
            frames=frames,
            gap_s=0.0,
            size_bytes=size_bytes,
            wait_s=self.delay_s + 8 * size_bytes * frames / rate_bps + 0.05,
        )


def _queueing(lab: Emulator, link: LabLink) -> Memory:
    return tuple((str(end.node), queueing(lab, end)) for end in (link.a, link.b))
