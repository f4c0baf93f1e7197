"""What was read, what was sent for it, and what full state would have cost."""

from dataclasses import dataclass, field
from datetime import datetime

from foreshadow.observed import Stream
from foreshadow.sync_report import StreamTally, SyncReport


@dataclass(slots=True)
class _Tally:
    readings: int = 0
    messages: int = 0
    bytes: int = 0
    full_state_bytes: int = 0


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

    def sent(self, stream: Stream, size: int) -> None:
        """One delta went out."""
        tally = self._tallies[stream]
        tally.messages += 1
        tally.bytes += size

    def report(self, epoch: int, at: datetime) -> SyncReport:
        """The account so far."""
        streams = tuple(
            StreamTally(
                stream=stream,
                readings=tally.readings,
                messages=tally.messages,
                bytes=tally.bytes,
                full_state_bytes=tally.full_state_bytes,
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
        )
