"""Production as the shadow sees it: a copy of its state, and the picture that this makes."""

from collections.abc import Sequence

from foreshadow.bus import Publisher, Record
from foreshadow.clock import Clock
from foreshadow.delta import Effect, Op
from foreshadow.follower import Follower
from foreshadow.meter import Meter
from foreshadow.observed import Stream
from foreshadow.settings import Settings
from foreshadow.topology import NodeId
from shadow.mirror import Picture, picture

_SILENT_AFTER_HEARTBEATS = 3

MIRRORED = tuple(stream for stream in Stream if stream is not Stream.DEMAND)
"""The streams that say what the shadow must be; what traffic there is does not."""


class ProductionView:
    """Keeps the copy, and knows whether enough of it is known and how much of it to trust."""

    def __init__(
        self,
        name: str,
        publisher: Publisher,
        clock: Clock,
        settings: Settings,
        *,
        routers: Sequence[NodeId],
    ) -> None:
        """Begin with nothing known.

        Args:
            name: Who asks for what was missed.
            publisher: Takes resync requests; flushing is left to the caller.
            clock: Times silences.
            settings: How often ingest vouches for its streams.
            routers: The picture is whole when the whole state of all of these was known once.
        """
        self._follower = Follower(name, publisher, clock, streams=MIRRORED)
        self._silence_s = _SILENT_AFTER_HEARTBEATS * settings.ingest.heartbeat_s
        self._required = {(router, stream) for router in routers for stream in MIRRORED}
        self._was_whole = False

    def take(self, record: Record) -> bool:
        """Take note of one record of the state topic; returns whether something is new."""
        followed = self._follower.take(record)
        return (
            followed is not None
            and followed.delta.op is not Op.HEARTBEAT
            and followed.effect is Effect.APPLIED
        )

    def tell(self, meter: Meter) -> None:
        """Say how level the copy is."""
        self._follower.tell(meter)

    def is_whole(self) -> bool:
        """Whether everything a mirror needs has been known; what went stale since is served on."""
        if not self._was_whole:
            stale = set(self._follower.state.stale_streams())
            self._was_whole = self._required <= self._follower.state.vector().keys() - stale
        return self._was_whole

    def stale(self) -> frozenset[tuple[NodeId, Stream]]:
        """What of the state is known to be out of date, or silent for too long."""
        return frozenset(self._required & set(self._follower.untrusted(self._silence_s)))

    def picture(self) -> Picture:
        """Production as it is known now."""
        return picture(self._follower.state, stale=self.stale())
