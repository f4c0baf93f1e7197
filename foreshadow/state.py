"""What production is, as far as the deltas have told: every stream of every device, typed.

`NetworkState` is the one mutable copy a process keeps; it hands out values. Whoever needs to know
whether to believe it asks `stale_streams`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from operator import attrgetter
from typing import TypeVar

from foreshadow.bucket_map import BucketMap
from foreshadow.checkpoint import StreamCheckpoint, checkpoint_of, copy_from
from foreshadow.delta import Effect, Op, StateDelta
from foreshadow.demand import DemandKey
from foreshadow.observed import (
    UNDECODABLE,
    Adjacency,
    DemandRate,
    Interface,
    ReceivedPath,
    RunningConfig,
    Session,
    Stream,
    decode,
)
from foreshadow.routing import BestPath, FibEntry, Fibs, LocRibs
from foreshadow.stream_copy import StreamCopy
from foreshadow.topology import NodeId, Prefix

T = TypeVar("T")

Vector = dict[tuple[NodeId, Stream], tuple[int, int]]
"""How far a copy is: (epoch, seq) per (device, stream)."""


class NetworkState:
    """A copy of production's state, kept level by deltas.

    Deltas whose values do not decode are refused whole, as `Effect.DIVERGED`, so that one bad value
    makes its stream stale instead of half-applied.
    """

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._copies: dict[tuple[NodeId, Stream], StreamCopy] = {}
        self._typed: defaultdict[tuple[NodeId, Stream], dict[str, tuple[bytes, object]]]
        self._typed = defaultdict(dict)

    def apply(self, delta: StateDelta) -> Effect:
        """Apply one delta and say what it did."""
        place = (delta.device, delta.stream)
        copy = self._copies.get(place)
        if copy is None:
            copy = self._copies[place] = StreamCopy()
        try:
            fresh = _decoded(delta, copy.values) if delta.upserts else {}
        except UNDECODABLE:
            return copy.refuse(delta)
        effect = copy.apply(delta)
        if effect is Effect.APPLIED and (fresh or delta.deletes or delta.op is Op.SNAPSHOT_END):
            self._note(delta, copy.values, fresh)
        return effect

    def copy_of(self, device: NodeId, stream: Stream) -> StreamCopy:
        """Where the copy of one stream stands; to look at, not to change."""
        return self._copies.get((device, stream)) or StreamCopy()

    def checkpoint(self) -> tuple[StreamCheckpoint, ...]:
        """Every stream as it stands, also in the middle of a snapshot."""
        return tuple(checkpoint_of(*place, copy) for place, copy in self._copies.items())

    def resume(self, streams: Iterable[StreamCheckpoint]) -> None:
        """Stand where a checkpoint was taken."""
        self._copies = {(it.device, it.stream): copy_from(it) for it in streams}
        self._typed.clear()

    def vector(self) -> Vector:
        """The position of every stream."""
        return {place: copy.position for place, copy in self._copies.items()}

    def stale_streams(self) -> tuple[tuple[NodeId, Stream], ...]:
        """Streams that have a gap, or whose first snapshot is not complete."""
        return tuple(sorted(place for place, it in self._copies.items() if not it.is_synced))

    def devices(self) -> tuple[NodeId, ...]:
        """Every device that has sent its running configuration, sorted."""
        return tuple(sorted(device for device, stream in self._copies if stream is Stream.CONFIG))

    def interfaces(self, device: NodeId) -> tuple[Interface, ...]:
        """The device's interfaces, by name."""
        return tuple(self._values(device, Stream.INTERFACE, Interface))

    def adjacencies(self, device: NodeId) -> tuple[Adjacency, ...]:
        """The device's OSPF neighbors, by interface."""
        return tuple(self._values(device, Stream.ADJACENCY, Adjacency))

    def sessions(self, device: NodeId) -> tuple[Session, ...]:
        """The device's BGP sessions, by peer."""
        return tuple(self._values(device, Stream.SESSION, Session))

    def received(self, device: NodeId) -> tuple[ReceivedPath, ...]:
        """Paths the device received from eBGP peers, before policy."""
        return tuple(self._values(device, Stream.RECEIVED, ReceivedPath))

    def running_config(self, device: NodeId) -> RunningConfig | None:
        """The device's running configuration, if it has been read."""
        return next(self._values(device, Stream.CONFIG, RunningConfig), None)

    def loc_ribs(self) -> LocRibs:
        """Best BGP paths of every device, by prefix."""
        return {
            device: tuple(
                sorted(self._values(device, Stream.BEST_PATH, BestPath), key=attrgetter("prefix"))
            )
            for device in self.devices()
        }

    def fibs(self) -> Fibs:
        """Forwarding tables of every device, by prefix."""
        return {
            device: tuple(
                sorted(self._values(device, Stream.FIB, FibEntry), key=attrgetter("prefix"))
            )
            for device in self.devices()
        }

    def demand_rates(self, device: NodeId) -> Iterator[tuple[DemandKey, float]]:
        """What enters at this device now, bits per second per destination prefix."""
        copy = self._copies.get((device, Stream.DEMAND))
        for key in sorted(copy.values) if copy else ():
            rate = self._typed_value(device, Stream.DEMAND, key, DemandRate)
            yield _demand_key(device, key), rate.rate_bps

    def _values(self, device: NodeId, stream: Stream, wanted: type[T]) -> Iterator[T]:
        copy = self._copies.get((device, stream))
        for key in sorted(copy.values) if copy else ():
            yield self._typed_value(device, stream, key, wanted)

    def _typed_value(self, device: NodeId, stream: Stream, key: str, wanted: type[T]) -> T:
        raw = self._copies[device, stream].values[key]
        known = self._typed[device, stream].get(key)
        if known is None or known[0] is not raw:
            known = (raw, decode(stream, raw))
            self._typed[device, stream][key] = known
        value = known[1]
        if not isinstance(value, wanted):
            raise TypeError(f"{stream} of {device} holds {type(value).__name__}")
        return value

    def _note(
        self, delta: StateDelta, values: BucketMap, fresh: Mapping[str, tuple[bytes, object]]
    ) -> None:
        """Keep what was decoded, and nothing of keys that are gone: prefixes come and go."""
        typed = self._typed[delta.device, delta.stream]
        typed.update(fresh)
        is_swept = delta.op is Op.SNAPSHOT_END or delta.buckets
        for key in list(typed) if is_swept else delta.deletes:
            if key not in values:
                typed.pop(key, None)


def _decoded(delta: StateDelta, known: BucketMap) -> dict[str, tuple[bytes, object]]:
    """Each new value of a delta beside its bytes.

    Raises:
        UNDECODABLE: A value is none of its stream.
    """
    fresh: dict[str, tuple[bytes, object]] = {}
    for key, raw in delta.upserts:
        if known.get(key) != raw:
            fresh[key] = (raw, decode(delta.stream, raw))
            if delta.stream is Stream.DEMAND:
                _prefix(key)
    return fresh


@lru_cache(maxsize=65_536)
def _prefix(text: str) -> Prefix:
    return Prefix(text)


@lru_cache(maxsize=65_536)
def _demand_key(ingress: NodeId, prefix: str) -> DemandKey:
    """The same object every time: comparing the keys of two intervals costs next to nothing."""
    return DemandKey(ingress=ingress, prefix=_prefix(prefix))


def replay(deltas: Iterable[StateDelta]) -> NetworkState:
    """The state after a sequence of deltas, from nothing."""
    state = NetworkState()
    for delta in deltas:
        state.apply(delta)
    return state
