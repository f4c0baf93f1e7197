"""How a process keeps its copy of every interface's rates from the metrics topic.

Unlike state, rates are not asked for again: the next whole frame heals whatever was missed.
"""

from dataclasses import dataclass, field

import msgspec

from foreshadow.bus import Publisher, Record
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.delta import Effect
from foreshadow.rates import RateFrame, RateTable, decode_frame
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId


@dataclass(slots=True)
class FrameCounts:
    """What a follower has seen since it began."""

    frames: int = 0
    rows: int = 0
    gaps: int = 0
    duplicates: int = 0
    zombies: int = 0
    rejects: int = 0


@dataclass(slots=True)
class RateFollower:
    """Keeps one `RateTable` level.

    Attributes:
        name: Who refuses, in dead letters.
        publisher: Takes dead letters; flushing is left to the caller.
        clock: Times silence.
        table: The copy.
        counts: Of what came in.
    """

    name: str
    publisher: Publisher
    clock: Clock
    table: RateTable = field(default_factory=RateTable)
    counts: FrameCounts = field(default_factory=FrameCounts)
    _heard_s: dict[NodeId, float] = field(default_factory=dict)

    def take(self, record: Record) -> RateFrame | None:
        """Apply one record of the metrics topic; the frame where it changed the copy."""
        try:
            frame = decode_frame(record.value)
            effect = self.table.apply(frame)
        except (msgspec.DecodeError, ValueError) as error:
            self.counts.rejects += 1
            rejected = dead_letter(record, f"{self.name}: not a rate frame: {error}")
            self.publisher.publish(Topic.REJECT, record.key, to_json(rejected))
            return None
        if effect is Effect.ZOMBIE:
            self.counts.zombies += 1
            return None
        if effect is Effect.DUPLICATE:
            self.counts.duplicates += 1
            return None
        self.counts.frames += 1
        self.counts.rows += frame.row_count
        self.counts.gaps += effect is Effect.GAP
        self._heard_s[frame.device] = self.clock.monotonic_s()
        return frame

    def untrusted(self, silence_s: float) -> tuple[NodeId, ...]:
        """Devices with a gap, and those of which nothing came for `silence_s` seconds.

        Args:
            silence_s: A few times the owner's period of whole frames.
        """
        since_s = self.clock.monotonic_s() - silence_s
        silent = {device for device, heard_s in self._heard_s.items() if heard_s < since_s}
        return tuple(sorted(silent | set(self.table.stale_devices())))
