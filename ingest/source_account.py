"""What every source has said, for Prometheus and `foreshadow status`: all of them leave by here.

A source that fell silent looks like a network where nothing happens. So for each source and device
it is told when something was heard last.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from foreshadow.clock import Clock
from foreshadow.incident import Incident
from foreshadow.meter import (
    SOURCE_HEARD,
    SOURCE_INCIDENTS,
    SOURCE_REFUSED,
    SOURCE_SAMPLES,
    Meter,
)
from foreshadow.telemetry import TelemetrySample
from ingest.heard import Refused
from ingest.source import Outlet


class AccountedOutlet:
    """Counts what one source puts into another outlet, once that has taken it."""

    def __init__(self, outlet: Outlet, source: str, meter: Meter, clock: Clock) -> None:
        """Show the source before it has said anything.

        Args:
            outlet: Takes what is heard.
            source: Whose account this is.
            meter: Keeps it.
            clock: Says when.
        """
        self._outlet, self._meter, self._clock = outlet, meter, clock
        self._source: Final = source
        meter.count(SOURCE_INCIDENTS, 0, source=source)
        meter.count(SOURCE_REFUSED, 0, source=source)

    def publish(self, samples: Iterable[TelemetrySample]) -> None:
        """As the outlet does, counted by device."""
        heard = tuple(samples)
        self._outlet.publish(heard)
        for device, number in Counter(sample.device for sample in heard).items():
            self._meter.count(SOURCE_SAMPLES, number, source=self._source, device=device)
            self._stamp(device)

    def tell(self, incidents: Iterable[Incident]) -> None:
        """As the outlet does, counted."""
        heard = tuple(incidents)
        self._outlet.tell(heard)
        self._meter.count(SOURCE_INCIDENTS, len(heard), source=self._source)
        for device in {incident.device for incident in heard}:
            self._stamp(device)

    def refuse(self, refused: Iterable[Refused]) -> None:
        """As the outlet does, counted by how many each stands for."""
        heard = tuple(refused)
        self._outlet.refuse(heard)
        self._meter.count(SOURCE_REFUSED, sum(it.count for it in heard), source=self._source)

    def _stamp(self, device: str) -> None:
        now_s = self._clock.now().timestamp()
        self._meter.level(SOURCE_HEARD, now_s, source=self._source, device=device)
