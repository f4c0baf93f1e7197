"""The owner's side of differential state: what of a reading travels, and under which number.

A reading is whole, a delta is not: of a reading only the differences from what is known travel,
numbered without holes. Values that did not change never travel again, with one exception on
purpose: a demand reading always gives a delta, even an empty one, because its event time says that
the interval is over. The rules a copy follows are in `foreshadow.delta`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from foreshadow.bucket_map import BUCKETS, DIGEST_BYTES, BucketMap, bucket_of
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Stream
from foreshadow.topology import NodeId

Entries = tuple[tuple[str, bytes], ...]

SNAPSHOT_PART = 1000
"""Values in one message of a snapshot: far below a broker's message limit of 1 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The whole state of one stream of one device at one time, in our words."""

    device: NodeId
    stream: Stream
    values: Mapping[str, bytes]
    observed_at_ns: int
    event_at_ns: int = 0
    """Start of the interval, for demand; otherwise 0."""
    coalesced: int = 0
    """Transitions on the way to these values that nobody was told of."""


@dataclass(slots=True, kw_only=True)
class OwnedStream:
    """A stream as its owner last published it; what it changes, it says in deltas.

    Attributes:
        seq: Of the last change; 0 before the epoch's first.
        is_open: Whether this epoch has been told what the map is.
        is_inherited: Whether copies hold the map already, from a predecessor.
        coalesced: Transitions that were passed over since the last delta; the next one tells.
    """

    device: NodeId
    stream: Stream
    epoch: int
    seq: int = 0
    values: BucketMap = field(default_factory=BucketMap)
    observed_at_ns: int = 0
    event_at_ns: int = 0
    is_open: bool = False
    is_inherited: bool = False
    coalesced: int = 0

    def read(self, reading: Reading) -> Iterable[StateDelta]:
        """What to publish for a reading: the whole map where nobody has it, else differences."""
        is_demand = self.stream is Stream.DEMAND
        if is_demand and reading.event_at_ns <= self.event_at_ns:
            return ()
        self.coalesced += reading.coalesced
        known, seen = self.values, reading.values
        upserts = tuple(item for item in seen.items() if known.get(item[0]) != item[1])
        deletes = tuple(sorted(known.keys() - seen.keys()))
        return self._told(upserts, deletes, reading.observed_at_ns, reading.event_at_ns)

    def change(
        self,
        upserts: Iterable[tuple[str, bytes]],
        deletes: Collection[str],
        *,
        observed_at_ns: int,
        coalesced: int = 0,
    ) -> Iterable[StateDelta]:
        """What to publish for differences that the source itself has told."""
        self.coalesced += coalesced
        known, told = self.values, dict(upserts)
        news = tuple(item for item in told.items() if known.get(item[0]) != item[1])
        gone = tuple(sorted(key for key in set(deletes) if key in known and key not in told))
        return self._told(news, gone, observed_at_ns, 0)

    def open(self) -> Iterable[StateDelta]:
        """What an epoch says first of a map that it has: nothing but its digest, if copies do."""
        if self.is_open:
            return ()
        if not self.is_inherited:
            return self.snapshot()
        self.is_open = True
        return (self.heartbeat(),)

    def snapshot(self) -> tuple[StateDelta, ...]:
        """The whole map, numbered on from where the stream is.

        Only its end carries the event time: before it, a copy still shows the values of an earlier
        one.
        """
        self.is_open = True
        parts = _parts(tuple(self.values.items())) or [()]
        deltas = [
            self._next(Op.CHANGE if at else Op.SNAPSHOT_BEGIN, upserts=part)
            for at, part in enumerate(parts)
        ]
        end = self._next(Op.SNAPSHOT_END, has_digest=True, event_at_ns=self.event_at_ns)
        return (*deltas, end)

    def repair(self, digests: Iterable[bytes]) -> tuple[StateDelta, ...]:
        """What copies with these buckets lack: the buckets that differ, or everything.

        Demand always goes whole, because an interval is one message. So does what differs in most
        buckets, and what was asked with something that are no digests.
        """
        bad: set[int] = set()
        for told in digests:
            if self.stream is Stream.DEMAND or len(told) != BUCKETS * DIGEST_BYTES:
                return self.snapshot()
            bad.update(self.values.unlike(told))
        if len(bad) > BUCKETS // 2:
            return self.snapshot()
        if not bad:
            return (self.heartbeat(),)
        return tuple(
            self._next(Op.CHANGE, upserts=part, buckets=bytes(buckets), has_digest=True)
            for buckets, part in _by_bucket(self.values.within(bad), bad)
        )

    def heartbeat(self) -> StateDelta:
        """A sign of life that lets every copy compare itself; it begins no interval."""
        return self._delta(Op.HEARTBEAT, has_digest=True)

    def full_size(self) -> int:
        """Bytes that the whole map takes as one message: what a reading costs otherwise."""
        return len(_encoder.encode(self._delta(Op.CHANGE))) + self.values.size_bytes

    def _told(
        self, upserts: Entries, deletes: tuple[str, ...], observed_at_ns: int, event_at_ns: int
    ) -> Iterable[StateDelta]:
        is_whole = not self.is_open and not self.is_inherited
        opening = () if is_whole else tuple(self.open())
        self.observed_at_ns, self.event_at_ns = observed_at_ns, event_at_ns
        for key in deletes:
            self.values.drop(key)
        for key, value in upserts:
            self.values.put(key, value)
        if is_whole:
            return self.snapshot()
        if not (upserts or deletes or self.stream is Stream.DEMAND):
            return opening
        change = self._next(Op.CHANGE, upserts=upserts, deletes=deletes, event_at_ns=event_at_ns)
        return (*opening, change)

    def _next(self, op: Op, *, has_digest: bool = False, **fields: object) -> StateDelta:
        self.seq += 1
        coalesced, self.coalesced = self.coalesced, 0
        return self._delta(op, has_digest=has_digest, coalesced=coalesced, **fields)

    def _delta(self, op: Op, *, has_digest: bool = False, **fields: object) -> StateDelta:
        """One step at the stream's present number."""
        return StateDelta(
            device=self.device,
            stream=self.stream,
            epoch=self.epoch,
            seq=self.seq,
            op=op,
            digest=self.values.total() if has_digest else b"",
            root=self.values.root() if has_digest else b"",
            observed_at_ns=self.observed_at_ns,
            **fields,  # type: ignore[arg-type]
        )


_encoder = msgspec.msgpack.Encoder()


def _parts(entries: Entries) -> list[Entries]:
    return [entries[at : at + SNAPSHOT_PART] for at in range(0, len(entries), SNAPSHOT_PART)]


def _by_bucket(entries: Entries, buckets: Iterable[int]) -> Iterable[tuple[list[int], Entries]]:
    """Whole buckets put together to messages of about the size of a snapshot's."""
    within: dict[int, list[tuple[str, bytes]]] = {bucket: [] for bucket in sorted(buckets)}
    for entry in entries:
        within[bucket_of(entry[0])].append(entry)
    numbers: list[int] = []
    part: list[tuple[str, bytes]] = []
    for bucket, held in within.items():
        if part and len(part) + len(held) > SNAPSHOT_PART:
            yield numbers, tuple(part)
            numbers, part = [], []
        numbers.append(bucket)
        part += held
    yield numbers, tuple(part)
