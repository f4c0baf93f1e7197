"""How a process keeps its copy of production's state: reads deltas, asks for what it missed.

Anyone who reads the state topic does the same three things with a delta that cannot be applied:
keep the old values, know that they are stale, and ask the owner for a snapshot, not more often than
it takes to answer.
"""

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from foreshadow.bus import Publisher, Record
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest
from foreshadow.delta import Effect, StateDelta
from foreshadow.observed import Stream
from foreshadow.state import NetworkState
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId

_decoder = msgspec.msgpack.Decoder(StateDelta)


@dataclass(frozen=True, slots=True)
class Followed:
    """One delta and what it did to the copy."""

    delta: StateDelta
    effect: Effect


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
    ) -> None:
        """Begin with nothing known.

        Args:
            name: Who asks, in resync requests.
            publisher: Takes resync requests and dead letters; flushing is left to the caller.
            clock: Times the pause between two requests for one stream.
            streams: What is followed; deltas of the others are passed over.
            resync_pause_s: That pause.
        """
        self.state = NetworkState()
        self._name, self._publisher, self._clock = name, publisher, clock
        self._streams, self._pause_s = frozenset(streams), resync_pause_s
        self._asked_s: dict[tuple[NodeId, Stream], float] = {}
        self._heard_s: dict[tuple[NodeId, Stream], float] = {}

    def take(self, record: Record) -> Followed | None:
        """Apply one record of the state topic.

        None for a stream that is not followed, and for what is no delta: that is a dead letter.
        """
        try:
            delta = _decoder.decode(record.value)
        except msgspec.DecodeError as error:
            rejected = dead_letter(record, f"{self._name}: not a state delta: {error}")
            self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))
            return None
        if delta.stream not in self._streams:
            return None
        effect = self.state.apply(delta)
        if effect is not Effect.ZOMBIE:
            self._heard_s[delta.device, delta.stream] = self._clock.monotonic_s()
        if effect in (Effect.GAP, Effect.DIVERGED):
            self._ask(delta, effect)
        return Followed(delta, effect)

    def untrusted(self, silence_s: float) -> tuple[tuple[NodeId, Stream], ...]:
        """Streams with a gap, and those whose owner was silent for `silence_s` seconds (R6)."""
        since_s = self._clock.monotonic_s() - silence_s
        silent = {place for place, heard_s in self._heard_s.items() if heard_s < since_s}
        return tuple(sorted(silent | set(self.state.stale_streams())))

    def _ask(self, delta: StateDelta, effect: Effect) -> None:
        place, now_s = (delta.device, delta.stream), self._clock.monotonic_s()
        if now_s < self._asked_s.get(place, float("-inf")) + self._pause_s:
            return
        self._asked_s[place] = now_s
        epoch, seq = self.state.vector()[place]
        request = ResyncRequest(
            device=delta.device,
            stream=delta.stream,
            epoch=epoch,
            seq=seq,
            asked_by=self._name,
            reason=f"{effect} at ({delta.epoch}, {delta.seq})",
        )
        self._publisher.publish(Topic.CONTROL, delta.device, to_json(request))
