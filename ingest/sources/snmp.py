"""Interfaces and their counters by SNMP, from devices that speak nothing better.

Every device is read on its own and at its own pace: one that is slow or silent holds up nobody. One
reading is one walk of each column; a device that restarted meanwhile is said to have.

Source: RFC 3416 (GETBULK), RFC 3414 (USM), RFC 7860 (HMAC-SHA-2 for USM).
"""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator
from pysnmp.hlapi.v3arch.asyncio import (
    USM_AUTH_HMAC96_SHA,
    USM_AUTH_HMAC192_SHA256,
    USM_AUTH_HMAC384_SHA512,
    USM_PRIV_CFB128_AES,
    USM_PRIV_CFB256_AES,
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    bulk_walk_cmd,
    get_cmd,
)

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.incident import Incident, IncidentKind
from foreshadow.topology import NodeId
from ingest.collector import Collector
from ingest.heard import Heard
from ingest.source import Ground, Outlet
from ingest.sources.snmp_table import COLUMNS, UP_TIME, Oid, as_rows, heard

_STRICT = ConfigDict(extra="forbid", frozen=True)
_MOST_ROWS = 200_000
"""A device that never ends a walk is left."""
_REPETITIONS = 25
_STOP_EVERY_S = 0.2
_AT_ONCE = 32
_HIGHEST_PORT = 65_535
_TICKS_PER_S = 100
_UP_TIME_WRAPS_S = (1 << 32) / _TICKS_PER_S
_WRAP_SLACK_S = 3600.0
_RESTART_SLACK_S = 2.0
"""An answer may take a moment, and clocks drift."""

_AUTHENTICATIONS = {
    "SHA": USM_AUTH_HMAC96_SHA,
    "SHA-256": USM_AUTH_HMAC192_SHA256,
    "SHA-512": USM_AUTH_HMAC384_SHA512,
}
_PRIVACIES = {"AES": USM_PRIV_CFB128_AES, "AES-256": USM_PRIV_CFB256_AES}

log = structlog.get_logger(__name__)


class CommunityLogin(BaseModel):
    """SNMPv2c: whoever knows the community may read. Of use in a closed network only."""

    model_config = _STRICT
    version: Literal["2c"]
    community_file: Path

    def credentials(self) -> CommunityData:
        """For pysnmp.

        Raises:
            ConfigError: The file cannot be read.
        """
        return CommunityData(_secret(self.community_file, "community_file"), mpModel=1)  # noqa: S508 - some devices speak nothing better


class UserLogin(BaseModel):
    """SNMPv3: a user with a password, and another one against listeners."""

    model_config = _STRICT
    version: Literal["3"]
    user: str
    authentication: Literal["SHA", "SHA-256", "SHA-512"] = "SHA-256"
    password_file: Path
    privacy: Literal["AES", "AES-256"] = "AES"
    privacy_password_file: Path

    def credentials(self) -> UsmUserData:
        """For pysnmp.

        Raises:
            ConfigError: A file cannot be read.
        """
        return UsmUserData(
            self.user,
            authKey=_secret(self.password_file, "password_file"),
            privKey=_secret(self.privacy_password_file, "privacy_password_file"),
            authProtocol=_AUTHENTICATIONS[self.authentication],
            privProtocol=_PRIVACIES[self.privacy],
        )


class SnmpConfig(BaseModel):
    """Devices that are polled by SNMP, in a file of sources."""

    model_config = _STRICT
    kind: Literal["snmp"]
    devices: Mapping[str, str] = Field(
        min_length=1, description="address, with :PORT where it is not 161, by the device's name"
    )
    login: Annotated[CommunityLogin | UserLogin, Field(discriminator="version")]
    poll_s: float = Field(default=30.0, ge=1)
    timeout_s: float = Field(default=2.0, gt=0, description="for one answer")
    retries: int = Field(default=2, ge=0, le=10)

    @field_validator("devices")
    @classmethod
    def _are_addresses(cls, devices: Mapping[str, str]) -> Mapping[str, str]:
        for name, address in devices.items():
            _, port = _split(address)
            if not 0 < port <= _HIGHEST_PORT:
                raise ValueError(f"{name}: {address!r} is not ADDRESS or ADDRESS:PORT")
        return devices

    def open(self, ground: Ground) -> "SnmpPoller":
        """The poller, not polling yet.

        Raises:
            ConfigError: A secret cannot be read, or a device is not in the inventory.
        """
        known = {device.name for device in ground.devices}
        for name in self.devices:
            if name not in known:
                raise ConfigError(
                    f"{name} is no device of the inventory; there are {', '.join(sorted(known))}",
                    field="sources.snmp.devices",
                )
        self.login.credentials()
        return SnmpPoller(self, ground.clock)


class SnmpPoller:
    """Reads every device again and again."""

    name = "snmp"

    def __init__(self, config: SnmpConfig, clock: Clock) -> None:
        """Send nothing yet."""
        self._config, self._clock = config, clock

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish readings until `stop` is set."""
        asyncio.run(self._poll(Collector(self.name, epoch, outlet, self._clock), stop))

    async def _poll(self, collector: Collector, stop: threading.Event) -> None:
        engine, turns = SnmpEngine(), asyncio.Semaphore(_AT_ONCE)
        watches = [
            _Watch(NodeId(name), address, self._config, self._clock)
            for name, address in self._config.devices.items()
        ]
        tasks = [asyncio.create_task(each.run(engine, turns, collector)) for each in watches]
        stopped = asyncio.create_task(asyncio.to_thread(_until, stop))
        try:
            # A task that ends has failed: what the network does is no reason for it to.
            done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            stop.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
            engine.close_dispatcher()


@dataclass(slots=True)
class _Watch:
    """One device, and what is known of it from reading to reading."""

    device: NodeId
    address: str
    config: SnmpConfig
    clock: Clock
    _began_s: float | None = None
    """When it last started, by our monotonic clock."""
    _is_silent: bool = False

    async def run(self, engine: SnmpEngine, turns: asyncio.Semaphore, collector: Collector) -> None:
        """Read, publish and wait, for ever."""
        while True:
            began_s = self.clock.monotonic_s()
            try:
                async with turns:
                    said = await self._read(engine)
            except _SilentError as error:
                if not self._is_silent:
                    log.warning("device_fell_silent", device=self.device, reason=str(error))
                self._is_silent = True
            else:
                if self._is_silent:
                    log.info("device_answered_again", device=self.device)
                self._is_silent = False
                # The broker may be away: other devices are read meanwhile.
                await asyncio.to_thread(collector.take, said)
            spent_s = self.clock.monotonic_s() - began_s
            await asyncio.sleep(max(0.0, self.config.poll_s - spent_s))

    async def _read(self, engine: SnmpEngine) -> tuple[Heard, ...]:
        at_ns = to_ns(self.clock.now())
        target = await _target(self.address, self.config)
        restarted = self._restarted(await self._up_time_now(engine, target), at_ns)
        found: list[tuple[Oid, int | bytes]] = []
        for column in COLUMNS:
            found.extend(await self._column(engine, target, column))
        return (*restarted, *heard(self.device, as_rows(found), at_ns=at_ns))

    async def _up_time_now(self, engine: SnmpEngine, target: UdpTransportTarget) -> int:
        asked = ObjectType(ObjectIdentity(UP_TIME))
        problem, status, _, rows = await get_cmd(
            engine, self.config.login.credentials(), target, ContextData(), asked, lookupMib=False
        )
        if problem or status or not rows:
            raise _SilentError(str(problem or status or "no answer"))
        value = _plain(rows[0][1])
        return value if isinstance(value, int) else 0

    async def _column(
        self, engine: SnmpEngine, target: UdpTransportTarget, column: Oid
    ) -> list[tuple[Oid, int | bytes]]:
        """One column; empty where the device has none."""
        found: list[tuple[Oid, int | bytes]] = []
        walk = bulk_walk_cmd(
            engine,
            self.config.login.credentials(),
            target,
            ContextData(),
            0,
            _REPETITIONS,
            ObjectType(ObjectIdentity(column)),
            lookupMib=False,
            lexicographicMode=False,
        )
        async for problem, status, _, rows in walk:
            if problem:
                raise _SilentError(str(problem))
            if status:
                break
            for name, value in rows:
                plain = _plain(value)
                if plain is not None:
                    found.append((tuple(name), plain))
            if len(found) > _MOST_ROWS:
                raise _SilentError(f"the column {'.'.join(map(str, column))} does not end")
        return found

    def _restarted(self, up_time: int, at_ns: int) -> tuple[Incident, ...]:
        """A device that began later than it had: by its uptime and our own monotonic clock.

        An uptime that merely went back would miss a restart between two slow readings. After 497
        days it wraps, which is no restart.
        """
        began_s = self.clock.monotonic_s() - up_time / _TICKS_PER_S
        before, self._began_s = self._began_s, began_s
        if before is None or began_s < before + _RESTART_SLACK_S:
            return ()
        if began_s - before > _UP_TIME_WRAPS_S - _WRAP_SLACK_S:
            return ()
        return (
            Incident(
                device=self.device,
                what=IncidentKind.RESTARTED,
                subject="",
                at_ns=at_ns - up_time * (1_000_000_000 // _TICKS_PER_S),
                heard_at_ns=at_ns,
                source=SnmpPoller.name,
                text=f"sysUpTime is {up_time / _TICKS_PER_S:.0f} s",
            ),
        )


class _SilentError(Exception):
    """The device did not answer, or not in a way that can be used."""


def _split(address: str) -> tuple[str, int]:
    """Host and port; the port is 0 where it is none."""
    host, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "161")
    return host, int(port) if port.isdecimal() and host else 0


async def _target(address: str, config: SnmpConfig) -> UdpTransportTarget:
    try:
        return await UdpTransportTarget.create(
            _split(address), timeout=config.timeout_s, retries=config.retries
        )
    except Exception as error:
        raise _SilentError(f"{address}: {error}") from error


def _plain(value: object) -> int | bytes | None:
    """Numbers as numbers, octets as octets; None for what says that there is nothing."""
    kind = type(value).__name__
    if kind in ("NoSuchObject", "NoSuchInstance", "EndOfMibView", "Null", "ObjectIdentifier"):
        return None
    if hasattr(value, "asOctets"):
        octets: bytes = value.asOctets()
        return octets
    try:
        return int(value)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        return None


def _secret(path: Path, field: str) -> str:
    try:
        secret = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path, field=f"login.{field}") from error
    if not secret:
        raise ConfigError("is empty", path=path, field=f"login.{field}")
    return secret


def _until(stop: threading.Event) -> None:
    while not stop.wait(_STOP_EVERY_S):
        pass
