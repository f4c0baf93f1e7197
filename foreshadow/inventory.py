"""Which devices there are and how they are reached.

The operator's list, or the one the demo writes for its emulated production.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from foreshadow.document import parse_document

_STRICT = ConfigDict(extra="forbid", frozen=True)


class DeviceEntry(BaseModel):
    """One production router.

    `namespace` and `pathspace` are for emulated production: the device's own network namespace, and
    the name FRR's daemons run under (`-N`).
    """

    model_config = _STRICT
    name: str
    platform: Literal["frr"] = "frr"
    address: str = "127.0.0.1"
    port: int = Field(default=22, ge=1, le=65_535)
    username: str = "root"
    ssh_key: Path
    known_hosts: Path
    namespace: str | None = None
    pathspace: str | None = None
    state_dir: str = Field(
        default="/var/lib/foreshadow", description="on the device: fs-guard's files"
    )


class InventoryFile(BaseModel):
    """The devices of one network."""

    model_config = _STRICT
    version: Literal[1]
    network: str
    devices: tuple[DeviceEntry, ...] = Field(min_length=1)

    def device(self, name: str) -> DeviceEntry:
        """The entry of that name.

        Raises:
            KeyError: There is none.
        """
        for entry in self.devices:
            if entry.name == name:
                return entry
        raise KeyError(name)


def parse_inventory(text: str, *, path: Path) -> InventoryFile:
    """The devices an inventory file lists.

    Raises:
        ConfigError: Names file, line, column, field and what was expected.
    """
    return parse_document(text, InventoryFile, path=path)
