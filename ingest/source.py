"""What reads production, and where it puts what it heard."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from foreshadow.clock import Clock
from foreshadow.incident import Incident
from foreshadow.inventory import DeviceEntry
from foreshadow.meter import SILENT, Meter
from foreshadow.settings import BusSettings
from foreshadow.telemetry import TelemetrySample
from ingest.heard import Refused


class Outlet(Protocol):
    """Where a source puts what it heard; safe to use from several threads.

    Each call returns when the broker has acknowledged.
    """

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """Samples, for whoever owns the state."""
        ...

    def tell(self, incidents: Iterable[Incident]) -> None:
        """What occurred."""
        ...

    def refuse(self, refused: Iterable[Refused]) -> None:
        """What could not be used, for the dead-letter topic."""
        ...


class Source(Protocol):
    """Something that reads production and says what it saw."""

    name: str

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish until `stop` is set; a device that does not answer is no error.

        Args:
            epoch: Of this start of the process; higher than that of every earlier one.
            outlet: Takes what is heard.
            stop: Ends it.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a source may use beside its own configuration.

    Attributes:
        devices: The inventory: names that the state knows routers by, and how they are reached.
        clock: Time.
        state_dir: A folder of the process, for what must survive a restart.
        bus: How our own broker is reached; other people's topics may be on it.
        poll_s: How often everything is read again where the source does not say.
        meter: Takes what the source counts.
    """

    devices: tuple[DeviceEntry, ...]
    clock: Clock
    state_dir: Path
    bus: BusSettings
    poll_s: float
    meter: Meter = SILENT
