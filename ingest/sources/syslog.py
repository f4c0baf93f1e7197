"""Syslog as a source: a server that devices send to, or a file of lines."""

import threading
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from ingest.collector import Collector
from ingest.heard import Heard
from ingest.source import Ground, Outlet, Source
from ingest.sources.bmp import names_of, split_address
from ingest.sources.record_file import hear_file
from ingest.sources.syslog_decoder import SOURCE, SyslogDecoder
from ingest.sources.syslog_listener import SyslogListener

_BATCH = 1_000

log = structlog.get_logger(__name__)


class SyslogConfig(BaseModel):
    """Syslog in a file of sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["syslog"]
    udp: tuple[str, ...] = Field(
        default=("127.0.0.1:5514",), description="where datagrams are taken: address:port"
    )
    tcp: tuple[str, ...] = Field(default=(), description="where connections are: address:port")
    path: Path | None = Field(default=None, description="a file of lines, instead of devices")
    device: str | None = Field(default=None, description="whose lines those are that do not say")
    aliases: dict[str, str] = Field(
        default_factory=dict, description="device by its host name or address, where they differ"
    )
    zone: str = Field(
        default="UTC", description="where the devices' clocks are: America/Los_Angeles"
    )
    coalesce_s: float = Field(
        default=10.0, ge=0, description="how long the same incident is counted, not told again"
    )
    most_connections: int = Field(default=256, ge=1)

    @field_validator("udp", "tcp")
    @classmethod
    def _are_addresses(cls, addresses: tuple[str, ...]) -> tuple[str, ...]:
        for address in addresses:
            split_address(address)
        return addresses

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{zone!r} is no time zone such as Europe/Berlin") from error
        return zone

    @model_validator(mode="after")
    def _is_either(self) -> "SyslogConfig":
        if self.path is not None and {"udp", "tcp"} & self.model_fields_set:
            raise ValueError("either `udp` and `tcp`, or `path`")
        if self.path is None and not (self.udp or self.tcp):
            raise ValueError("neither `udp` nor `tcp`: nothing could be heard")
        return self

    def open(self, ground: Ground) -> Source:
        """The server or the file, not running yet.

        Raises:
            ConfigError: A name leads to no device, or the file is not there.
        """
        names = names_of(self.aliases, ground, default=self.device)
        decoder = SyslogDecoder(names, zone=ZoneInfo(self.zone), coalesce_s=self.coalesce_s)
        if self.path is not None:
            if not self.path.is_file():
                raise ConfigError("there is no such file; correct `path`", path=self.path)
            return SyslogFile(self.path, decoder, ground.clock)
        return SyslogListener(
            tuple(map(split_address, self.udp)),
            tuple(map(split_address, self.tcp)),
            decoder,
            ground.clock,
            most_connections=self.most_connections,
            meter=ground.meter,
        )


class SyslogFile:
    """Tells what a file of lines holds, then waits to be stopped."""

    name = SOURCE

    def __init__(self, path: Path, decoder: SyslogDecoder, clock: Clock) -> None:
        """Open nothing yet.

        Args:
            path: One line a message.
            decoder: Reads the lines.
            clock: Tells the year of lines without one.
        """
        self._path, self.decoder, self._clock = path, decoder, clock

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Tell everything once.

        Raises:
            ConfigError: The file cannot be read.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        waiting: list[Heard] = []
        for heard in hear_file(self._path, self.decoder, self._clock):
            if stop.is_set():
                return
            waiting.append(heard)
            if len(waiting) >= _BATCH:
                collector.take(waiting)
                waiting.clear()
        collector.take(waiting)
        log.info("syslog_file_told", path=str(self._path), **self.decoder.lines)
        stop.wait()
