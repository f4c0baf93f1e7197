"""A copy of one stream of one device, kept level by its deltas (the rules of `foreshadow.delta`).

A copy that is not level stands still until it is healed. What it says of its buckets when it asks
is therefore still true when the answer arrives, and a heal is one step: the buckets that differ are
replaced, and the digest tells whether that was all.
"""

from foreshadow.bucket_map import BucketMap
from foreshadow.delta import Effect, Op, StateDelta


class StreamCopy:
    """The map as far as the deltas have told, and whether to believe it."""

    __slots__ = ("coalesced", "epoch", "incoming", "is_synced", "seq", "values")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.epoch, self.seq = 0, 0
        """Of the last change applied."""
        self.values = BucketMap()
        """What is known; only `apply` changes it."""
        self.is_synced = False
        """Whether this is its owner's map at this number."""
        self.incoming: BucketMap | None = None
        """The snapshot that is being collected, while what is known is stale."""
        self.coalesced = 0
        """Transitions that were passed over on the way here."""

    @property
    def position(self) -> tuple[int, int]:
        """(epoch, seq) of the last change applied."""
        return self.epoch, self.seq

    def is_news(self, delta: StateDelta) -> bool:
        """Whether this has not been said, by this owner or by one that replaced it (R1, R3)."""
        if delta.epoch != self.epoch:
            return delta.epoch > self.epoch
        return delta.seq > self.seq or (delta.op is Op.HEARTBEAT and delta.seq == self.seq)

    def apply(self, delta: StateDelta) -> Effect:
        """Apply one delta: idempotent, ordered by (epoch, seq), total."""
        if not self.is_news(delta):
            return Effect.ZOMBIE if delta.epoch < self.epoch else Effect.DUPLICATE
        if delta.epoch > self.epoch:
            self.epoch, self.seq = delta.epoch, 0
            self._lose_place()
        effect = self._step(delta)
        if effect is Effect.APPLIED:
            self.seq = delta.seq
            self.coalesced += delta.coalesced
        return effect

    def refuse(self, delta: StateDelta) -> Effect:
        """Take note of a delta that cannot be used: the copy is stale from here on."""
        if not self.is_news(delta):
            return Effect.ZOMBIE if delta.epoch < self.epoch else Effect.DUPLICATE
        if delta.epoch > self.epoch:
            self.epoch, self.seq = delta.epoch, 0
        self._lose_place()
        return Effect.DIVERGED

    def _step(self, delta: StateDelta) -> Effect:
        if delta.op is Op.HEARTBEAT:
            return self._compared(delta, self.values)
        if delta.buckets:
            return self._repaired(delta)
        is_next = delta.seq == self.seq + 1
        # A level copy lets a snapshot that others asked for pass: its values are known.
        if delta.op is Op.SNAPSHOT_BEGIN and not (is_next and self.is_synced):
            # A snapshot heals: whatever was missed before it is in it.
            self.is_synced, self.incoming = False, BucketMap()
        elif not is_next or (self.incoming is None and not self.is_synced):
            self._lose_place()
            return Effect.GAP
        target = self.values if self.incoming is None else self.incoming
        _merge(target, delta)
        if delta.op is Op.SNAPSHOT_END:
            return self._compared(delta, target)
        return Effect.APPLIED

    def _repaired(self, delta: StateDelta) -> Effect:
        """Replace what the buckets hold; in parts, of which the last one makes the copy level."""
        told = dict(delta.upserts)
        for key, _ in self.values.within(frozenset(delta.buckets)):
            if key not in told:
                self.values.drop(key)
        _merge(self.values, delta)
        return self._compared(delta, self.values)

    def _compared(self, delta: StateDelta, target: BucketMap) -> Effect:
        """Whether the map is its owner's (R5); the end of a snapshot may do without a digest."""
        if delta.root:
            is_level = delta.root == target.root()
        elif delta.digest:
            is_level = delta.digest == target.total()
        else:
            is_level = delta.op is Op.SNAPSHOT_END
        if not is_level:
            self._lose_place()
            return Effect.DIVERGED
        self.values, self.incoming, self.is_synced = target, None, True
        self.seq = delta.seq
        return Effect.APPLIED

    def _lose_place(self) -> None:
        self.is_synced, self.incoming = False, None


def _merge(target: BucketMap, delta: StateDelta) -> None:
    for key in delta.deletes:
        target.drop(key)
    for key, value in delta.upserts:
        target.put(key, value)
