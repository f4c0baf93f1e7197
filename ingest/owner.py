"""Who owns the state: the one place that numbers deltas, and how a successor takes over.

The owner keeps nothing on disk but its epoch. What it had published is on the state topic, so a
successor reads that first: it learns which demand intervals are out (they must not be lost or sent
twice) and publishes everything anew under a higher epoch, which heals every copy.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from foreshadow.delta import Effect, StateDelta, StreamState, apply
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.differential import OwnedStream, Reading, advance, heartbeat, snapshot

Place = tuple[NodeId, Stream]


@dataclass(slots=True)
class Published:
    """What a predecessor has published, read back from the state topic."""

    epoch: int = 0
    """The highest that was ever seen."""
    _copies: dict[Place, StreamState] = field(default_factory=dict)
    _intervals: dict[Place, int] = field(default_factory=dict)

    def take(self, delta: StateDelta) -> None:
        """Follow one delta, as any copy does."""
        place = (delta.device, delta.stream)
        self._copies[place], effect = apply(self._copies.get(place, StreamState()), delta)
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
                values=copy.values,
                event_at_ns=self._intervals.get((device, stream), 0),
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

    def take(self, reading: Reading) -> tuple[StateDelta, ...]:
        """What to publish for a reading."""
        place = (reading.device, reading.stream)
        owned = self.stream(place)
        self._streams[place], deltas = advance(owned, reading)
        return deltas

    def stream(self, place: Place) -> OwnedStream:
        """A stream as it was last published."""
        known = self._streams.get(place)
        return known or OwnedStream(device=place[0], stream=place[1], epoch=self.epoch)

    def inherit(self) -> tuple[StateDelta, ...]:
        """Snapshots of what a predecessor published and no reading has replaced yet."""
        waiting = [place for place, owned in self._streams.items() if owned.seq == 0]
        return tuple(delta for place in waiting for delta in self._snapshot(place))

    def resync(self, place: Place) -> tuple[StateDelta, ...]:
        """A snapshot for copies that lost their place; nothing for a stream never published."""
        return self._snapshot(place) if self.stream(place).seq else ()

    def heartbeats(self, since_ns: int) -> tuple[StateDelta, ...]:
        """A sign of life for every stream that was read since then.

        A device that has fallen silent is not vouched for, so its copies become stale. Demand is
        not read but measured, and stands still when its replay does.
        """
        return tuple(
            heartbeat(owned)
            for owned in self._streams.values()
            if owned.seq and (owned.observed_at_ns >= since_ns or owned.stream is Stream.DEMAND)
        )

    def _snapshot(self, place: Place) -> tuple[StateDelta, ...]:
        self._streams[place], deltas = snapshot(self._streams[place])
        return deltas


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
