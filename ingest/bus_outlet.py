"""The outlet of sources onto the bus."""

import threading
from collections.abc import Iterable

import msgspec

from foreshadow.bus import Publisher
from foreshadow.codec import to_json
from foreshadow.incident import Incident
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES, Rejected, TelemetrySample
from foreshadow.topics import Topic
from ingest.heard import Refused


class BusOutlet:
    """Puts records on the bus one by one, so that a slow reading holds up nobody else's."""

    def __init__(self, publisher: Publisher) -> None:
        """The publisher is this outlet's alone."""
        self._publisher = publisher
        self._lock = threading.Lock()

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Samples by device, acknowledged on return."""
        for sample in samples:
            self._put(Topic.TELEMETRY, sample.device, msgspec.msgpack.encode(sample))
        self._publisher.flush()

    def tell(self, incidents: Iterable[Incident]) -> None:
        """Incidents by device, acknowledged on return."""
        for incident in incidents:
            self._put(Topic.INCIDENT, incident.device, to_json(incident))
        self._publisher.flush()

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Dead letters, acknowledged on return."""
        for each in refused:
            sample = each.sample[:DEAD_LETTER_SAMPLE_BYTES]
            rejected = Rejected(
                origin=each.origin, reason=each.reason, sample=sample, count=each.count
            )
            self._put(Topic.REJECT, each.origin, to_json(rejected))
        self._publisher.flush()

    def _put(self, topic: Topic, key: str, value: bytes) -> None:
        with self._lock:
            self._publisher.publish(topic, key, value)
