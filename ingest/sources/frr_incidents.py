"""What occurred to an FRR router, told from the differences between its own readings.

A house that has no other source learns from these which links and sessions fail. Storms are told as
one incident and a count.
"""

from collections.abc import Iterator, Mapping

from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Stream, Value
from foreshadow.topology import NodeId
from frr.configuration import Daemon
from ingest.sources.gnmi_device import Change
from ingest.sources.gnmi_incidents import incident_of
from ingest.sources.syslog_coalescing import Coalescing

WATCHED = frozenset({Stream.INTERFACE, Stream.ADJACENCY, Stream.SESSION})
"""Streams in which something can fail."""
WITHIN_S = 10.0
"""What follows on the first of a kind so soon is counted."""
_MOST_OPEN = 1_000


class FrrIncidents:
    """Compares one router's readings, each with the one before."""

    def __init__(self, device: NodeId, source: str) -> None:
        """Begin knowing nothing: the first reading of a stream tells of no incident."""
        self._device, self._source = device, source
        self._before: dict[Stream, Mapping[str, Value]] = {}
        self._coalescing = Coalescing(WITHIN_S, most_open=_MOST_OPEN)

    def compare(
        self, stream: Stream, values: Mapping[str, Value], at_ns: int
    ) -> Iterator[Incident]:
        """What is to be told of a reading of one of the watched streams."""
        before, self._before[stream] = self._before.get(stream), values
        if before is None:
            return
        for key in sorted(before.keys() | values.keys()):
            change = Change(stream, key, before.get(key), values.get(key))
            if change.before != change.after:
                for incident in incident_of(
                    change, device=self._device, source=self._source, at_ns=0, heard_at_ns=at_ns
                ):
                    yield from self._coalescing.take(incident, "reading")

    def restarted(self, daemon: Daemon, at_ns: int) -> Iterator[Incident]:
        """What is to be told of a daemon that began anew."""
        incident = Incident(
            device=self._device,
            what=IncidentKind.RESTARTED,
            subject=str(daemon),
            at_ns=at_ns,
            heard_at_ns=at_ns,
            source=self._source,
            text=f"{daemon} was started again",
        )
        yield from self._coalescing.take(incident, "start")

    def due(self, now_ns: int) -> Iterator[Incident]:
        """Counts of storms that have lasted long enough."""
        yield from self._coalescing.due(now_ns)

    def end(self) -> Iterator[Incident]:
        """Counts of storms that go on."""
        yield from self._coalescing.end()
