"""Epochs, and what a successor takes over."""

from pathlib import Path

import pytest

from foreshadow.delta import Op
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest.differential import Reading
from ingest.owner import StateOwner, next_epoch, published

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


def test_whole_streams_are_inherited_and_published_anew() -> None:
    """What no reading replaces is carried on under the new epoch; nothing is sent before."""
    owner = StateOwner(1)
    past = published(owner.take(_reading(a=b"1")))
    successor = StateOwner(2, past.inherited(2))
    begin, end = successor.inherit()

    assert (begin.epoch, begin.op, begin.upserts) == (2, Op.SNAPSHOT_BEGIN, (("a", b"1"),))
    assert end.op is Op.SNAPSHOT_END
    assert successor.inherit() == ()


def test_torn_snapshot_is_not_inherited() -> None:
    """A predecessor that died in the middle of one leaves nothing that can be trusted."""
    owner = StateOwner(1)
    begin, _ = owner.take(_reading(a=b"1"))
    past = published([begin])

    assert past.epoch == 1
    assert past.inherited(2) == {}


def test_silent_devices_are_not_vouched_for() -> None:
    """No heartbeat for a stream that was not read for too long: its copies become stale (R6)."""
    owner = StateOwner(1)
    owner.take(_reading(a=b"1"))

    assert [delta.op for delta in owner.heartbeats(since_ns=1)] == [Op.HEARTBEAT]
    assert owner.heartbeats(since_ns=2) == ()
    owner.take(Reading(device=PLACE[0], stream=PLACE[1], values={"a": b"1"}, observed_at_ns=5))
    assert [delta.seq for delta in owner.heartbeats(since_ns=2)] == [2]
