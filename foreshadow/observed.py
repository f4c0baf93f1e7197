"""What a router says about itself, in our words: the values the state is made of.

Each value belongs to one stream of one device and has a key in it. `decode` is the only way from
bytes to a value, so a record that does not fit is refused in one place.
"""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Interface
from typing import Any

import msgspec

from foreshadow.codec import dec_hook, to_json
from foreshadow.routing import BestPath, FibEntry


class Stream(StrEnum):
    """The kinds of state a device publishes; each is numbered on its own."""

    INTERFACE = "interface"
    ADJACENCY = "adjacency"
    SESSION = "session"
    BEST_PATH = "best-path"
    RECEIVED = "received"
    FIB = "fib"
    CONFIG = "config"
    DEMAND = "demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """One interface as the kernel and zebra see it. Key: its name."""

    name: str
    is_admin_up: bool
    is_oper_up: bool
    addresses: tuple[IPv4Interface, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjacency:
    """One IGP neighbor (RFC 2328 section 10, ISO 10589). Key: see `key`."""

    router_id: IPv4Address
    """In IS-IS, whose neighbors have no address for a name: the neighbor's on the link."""
    interface: str
    state: str
    """OSPF's without the DR role (`Full`, `2-Way`...), IS-IS's as it is (`Up`, `Initializing`)."""
    cost: int
    """Output cost of the interface towards this neighbor."""
    protocol: str = "ospf"
    """`ospf` or `isis`."""
    level: int = 0
    """IS-IS level: 1, 2, or 3 for both; 0 in OSPF."""

    @property
    def is_full(self) -> bool:
        """Whether routes may lead over it."""
        return self.state.startswith("Full") or (self.protocol == "isis" and self.state == "Up")

    @property
    def key(self) -> str:
        """`interface/router-id` in OSPF, `interface/isis/address` in IS-IS."""
        between = "" if self.protocol == "ospf" else f"{self.protocol}/"
        return f"{self.interface}/{between}{self.router_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One BGP session. Key: the peer's address."""

    peer: IPv4Address
    remote_as: int
    local_as: int
    state: str
    """`Established`, `Active`, ..."""

    @property
    def is_external(self) -> bool:
        """Whether the peer is in another AS (eBGP)."""
        return self.remote_as != self.local_as


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPath:
    """A path in the Adj-RIB-In of an eBGP peer, before our policy. Key: `peer/prefix`."""

    peer: IPv4Address
    path: BestPath


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningConfig:
    """The running configuration. Key: `running`."""

    text: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandRate:
    """Traffic entering at this device towards a prefix (from flow export). Key: the prefix."""

    rate_bps: float


Value = Interface | Adjacency | Session | BestPath | ReceivedPath | FibEntry | RunningConfig

_TYPES: dict[Stream, type] = {
    Stream.INTERFACE: Interface,
    Stream.ADJACENCY: Adjacency,
    Stream.SESSION: Session,
    Stream.BEST_PATH: BestPath,
    Stream.RECEIVED: ReceivedPath,
    Stream.FIB: FibEntry,
    Stream.CONFIG: RunningConfig,
    Stream.DEMAND: DemandRate,
}
_decoders: dict[Stream, msgspec.json.Decoder[Any]] = {
    stream: msgspec.json.Decoder(wanted, dec_hook=dec_hook) for stream, wanted in _TYPES.items()
}


def encode(value: Value | DemandRate) -> bytes:
    """The value as JSON, with its fields in a fixed order: equal values give equal bytes."""
    return to_json(value)


def decode(stream: Stream, raw: bytes) -> Value | DemandRate:
    """The typed value of a stream.

    Raises:
        msgspec.DecodeError: The bytes are not JSON.
        msgspec.ValidationError: They are not a value of this stream.
    """
    try:
        value: Value | DemandRate = _decoders[stream].decode(raw)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
    return value


def key_of(value: Value) -> str:
    """The key a value has in its stream; demand has its prefix beside it, not in it."""
    match value:
        case Interface():
            return value.name
        case Adjacency():
            return value.key
        case Session():
            return str(value.peer)
        case ReceivedPath():
            return f"{value.peer}/{value.path.prefix}"
        case RunningConfig():
            return "running"
        case BestPath() | FibEntry():
            return str(value.prefix)


UNDECODABLE = (msgspec.DecodeError, ValueError)
"""What `decode` raises on a bad record; `ValidationError` is one of them."""
