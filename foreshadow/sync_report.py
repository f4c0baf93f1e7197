"""What keeping the copies level has cost: deltas sent, against the full state they stood for."""

from datetime import datetime

import msgspec

from foreshadow.observed import Stream


class StreamTally(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one kind of state, over all devices, since the owner started.

    Attributes:
        readings: Whole readings taken in.
        messages: Deltas published for them: changes, snapshots and heartbeats.
        bytes: Their size on the wire, before compression.
        full_state_bytes: What the same readings would have taken as whole maps, encoded alike.
    """

    stream: Stream
    readings: int
    messages: int
    bytes: int
    full_state_bytes: int


class SyncReport(msgspec.Struct, frozen=True, kw_only=True, tag="sync-report.v1", tag_field="kind"):
    """The account of one run of the owner of the state.

    A restarted owner has a higher `epoch` and counts from 0: totals are the sum over each epoch's
    last report.
    """

    epoch: int
    at: datetime
    messages: int
    bytes: int
    full_state_bytes: int
    rejects: int
    """Records put on the dead-letter topic."""
    streams: tuple[StreamTally, ...]
