"""BMP as a source: a server that routers connect to, or sessions from a file."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from foreshadow.errors import ConfigError
from ingest.device_names import DeviceNames
from ingest.source import Ground, Source
from ingest.sources.bmp_connection import ListenerLimits
from ingest.sources.bmp_listener import BmpListener
from ingest.sources.bmp_replay import BmpReplay
from ingest.sources.bmp_router import AdjRibIn


class BmpConfig(BaseModel):
    """BMP in a file of sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["bmp"]
    listen: str = Field(
        default="127.0.0.1:11019", description="where routers connect to: address:port"
    )
    path: Path | None = Field(
        default=None, description="a capture, or a session's octets, instead of routers"
    )
    aliases: dict[str, str] = Field(
        default_factory=dict, description="device by its sysName or address, where they differ"
    )
    adj_rib_in: AdjRibIn = "pre-policy"
    waits_for_end_of_rib: bool = Field(
        default=True, description="no: what a router has told when it falls quiet is all there is"
    )
    settle_s: float = Field(default=5.0, gt=0, description="silence after which all peers are told")
    most_routers: int = Field(default=256, ge=1)

    @field_validator("listen")
    @classmethod
    def _is_address_and_port(cls, listen: str) -> str:
        split_address(listen)
        return listen

    @model_validator(mode="after")
    def _is_either(self) -> "BmpConfig":
        if self.path is not None and "listen" in self.model_fields_set:
            raise ValueError("either `listen` or `path`, not both")
        return self

    def open(self, ground: Ground) -> Source:
        """The server or the file, not running yet.

        Raises:
            ConfigError: An alias leads to no device, or the file is not there.
        """
        names = names_of(self.aliases, ground)
        if self.path is not None:
            if not self.path.is_file():
                raise ConfigError("there is no such file; correct `path`", path=self.path)
            return BmpReplay(self.path, names, ground.clock, adj_rib_in=self.adj_rib_in)
        limits = ListenerLimits(
            settle_s=self.settle_s,
            vouch_s=ground.poll_s,
            waits_for_end_of_rib=self.waits_for_end_of_rib,
            most_routers=self.most_routers,
        )
        return BmpListener(
            split_address(self.listen),
            names,
            ground.clock,
            limits,
            adj_rib_in=self.adj_rib_in,
            meter=ground.meter,
        )


def split_address(text: str) -> tuple[str, int]:
    """Address and port of `127.0.0.1:11019` or `[::1]:11019`.

    Raises:
        ValueError: It is neither.
    """
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        address = None
    if address is None or not port.isdecimal() or int(port) > 65_535:
        raise ValueError(f"expected address:port such as 127.0.0.1:11019, found {text!r}")
    return str(address), int(port)


def names_of(
    aliases: Mapping[str, str], ground: Ground, *, default: str | None = None
) -> DeviceNames:
    """Devices by name, by alias, and by the address that the inventory has for them alone.

    Raises:
        ConfigError: An alias or the default is no device of the inventory.
    """
    devices = [device.name for device in ground.devices]
    for alias, device in aliases.items():
        if device not in devices:
            raise ConfigError(
                f"alias {alias!r} leads to {device!r}, which is no device of the inventory",
                field="aliases",
            )
    if default is not None and default not in devices:
        raise ConfigError(f"{default!r} is no device of the inventory", field="device")
    addresses = [device.address for device in ground.devices]
    own = {it.address: it.name for it in ground.devices if addresses.count(it.address) == 1}
    return DeviceNames(devices, {**own, **aliases}, default=default)
