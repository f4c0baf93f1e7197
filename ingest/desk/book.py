"""What the desk knows: the latest of every process, what was refused, what occurred, who is behind.

Bounded whatever is said; rebuilt from the topics at every start.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from foreshadow.control import ControlMessage, ResyncRequest
from foreshadow.fidelity_report import FidelityReport
from foreshadow.incident import Incident
from foreshadow.process_status import ProcessStatus
from foreshadow.sync_report import SyncReport
from ingest.rejects import RejectBook

_INCIDENTS = 200
_LAG = "foreshadow_bus_lag_records"
_READ = "foreshadow_bus_records_read_total"
_SILENT_AFTER = 3
"""Reports missed in a row until a process is taken to be gone."""
_STUCK_AFTER_S = 60.0
"""A process that has records to read, and read none for so long, is stuck."""


class Health(StrEnum):
    """How a process stands."""

    WELL = "well"
    STUCK = "stuck"
    """It reports, has records to read, and reads none."""
    SILENT = "silent"


@dataclass(slots=True)
class _Progress:
    """How far a process had read, and since when it has stood there."""

    status: ProcessStatus
    read: float
    since: datetime


@dataclass(slots=True)
class Book:
    """The desk's one mutable state."""

    rejects: RejectBook = field(default_factory=RejectBook)
    incidents: deque[Incident] = field(default_factory=lambda: deque(maxlen=_INCIDENTS))
    occurred: Counter[str] = field(default_factory=Counter)
    resyncs: Counter[str] = field(default_factory=Counter)
    """By device: how often a copy of its state lost its place."""
    sync: SyncReport | None = None
    fidelity: FidelityReport | None = None
    _processes: dict[str, _Progress] = field(default_factory=dict)

    def hear(self, message: ControlMessage) -> None:
        """Take note of a message of the control or status topic; what is not for us passes."""
        match message:
            case ProcessStatus():
                self._note(message)
            case ResyncRequest():
                self.resyncs[message.device] += 1
            case SyncReport():
                self.sync = message
            case FidelityReport():
                self.fidelity = message
            case _:
                pass

    def occur(self, incident: Incident) -> None:
        """Take note of an incident."""
        self.incidents.append(incident)
        self.occurred[incident.what] += incident.count

    def statuses(self) -> Mapping[str, ProcessStatus]:
        """The last report of every process."""
        return {name: progress.status for name, progress in self._processes.items()}

    def health(self, now: datetime) -> dict[str, Health]:
        """How every process stands that has ever reported."""
        return {name: _judged(progress, now) for name, progress in sorted(self._processes.items())}

    def _note(self, status: ProcessStatus) -> None:
        name = f"{status.process}@{status.host}"
        read, known = _total(status, _READ), self._processes.get(name)
        stands = known is not None and known.status.pid == status.pid and known.read == read
        since = known.since if known is not None and stands else status.at
        self._processes[name] = _Progress(status, read, since)


def _judged(progress: _Progress, now: datetime) -> Health:
    status = progress.status
    if (now - status.at).total_seconds() > _SILENT_AFTER * status.every_s:
        return Health.SILENT
    stands_s = (status.at - progress.since).total_seconds()
    if _total(status, _LAG) > 0 and stands_s > _STUCK_AFTER_S:
        return Health.STUCK
    return Health.WELL


def _total(status: ProcessStatus, metric: str) -> float:
    return sum(value for name, value in status.metrics if name.partition("{")[0] == metric)
