"""Epochs, and what a successor takes over."""

from pathlib import Path

import pytest

from foreshadow.bucket_map import BucketMap
from foreshadow.delta import Op
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.differential import Reading
from ingest.owner import Published, StateOwner, next_epoch, published

PLACE = (NodeId("R1"), Stream.FIB)


def _reading(**values: bytes) -> Reading:
    return Reading(device=PLACE[0], stream=PLACE[1], values=values, observed_at_ns=1)


def test_epochs_grow_whatever_is_left(tmp_path: Path) -> None:
    """The file counts where the topic forgot, the topic where the file is gone."""
    path = tmp_path / "state" / "epoch"

    assert next_epoch(path, 0) == 1
    assert next_epoch(path, 0) == 2
    assert next_epoch(path, 9) == 10
    assert next_epoch(path, 3) == 11


def test_damaged_epoch_is_the_operators_to_mend(tmp_path: Path) -> None:
    """Nobody guesses a number that fences."""
    path = tmp_path / "epoch"
    path.write_text("seven")

    with pytest.raises(ConfigError, match=r"epoch: is no epoch.*remove the file"):
        next_epoch(path, 0)


def test_whole_streams_are_inherited_and_opened_anew() -> None:
    """What copies hold is carried on under the new epoch: a heartbeat says so, once."""
    owner = StateOwner(1)
    past = published(owner.take(_reading(a=b"1")))
    successor = StateOwner(2, past.inherited(2))
    (beat,) = successor.inherit()

    assert (beat.epoch, beat.seq, beat.op) == (2, 0, Op.HEARTBEAT)
    assert beat.root == BucketMap({"a": b"1"}).root()
    assert list(successor.inherit()) == []


def test_successor_of_a_checkpoint_needs_only_what_came_after() -> None:
    """The map at the checkpoint and the deltas since are the map."""
    owner = StateOwner(1)
    list(owner.take(_reading(a=b"1", b=b"1")))
    saved = owner.checkpoint()
    past = Published()
    past.resume(saved)
    for delta in owner.take(_reading(a=b"2")):
        past.take(delta)

    assert past.epoch == 1
    assert dict(past.inherited(2)[PLACE].values) == {"a": b"2"}


def test_demand_intervals_are_inherited_with_the_checkpoint() -> None:
    """An interval that was out before it is not sent again."""
    demand = Reading(
        device=PLACE[0],
        stream=Stream.DEMAND,
        values={"p": b"1"},
        observed_at_ns=1,
        event_at_ns=300,
    )
    owner = StateOwner(1)
    list(owner.take(demand))
    past = Published()
    past.resume(owner.checkpoint())
    successor = StateOwner(2, past.inherited(2))

    assert list(successor.take(demand)) == []


def test_copies_are_answered_about_what_was_published() -> None:
    """A stream that nothing is known of has nothing to say."""
    owner = StateOwner(1)
    list(owner.take(_reading(a=b"1")))

    assert [delta.op for delta in owner.resync(PLACE)] == [Op.SNAPSHOT_BEGIN, Op.SNAPSHOT_END]
    assert list(owner.resync((PLACE[0], Stream.DEMAND))) == []
    assert owner.places() == (PLACE,)
    assert owner.heartbeat(PLACE).op is Op.HEARTBEAT


def test_torn_snapshot_is_not_inherited() -> None:
    """A predecessor that died in the middle of one leaves nothing that can be trusted."""
    owner = StateOwner(1)
    begin, _ = owner.take(_reading(a=b"1"))
    past = published([begin])

    assert past.epoch == 1
    assert past.inherited(2) == {}
