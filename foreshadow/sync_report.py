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
        changes: Patches taken in; full state has nothing to compare them with.
        repairs: Messages that healed some buckets of a copy.
        coalesced: Transitions that were passed over, as the deltas have told.
    """

    stream: Stream
    readings: int
    messages: int
    bytes: int
    full_state_bytes: int
    changes: int = 0
    repairs: int = 0
    coalesced: int = 0


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
    shadowed: int = 0
    """Samples of a source that another one spoke for."""
    takeovers: int = 0
    """Streams that went from one source to another."""
    unsynced: int = 0
    """Streams of which a source of changes has not told everything yet: nobody is told of them."""
