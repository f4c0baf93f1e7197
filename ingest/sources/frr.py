"""The read-only agent for FRR routers on this host: says what they say, as soon as it changes.

One thread a router, so that one that hangs holds up nobody. It has no way to send a router anything
but `show`: the client it uses refuses everything else.
"""

import threading
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from foreshadow.clock import Clock
from foreshadow.inventory import DeviceEntry
from ingest.source import Ground, Outlet
from ingest.sources.frr_watch import FrrWatch, Pace

COUNTERS_S = 10.0
"""Between two readings of the counters, unless a setting says otherwise."""
_LEAST_LOOK_S = 0.2
_LOOKS_PER_S = 200
"""At all routers together: each costs a third of a millisecond, and as much in bgpd."""


class FrrAgentConfig(BaseModel):
    """The agent in a file of sources: it watches every FRR router of the inventory."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["frr-agent"]
    poll_s: float | None = Field(default=None, gt=0, description="none: the process's own")
    counters_s: float = Field(default=COUNTERS_S, gt=0, description="counters are read so often")

    def open(self, ground: Ground) -> "FrrAgent":
        """The agent, not running yet."""
        return FrrAgent(
            ground.devices,
            ground.clock,
            poll_s=self.poll_s or ground.poll_s,
            counters_s=self.counters_s,
        )


class FrrAgent:
    """Watches every router of an inventory."""

    name = "frr-agent"

    def __init__(
        self,
        devices: Sequence[DeviceEntry],
        clock: Clock,
        *,
        poll_s: float,
        counters_s: float = COUNTERS_S,
    ) -> None:
        """Open nothing yet.

        Args:
            devices: Routers of this host, each with its namespace and pathspace.
            clock: Stamps the readings.
            poll_s: Everything is read at least this often.
            counters_s: What the kernel has counted is read this often.
        """
        self._devices, self._clock = devices, clock
        look_s = max(_LEAST_LOOK_S, len(devices) / _LOOKS_PER_S)
        self._pace = Pace(poll_s=poll_s, counters_s=counters_s, look_s=look_s)

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish readings until `stop` is set.

        Raises:
            Exception: Whatever stopped a router's thread; a silent router is no such thing.
        """
        failures: list[Exception] = []

        def watch(device: DeviceEntry) -> None:
            try:
                FrrWatch(
                    device=device,
                    source=self.name,
                    epoch=epoch,
                    pace=self._pace,
                    clock=self._clock,
                    outlet=outlet,
                    stop=stop,
                ).run()
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits.
                failures.append(error)
                stop.set()

        threads = [
            threading.Thread(target=watch, args=(device,), name=f"agent-{device.name}")
            for device in self._devices
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
