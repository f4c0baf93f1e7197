"""A process's state with the offsets it was made of, in one file: either both are saved or neither.

Delivery is at least once; the effect is exactly once, because a process that was killed goes on
from the state and from the offset of the same moment. What it did after that moment it does again,
to a state that has not seen it.

The file is written beside the old one, brought to the disk and then renamed over it, so there is a
whole one at every moment. It carries its own digest: what is damaged all the same is said, and the
state is built anew from the topics.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
import structlog

from foreshadow.bucket_map import BucketMap
from foreshadow.bus import Bus, Positions, Subscription
from foreshadow.errors import HistoryGone
from foreshadow.observed import Stream
from foreshadow.stream_copy import StreamCopy
from foreshadow.topics import Topic
from foreshadow.topology import NodeId

_MAGIC = b"foreshadow checkpoint\n"
_DIGEST_BYTES = 32

log = structlog.get_logger(__name__)

Entries = tuple[tuple[str, bytes], ...]


class StreamCheckpoint(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """The copy of one stream. Fields are only ever appended, with defaults (ADR 0002)."""

    device: NodeId
    stream: Stream
    epoch: int
    seq: int
    is_synced: bool
    values: Entries
    incoming: Entries | None = None
    """The snapshot that was being collected."""
    coalesced: int = 0
    event_at_ns: int = 0
    """The latest interval that was applied, where a process keeps it."""


class Checkpoint(msgspec.Struct, frozen=True, array_like=True, tag="checkpoint.v1", kw_only=True):
    """State and offsets of one moment. Fields are only ever appended, with defaults (ADR 0002).

    Attributes:
        offsets: (topic, partition, next offset to read).
        streams: What was followed.
        own: Whatever else the process must not forget, in its own encoding.
    """

    offsets: tuple[tuple[Topic, int, int], ...]
    streams: tuple[StreamCheckpoint, ...]
    own: bytes = b""

    def positions(self, *topics: Topic) -> Positions:
        """Where reading these topics goes on; of all of them where none is named."""
        return {
            (topic, partition): offset
            for topic, partition, offset in self.offsets
            if not topics or topic in topics
        }


_decoder = msgspec.msgpack.Decoder(Checkpoint)


def checkpoint(
    positions: Positions, streams: Iterable[StreamCheckpoint] = (), *, own: bytes = b""
) -> Checkpoint:
    """State and positions of this moment, ready to be saved."""
    offsets = tuple((topic, part, at) for (topic, part), at in sorted(positions.items()))
    return Checkpoint(offsets=offsets, streams=tuple(streams), own=own)


def save(path: Path, taken: Checkpoint) -> None:
    """Replace the file by this checkpoint; on return it is on the disk."""
    payload = msgspec.msgpack.encode(taken)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(_MAGIC + hashlib.sha256(payload).digest() + payload)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def load(path: Path) -> Checkpoint | None:
    """The saved checkpoint; none where there is none, or where it is damaged, which is said."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    head = len(_MAGIC) + _DIGEST_BYTES
    payload = raw[head:]
    if raw[:head] != _MAGIC + hashlib.sha256(payload).digest():
        log.warning("checkpoint_damaged", path=str(path), remedy="the state is read anew")
        return None
    try:
        return _decoder.decode(payload)
    except msgspec.DecodeError as error:
        log.warning("checkpoint_of_another_version", path=str(path), reason=str(error))
        return None


def reopen(bus: Bus, path: Path, *topics: Topic) -> tuple[Subscription, Checkpoint | None]:
    """A subscription that goes on where the saved state ends, and that state.

    Where nothing usable is saved, or what follows it has left the topics, there is no state and the
    subscription begins at the beginning.
    """
    saved = load(path)
    if saved is not None:
        try:
            return bus.subscribe(*topics, begin=saved.positions(*topics)), saved
        except HistoryGone as gone:
            log.warning("checkpoint_too_old", path=str(path), reason=str(gone))
    return bus.subscribe(*topics), None


def checkpoint_of(device: NodeId, stream: Stream, copy: StreamCopy) -> StreamCheckpoint:
    """A copy as it is saved."""
    return StreamCheckpoint(
        device=device,
        stream=stream,
        epoch=copy.epoch,
        seq=copy.seq,
        is_synced=copy.is_synced,
        values=tuple(copy.values.items()),
        incoming=None if copy.incoming is None else tuple(copy.incoming.items()),
        coalesced=copy.coalesced,
    )


def copy_from(saved: StreamCheckpoint) -> StreamCopy:
    """The copy that was saved."""
    copy = StreamCopy()
    copy.epoch, copy.seq = saved.epoch, saved.seq
    copy.values, copy.is_synced = BucketMap(saved.values), saved.is_synced
    copy.incoming = None if saved.incoming is None else BucketMap(saved.incoming)
    copy.coalesced = saved.coalesced
    return copy


def _sync_folder(folder: Path) -> None:
    """A rename is lasting only once the folder is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
