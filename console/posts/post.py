"""What every process is given."""

import threading
from dataclasses import dataclass

from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.inventory import InventoryFile
from foreshadow.meter import SILENT, Meter
from foreshadow.settings import Settings
from foreshadow.topology import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """The bus, the settings, the devices, the time, the sign to stop, and what counts."""

    bus: Bus
    settings: Settings
    inventory: InventoryFile
    clock: Clock
    stop: threading.Event
    meter: Meter = SILENT

    @property
    def routers(self) -> tuple[NodeId, ...]:
        """The devices' names, in the inventory's order."""
        return tuple(NodeId(device.name) for device in self.inventory.devices)
