"""Where sources put what they heard, in memory.

Stands for `ingest.bus_outlet.BusOutlet` in tests of sources and decoders: it keeps in order what it
is given and acknowledges at once.
"""

import threading
from collections.abc import Iterable
from typing import Any

import msgspec

from foreshadow.incident import Incident
from foreshadow.observed import Stream, decode
from foreshadow.telemetry import Patch, TelemetrySample
from ingest.heard import Refused


class KeptOutlet:
    """An `ingest.source.Outlet` that keeps everything."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.samples: list[TelemetrySample] = []
        self.incidents: list[Incident] = []
        self.refused: list[Refused] = []
        self._lock = threading.Lock()

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Keep samples."""
        with self._lock:
            self.samples.extend(samples)

    def tell(self, incidents: Iterable[Incident]) -> None:
        """Keep incidents."""
        with self._lock:
            self.incidents.extend(incidents)

    def refuse(self, refused: Iterable[Refused]) -> None:
        """Keep refusals."""
        with self._lock:
            self.refused.extend(refused)

    def patches(self, device: str, stream: Stream) -> list[Patch]:
        """The patches of a stream, in their order."""
        with self._lock:
            return [
                msgspec.msgpack.decode(sample.body, type=Patch)
                for sample in self.samples
                if sample.encoding == "patch" and (sample.device, sample.stream) == (device, stream)
            ]

    def mirrored(self, device: str, stream: Stream) -> dict[str, Any] | None:
        """What a copy that follows the patches holds; None before its first snapshot is whole."""
        shown: dict[str, Any] | None = None
        held: dict[str, Any] = {}
        for patch in self.patches(device, stream):
            if patch.phase == "begin":
                held = {}
            held = {key: value for key, value in held.items() if key not in patch.deletes}
            held |= {key: decode(stream, raw) for key, raw in patch.upserts}
            if patch.phase == "end" or (shown is not None and patch.phase == "change"):
                shown = dict(held)
        return shown
