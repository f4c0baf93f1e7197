"""The rules a copy follows, one by one; the laws are with `ingest.differential`."""

from typing import Any

import pytest

from foreshadow.bucket_map import BucketMap, bucket_of
from foreshadow.delta import Effect, Op, StateDelta, digest
from foreshadow.observed import Stream
from foreshadow.stream_copy import StreamCopy
from foreshadow.topology import NodeId


def delta(epoch: int, seq: int, op: Op, **fields: Any) -> StateDelta:
    """One step of a stream of R1."""
    return StateDelta(device=NodeId("R1"), stream=Stream.FIB, epoch=epoch, seq=seq, op=op, **fields)


def level(values: dict[str, bytes], *, epoch: int = 1, seq: int = 5) -> StreamCopy:
    """A copy that is level with its owner."""
    copy = StreamCopy()
    beat = delta(epoch, seq, Op.HEARTBEAT, root=BucketMap(values).root())
    copy.values = BucketMap(values)
    assert copy.apply(beat) is Effect.APPLIED
    return copy


def standing(copy: StreamCopy) -> tuple[dict[str, bytes], tuple[int, int], bool]:
    """What a copy holds, where it is, and whether it believes it."""
    return dict(copy.values), copy.position, copy.is_synced


def test_change_applies_upserts_and_deletes_together() -> None:
    """One reading's differences never show by halves."""
    copy = level({"a": b"1", "b": b"1"})
    change = delta(1, 6, Op.CHANGE, upserts=(("a", b"2"), ("c", b"1")), deletes=("b",), coalesced=3)

    assert copy.apply(change) is Effect.APPLIED
    assert standing(copy) == ({"a": b"2", "c": b"1"}, (1, 6), True)
    assert copy.coalesced == 3


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (delta(1, 5, Op.CHANGE, upserts=(("a", b"2"),), coalesced=1), Effect.DUPLICATE),
        (delta(1, 4, Op.HEARTBEAT, digest=b"x"), Effect.DUPLICATE),
        (delta(0, 9, Op.CHANGE, upserts=(("a", b"2"),)), Effect.ZOMBIE),
        (delta(0, 9, Op.HEARTBEAT, digest=b"x"), Effect.ZOMBIE),
    ],
)
def test_duplicates_and_zombies_change_nothing(step: StateDelta, expected: Effect) -> None:
    """What was seen, and what a dead owner still says, is ignored (R1, R3)."""
    copy = level({"a": b"1"})

    assert copy.apply(step) is expected
    assert copy.refuse(step) is expected
    assert standing(copy) == ({"a": b"1"}, (1, 5), True)
    assert copy.coalesced == 0


def test_gap_keeps_serving_old_values_as_stale() -> None:
    """A hole in the numbers makes the copy stale, and it stands still until it is healed (R2)."""
    copy = level({"a": b"1"})

    assert copy.apply(delta(1, 7, Op.CHANGE, deletes=("a",))) is Effect.GAP
    assert copy.apply(delta(1, 6, Op.CHANGE, upserts=(("b", b"1"),))) is Effect.GAP
    assert standing(copy) == ({"a": b"1"}, (1, 5), False)


def test_new_epoch_is_collected_aside_and_swapped_in_whole() -> None:
    """Until its end a snapshot is not seen; then what it does not name is gone (R4)."""
    copy = level({"a": b"1", "gone": b"1"})
    copy.apply(delta(2, 1, Op.SNAPSHOT_BEGIN))
    copy.apply(delta(2, 2, Op.CHANGE, upserts=(("a", b"2"),)))
    during = standing(copy)
    copy.apply(delta(2, 3, Op.SNAPSHOT_END, digest=digest({"a": b"2"})))

    assert during == ({"a": b"1", "gone": b"1"}, (2, 2), False)
    assert standing(copy) == ({"a": b"2"}, (2, 3), True)


def test_level_copy_lets_the_snapshot_of_others_pass() -> None:
    """It is not stale for a moment, and its values stay the very same."""
    copy = level({"a": b"1"})
    value = copy.values["a"]
    for step in (
        delta(1, 6, Op.SNAPSHOT_BEGIN, upserts=(("a", bytes([49])),)),
        delta(1, 7, Op.SNAPSHOT_END, root=BucketMap({"a": b"1"}).root()),
    ):
        assert copy.apply(step) is Effect.APPLIED
        assert copy.is_synced

    assert copy.position == (1, 7)
    assert copy.values["a"] is value


@pytest.mark.parametrize("field", ["digest", "root"])
@pytest.mark.parametrize("op", [Op.SNAPSHOT_END, Op.HEARTBEAT])
def test_wrong_digest_makes_the_copy_stale(op: Op, field: str) -> None:
    """A copy that differs from its owner says so, by the old digest and by the new (R5)."""
    copy = level({"a": b"1"})
    other = BucketMap({"a": b"2"})
    told = {"digest": other.total(), "root": other.root()}[field]

    assert copy.apply(delta(1, 6, op, **{field: told})) is Effect.DIVERGED
    assert standing(copy) == ({"a": b"1"}, (1, 5), False)


def test_heartbeat_that_says_nothing_proves_nothing() -> None:
    """Without a digest there is nothing to be level with."""
    assert level({"a": b"1"}).apply(delta(1, 5, Op.HEARTBEAT)) is Effect.DIVERGED


def test_who_has_the_owners_digest_is_level_however_it_came_to_it() -> None:
    """What was missed changed nothing in the end; and an epoch may open with a heartbeat alone."""
    copy = level({"a": b"1"})
    copy.apply(delta(1, 7, Op.CHANGE))
    root = BucketMap({"a": b"1"}).root()

    assert copy.apply(delta(1, 8, Op.HEARTBEAT, root=root)) is Effect.APPLIED
    assert standing(copy) == ({"a": b"1"}, (1, 8), True)
    assert copy.apply(delta(2, 0, Op.HEARTBEAT, root=root)) is Effect.APPLIED
    assert standing(copy) == ({"a": b"1"}, (2, 0), True)


def test_repair_replaces_what_its_buckets_hold() -> None:
    """Of a stale copy only those that differ are sent, and what is not in them goes."""
    owner = BucketMap({"a": b"1", "b": b"2", "c": b"3"})
    copy = level({"a": b"1", "b": b"wrong", "c": b"3", "alien": b"x"})
    copy.apply(delta(1, 9, Op.CHANGE))
    bad = owner.unlike(copy.values.digests())
    repair = delta(
        1, 10, Op.CHANGE, upserts=owner.within(bad), buckets=bytes(bad), root=owner.root()
    )

    assert set(bad) == {bucket_of("b"), bucket_of("alien")}
    assert copy.apply(repair) is Effect.APPLIED
    assert standing(copy) == (dict(owner), (1, 10), True)


def test_repair_in_parts_heals_with_its_last() -> None:
    """Before, the copy stays stale where it was."""
    owner = BucketMap({"a": b"1", "b": b"2"})
    copy = StreamCopy()
    copy.apply(delta(1, 3, Op.CHANGE))
    steps = [
        delta(1, seq, Op.CHANGE, upserts=owner.within([at]), buckets=bytes([at]), root=owner.root())
        for seq, at in ((4, bucket_of("a")), (5, bucket_of("b")))
    ]

    assert copy.apply(steps[0]) is Effect.DIVERGED
    assert (copy.position, copy.is_synced) == ((1, 0), False)
    assert copy.apply(steps[1]) is Effect.APPLIED
    assert standing(copy) == ({"a": b"1", "b": b"2"}, (1, 5), True)


def test_repair_of_others_changes_nothing_for_who_is_level() -> None:
    """It is one more number."""
    copy = level({"a": b"1", "b": b"2"})
    at, root = bucket_of("a"), copy.values.root()
    repair = delta(1, 6, Op.CHANGE, upserts=(("a", b"1"),), buckets=bytes([at]), root=root)

    assert copy.apply(repair) is Effect.APPLIED
    assert standing(copy) == ({"a": b"1", "b": b"2"}, (1, 6), True)


def test_what_cannot_be_used_makes_the_copy_stale() -> None:
    """Also the snapshot that was being collected is worth nothing any more."""
    copy = level({"a": b"1"})
    copy.apply(delta(2, 1, Op.SNAPSHOT_BEGIN))

    assert copy.refuse(delta(2, 2, Op.CHANGE)) is Effect.DIVERGED
    assert copy.apply(delta(2, 3, Op.SNAPSHOT_END)) is Effect.GAP
    assert copy.refuse(delta(3, 1, Op.CHANGE)) is Effect.DIVERGED
    assert standing(copy) == ({"a": b"1"}, (3, 0), False)
