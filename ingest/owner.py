"""Who owns the state: the one place that numbers deltas, and how a successor takes over.

What an owner had published is on the state topic, and up to its last checkpoint in a file. A
successor reads the file and then what came after: it learns which demand intervals are out (they
must not be lost or sent twice), and opens every stream under a higher epoch. To a map it inherited
whole that is one heartbeat: copies that hold it are level at once, the others ask.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foreshadow.bucket_map import BucketMap
from foreshadow.checkpoint import StreamCheckpoint, copy_from
from foreshadow.delta import Effect, StateDelta
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from foreshadow.stream_copy import StreamCopy
from foreshadow.topology import NodeId
from ingest.differential import OwnedStream, Reading

Place = tuple[NodeId, Stream]


@dataclass(slots=True)
class Published:
    """What a predecessor has published, read back from its checkpoint and the state topic."""

    epoch: int = 0
    """The highest that was ever seen."""
    _copies: dict[Place, StreamCopy] = field(default_factory=dict)
    _intervals: dict[Place, int] = field(default_factory=dict)

    def resume(self, streams: Iterable[StreamCheckpoint]) -> None:
        """Begin where a checkpoint was taken."""
        for saved in streams:
            place = (saved.device, saved.stream)
            self._copies[place] = copy_from(saved)
            self._intervals[place] = saved.event_at_ns
            self.epoch = max(self.epoch, saved.epoch)

    def take(self, delta: StateDelta) -> None:
        """Follow one delta, as any copy does."""
        place = (delta.device, delta.stream)
        copy = self._copies.get(place)
        if copy is None:
            copy = self._copies[place] = StreamCopy()
        effect = copy.apply(delta)
        self.epoch = max(self.epoch, delta.epoch)
        if effect is Effect.APPLIED and delta.event_at_ns:
            self._intervals[place] = delta.event_at_ns

    def inherited(self, epoch: int) -> dict[Place, OwnedStream]:
        """The whole streams, to be carried on under `epoch`; what was torn is read anew instead."""
        return {
            (device, stream): OwnedStream(
                device=device,
                stream=stream,
                epoch=epoch,
                values=BucketMap(copy.values),
                event_at_ns=self._intervals.get((device, stream), 0),
                is_inherited=True,
            )
            for (device, stream), copy in self._copies.items()
            if copy.is_synced
        }


class StateOwner:
    """Every stream of every device as it was last published."""

    def __init__(self, epoch: int, inherited: Mapping[Place, OwnedStream] | None = None) -> None:
        """Begin an epoch, with what a predecessor left behind."""
        self.epoch = epoch
        self._streams = dict(inherited or {})

    def take(self, reading: Reading) -> Iterable[StateDelta]:
        """What to publish for a reading."""
        return self._owned((reading.device, reading.stream)).read(reading)

    def change(
        self,
        place: Place,
        upserts: Iterable[tuple[str, bytes]],
        deletes: Collection[str],
        *,
        observed_at_ns: int,
        coalesced: int = 0,
    ) -> Iterable[StateDelta]:
        """What to publish for differences that a source has told of a stream it has told whole."""
        return self._owned(place).change(
            upserts, deletes, observed_at_ns=observed_at_ns, coalesced=coalesced
        )

    def stream(self, place: Place) -> OwnedStream:
        """A stream as it was last published; to look at, not to change."""
        return self._streams.get(place) or OwnedStream(
            device=place[0], stream=place[1], epoch=self.epoch
        )

    def inherit(self) -> Iterable[StateDelta]:
        """Opens what a predecessor published and nothing has opened yet."""
        for owned in self._streams.values():
            yield from owned.open()

    def resync(self, place: Place, digests: Iterable[bytes] = (b"",)) -> Iterable[StateDelta]:
        """What copies lack that lost their place; nothing for a stream never published.

        Args:
            place: Which stream.
            digests: Of the buckets of each copy; empty for one that wants everything.
        """
        owned = self._streams.get(place)
        return owned.repair(digests) if owned is not None and owned.is_open else ()

    def places(self) -> tuple[Place, ...]:
        """Every stream that this epoch has published."""
        return tuple(place for place, owned in self._streams.items() if owned.is_open)

    def heartbeat(self, place: Place) -> StateDelta:
        """A sign of life of one stream."""
        return self._streams[place].heartbeat()

    def checkpoint(self) -> tuple[StreamCheckpoint, ...]:
        """Every stream as it stands; saved when all that it stands for is acknowledged."""
        return tuple(
            StreamCheckpoint(
                device=owned.device,
                stream=owned.stream,
                epoch=owned.epoch,
                seq=owned.seq,
                is_synced=True,
                values=tuple(owned.values.items()),
                event_at_ns=owned.event_at_ns,
            )
            for owned in self._streams.values()
            if owned.is_open
        )

    def _owned(self, place: Place) -> OwnedStream:
        owned = self._streams.get(place)
        if owned is None:
            owned = OwnedStream(device=place[0], stream=place[1], epoch=self.epoch)
            self._streams[place] = owned
        return owned


def published(deltas: Iterable[StateDelta]) -> Published:
    """What a sequence of deltas leaves behind."""
    past = Published()
    for delta in deltas:
        past.take(delta)
    return past


def next_epoch(path: Path, seen: int) -> int:
    """The epoch of a new owner: above its predecessors', also where their deltas are gone.

    Args:
        path: File that keeps the epoch last taken; it is made if missing.
        seen: Highest epoch on the state topic.

    Raises:
        ConfigError: The file holds something else.
    """
    try:
        last = int(path.read_text()) if path.exists() else 0
    except ValueError as error:
        raise ConfigError("is no epoch, a whole number; remove the file", path=path) from error
    epoch = max(last, seen) + 1
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_suffix(".new")
    written.write_text(f"{epoch}\n")
    written.replace(path)
    return epoch
