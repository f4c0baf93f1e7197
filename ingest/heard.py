"""What a decoder makes of bytes: typed values, or the reason why there are none.

A decoder is pure but for what its protocol makes it remember (templates, open sessions). It never
raises on what a network sent: what cannot be used is a `Refused` like any other result, and ends on
the dead-letter topic with its reason and a sample.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from foreshadow.incident import Incident
from foreshadow.observed import DemandRate, Stream, Value
from foreshadow.topology import NodeId, Prefix

LARGEST_INPUT_BYTES = 4 << 20
"""A message longer than this is refused unread."""


class Phase(StrEnum):
    """What a patch is to the map of its stream."""

    BEGIN = "begin"
    """The source starts to tell everything; what is not told again by `END` is gone."""
    PART = "part"
    """More of what `BEGIN` opened."""
    END = "end"
    """All is told: the stream is synchronised from here on."""
    CHANGE = "change"
    """Differences from what was told before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatePatch:
    """Part of the state of one stream of one device.

    Attributes:
        upserts: Values by their key in the stream.
        deletes: Keys that are gone.
        subtrees: Key prefixes all of which is gone.
        at_ns: When, by the device's clock; 0 where it does not say.
        coalesced: Transitions the device passed over between this value and the one before.
    """

    device: NodeId
    stream: Stream
    phase: Phase = Phase.CHANGE
    upserts: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    deletes: tuple[str, ...] = ()
    subtrees: tuple[str, ...] = ()
    at_ns: int = 0
    coalesced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StateReading:
    """The whole state of one stream of one device at one time."""

    device: NodeId
    stream: Stream
    values: Mapping[str, Value]
    at_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Counters of one interface since it was last cleared; None where nobody counts that.

    Attributes:
        bits: Width at which the octet counters wrap: 32 or 64.
        capacity_bps: What the device says the interface can carry.
        since_ns: When it says that it began to count (last clear, discontinuity, boot), by its own
            clock: where this moves on, the counters are not compared with those before.
    """

    interface: str
    in_octets: int | None = None
    out_octets: int | None = None
    in_errors: int | None = None
    out_errors: int | None = None
    in_discards: int | None = None
    out_discards: int | None = None
    carrier_transitions: int | None = None
    bits: int = 64
    capacity_bps: float | None = None
    since_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterReading:
    """Counters of some or all interfaces of a device, read together."""

    device: NodeId
    at_ns: int
    counters: tuple[Counters, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandReading:
    """What entered at a device towards each prefix over one interval."""

    device: NodeId
    start_ns: int
    interval_s: float
    rates: Mapping[Prefix, DemandRate]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """What could not be used.

    Attributes:
        reason: A sentence, with what was expected.
        sample: The offending bytes, cut.
        origin: Where they came from: file and line, peer address, topic and offset.
        count: How many it stands for, where of those that are the same one is told.
    """

    reason: str
    sample: bytes = b""
    origin: str = ""
    count: int = 1


Heard = StatePatch | StateReading | CounterReading | DemandReading | Incident | Refused


class Decoder(Protocol):
    """Makes values of one message of a protocol."""

    name: str

    def decode(self, raw: bytes, *, origin: str, received_ns: int) -> Iterable[Heard]:
        """Everything one message says; never raises on its content.

        Args:
            raw: One datagram, record, line or framed message.
            origin: Where it came from, for people.
            received_ns: When it arrived, by our clock.
        """
        ...
