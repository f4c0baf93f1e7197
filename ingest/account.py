"""What was read, what was sent for it, and what full state would have cost."""

from dataclasses import dataclass, field
from datetime import datetime

from foreshadow.delta import StateDelta
from foreshadow.observed import Stream
from foreshadow.sync_report import StreamTally, SyncReport


@dataclass(slots=True)
class _Tally:
    readings: int = 0
    messages: int = 0
    bytes: int = 0
    full_state_bytes: int = 0
    changes: int = 0
    repairs: int = 0
    coalesced: int = 0


@dataclass(slots=True)
class Account:
    """Counts since the owner started."""

    rejects: int = 0
    _tallies: dict[Stream, _Tally] = field(
        default_factory=lambda: {stream: _Tally() for stream in Stream}
    )

    def read(self, stream: Stream, full_state_bytes: int) -> None:
        """One reading came in, which would have taken so much as full state."""
        tally = self._tallies[stream]
        tally.readings += 1
        tally.full_state_bytes += full_state_bytes

    def changed(self, stream: Stream) -> None:
        """One patch came in, which full state knows nothing like."""
        self._tallies[stream].changes += 1

    def sent(self, delta: StateDelta, size: int) -> None:
        """One delta went out."""
        tally = self._tallies[delta.stream]
        tally.messages += 1
        tally.bytes += size
        tally.repairs += bool(delta.buckets)
        tally.coalesced += delta.coalesced

    def report(
        self, epoch: int, at: datetime, *, shadowed: int = 0, takeovers: int = 0, unsynced: int = 0
    ) -> SyncReport:
        """The account so far.

        Args:
            epoch: Of the owner.
            at: When.
            shadowed: Samples of sources that another spoke for.
            takeovers: Streams that went from one source to another.
            unsynced: Streams of sources of changes that have not told everything.
        """
        streams = tuple(
            StreamTally(
                stream=stream,
                readings=tally.readings,
                messages=tally.messages,
                bytes=tally.bytes,
                full_state_bytes=tally.full_state_bytes,
                changes=tally.changes,
                repairs=tally.repairs,
                coalesced=tally.coalesced,
            )
            for stream, tally in self._tallies.items()
        )
        return SyncReport(
            epoch=epoch,
            at=at,
            messages=sum(tally.messages for tally in streams),
            bytes=sum(tally.bytes for tally in streams),
            full_state_bytes=sum(tally.full_state_bytes for tally in streams),
            rejects=self.rejects,
            streams=streams,
            shadowed=shadowed,
            takeovers=takeovers,
            unsynced=unsynced,
        )
