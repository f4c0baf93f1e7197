"""How a process keeps its copy of production's state: reads deltas, asks for what it missed.

Anyone who reads the state topic does the same three things with a delta that cannot be applied:
keep the old values, know that they are stale, and ask the owner for what is missing, not more often
than it takes to answer. A large copy sends the digests of its buckets along, so that only what
differs comes back; who was not healed by that asks for everything.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from foreshadow import meter as metrics
from foreshadow.bus import Positions, Publisher, Record
from foreshadow.checkpoint import Checkpoint, checkpoint
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest
from foreshadow.delta import Effect, StateDelta
from foreshadow.meter import Meter
from foreshadow.observed import Stream
from foreshadow.state import NetworkState
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId

_decoder = msgspec.msgpack.Decoder(StateDelta)
_REPAIRS_TRIED = 2
"""After so many the whole map is asked for: what heals slowly, or not at all, heals so."""
_LONGEST_PAUSE_S = 60.0
_TELL_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Followed:
    """One delta and what it did to the copy."""

    delta: StateDelta
    effect: Effect


@dataclass(slots=True)
class _Asked:
    """What was asked about one stream since it was last level."""

    times: int = 0
    at_s: float = float("-inf")

    def is_due(self, now_s: float, pause_s: float) -> bool:
        """Whether the answer has had time enough; the longer it does not help, the more."""
        doubled = 1 << min(max(0, self.times - 1 - _REPAIRS_TRIED), 16)
        return now_s >= self.at_s + min(pause_s * doubled, _LONGEST_PAUSE_S)


class Follower:
    """Keeps one `NetworkState` level from the records of the state topic."""

    def __init__(
        self,
        name: str,
        publisher: Publisher,
        clock: Clock,
        *,
        streams: Collection[Stream] = tuple(Stream),
        resync_pause_s: float = 2.0,
        compared_from: int = 512,
    ) -> None:
        """Begin with nothing known.

        Args:
            name: Who asks, in resync requests.
            publisher: Takes resync requests and dead letters; flushing is left to the caller.
            clock: Times the pause between two requests for one stream.
            streams: What is followed; deltas of the others are passed over.
            resync_pause_s: That pause.
            compared_from: Entries of a copy; below, its whole map is hardly more than its digests.
        """
        self.state = NetworkState()
        self._name, self._publisher, self._clock = name, publisher, clock
        self._streams, self._pause_s = frozenset(streams), resync_pause_s
        self._compared_from = compared_from
        self._asked: dict[tuple[NodeId, Stream], _Asked] = {}
        self._heard_s: dict[tuple[NodeId, Stream], float] = {}
        self.gaps, self.divergences, self.resyncs, self.rejects = 0, 0, 0, 0
        """Counts since the start; `resyncs` are requests sent."""
        self._told_s = float("-inf")

    def checkpoint(self, positions: Positions, *, own: bytes = b"") -> Checkpoint:
        """The copy and where it goes on; `own` is whatever else must not be forgotten."""
        return checkpoint(positions, self.state.checkpoint(), own=own)

    def resume(self, saved: Checkpoint) -> None:
        """Stand where the checkpoint was taken; its owner has one silence to be heard again."""
        self.state.resume(saved.streams)
        self._heard_s = dict.fromkeys(self.state.vector(), self._clock.monotonic_s())

    def take(self, record: Record) -> Followed | None:
        """Apply one record of the state topic.

        None for a stream that is not followed, and for what is no delta: that is a dead letter.
        """
        try:
            delta = _decoder.decode(record.value)
        except (msgspec.DecodeError, RecursionError) as error:
            self.rejects += 1
            rejected = dead_letter(record, f"{self._name}: not a state delta: {error}")
            self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))
            return None
        if delta.stream not in self._streams:
            return None
        effect = self.state.apply(delta)
        if effect is not Effect.ZOMBIE:
            self._heard_s[delta.device, delta.stream] = self._clock.monotonic_s()
        match effect:
            case Effect.APPLIED:
                self._note_level(delta)
            case Effect.GAP | Effect.DIVERGED:
                self.gaps += effect is Effect.GAP
                self.divergences += effect is Effect.DIVERGED
                self._ask(delta, effect)
            case Effect.DUPLICATE | Effect.ZOMBIE:
                pass
        return Followed(delta, effect)

    def untrusted(self, silence_s: float) -> tuple[tuple[NodeId, Stream], ...]:
        """Streams with a gap, and those whose owner was silent for `silence_s` seconds (R6)."""
        since_s = self._clock.monotonic_s() - silence_s
        silent = {place for place, heard_s in self._heard_s.items() if heard_s < since_s}
        return tuple(sorted(silent | set(self.state.stale_streams())))

    def tell(self, meter: Meter) -> None:
        """Say how level the copy is, once a second however often this is called."""
        now_s = self._clock.monotonic_s()
        if now_s < self._told_s + _TELL_EVERY_S:
            return
        self._told_s = now_s
        meter.total(metrics.GAPS, self.gaps, follower=self._name)
        meter.total(metrics.DIVERGENCES, self.divergences, follower=self._name)
        meter.total(metrics.RESYNCS_ASKED, self.resyncs, follower=self._name)
        stale = Counter(device for device, _ in self.state.stale_streams())
        heard_s: dict[NodeId, float] = {}
        for (device, _), at_s in self._heard_s.items():
            heard_s[device] = max(at_s, heard_s.get(device, at_s))
        for device, at_s in heard_s.items():
            meter.level(metrics.STALE_STREAMS, stale[device], follower=self._name, device=device)
            meter.level(metrics.STALENESS, now_s - at_s, follower=self._name, device=device)

    def _note_level(self, delta: StateDelta) -> None:
        place = (delta.device, delta.stream)
        if place in self._asked and self.state.copy_of(*place).is_synced:
            del self._asked[place]

    def _ask(self, delta: StateDelta, effect: Effect) -> None:
        place, now_s = (delta.device, delta.stream), self._clock.monotonic_s()
        asked = self._asked.setdefault(place, _Asked())
        if not asked.is_due(now_s, self._pause_s):
            return
        copy = self.state.copy_of(*place)
        is_whole = len(copy.values) < self._compared_from or asked.times >= _REPAIRS_TRIED
        asked.at_s, asked.times = now_s, asked.times + 1
        self.resyncs += 1
        request = ResyncRequest(
            device=delta.device,
            stream=delta.stream,
            epoch=copy.epoch,
            seq=copy.seq,
            asked_by=self._name,
            reason=f"{effect} at ({delta.epoch}, {delta.seq})",
            buckets=b"" if is_whole else copy.values.digests(),
        )
        self._publisher.publish(Topic.CONTROL, delta.device, to_json(request))
