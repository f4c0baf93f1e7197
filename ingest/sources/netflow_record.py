"""What one decoded record of NetFlow or IPFIX says, element by element.

The decoder gives a dictionary of whatever the exporter's template announced, in any length: only
here does it become a flow. Records of one template have the same elements, so which of them matter
is worked out once for all (`Reading`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from socket import inet_aton
from typing import Any

from ingest.demand_flow import Aside, Direction, Flow
from ingest.sources.flow_packet import SampledPacket, of_frame, of_packet

Record = Mapping[str, Any]
"""A record by the decoder's names: `dst_addr`, `octets`, ...; `ieN` and `ePEN.N` for the rest."""

_MS, _S = 1_000_000, 1_000_000_000
_LONGEST_NS = 86_400 * _S
"""No flow is older, nor lasts longer: routers tell at least every half hour."""

SECTIONS: Mapping[str, Callable[[bytes], SampledPacket | None]] = {
    "ie315": of_frame,
    "ie313": of_packet,
}
"""Elements with the beginning of a packet: of its frame, of its IP header (RFC 5477)."""

_OCTETS = ("octets", "octets_total", "out_octets")
_PACKETS = ("packets", "packets_total", "out_packets")
BACK_OCTETS, _BACK_PACKETS = ("e29305.1", "e29305.85"), ("e29305.2", "e29305.86")
"""RFC 5103: the same elements of the packets that went the other way."""
_SPANS = (
    ("flow_start_ms", "flow_end_ms", _MS),
    ("flow_start_us", "flow_end_us", _S),  # The decoder gives these two as seconds.
    ("flow_start_ns", "flow_end_ns", _S),
    ("flow_start_s", "flow_end_s", _S),
    ("observation_time_ms", "observation_time_ms", _MS),
)
_UPTIMES = ("first_switched", "last_switched")
SAMPLER = ("sampler_id", "selector_id")
"""Elements 48 (NetFlow 9) and 302 (RFC 5477): both name the sampler that metered a flow."""
SAMPLING = (
    *("sampling_interval", "sampler_interval"),
    *("sampling_packet_interval", "sampling_packet_space"),
    *("sampling_size", "sampling_population", "ie311"),
)
"""Elements that say how a sampler chooses."""

NEEDED_BACK = frozenset({"src_addr", "src_mask", "out_if", *BACK_OCTETS, *_BACK_PACKETS})
"""Elements that the flow in the other direction needs, where a record has one."""

NEEDED = frozenset(
    {
        *("dst_addr", "dst_mask", "in_if", "direction", "forwarding_status"),
        "system_init_time_ms",
        *(*_OCTETS, *_PACKETS, *_UPTIMES, *SECTIONS),
        *(*(name for first, last, _ in _SPANS for name in (first, last)), *SAMPLER, *SAMPLING),
    }
)
"""All others that anything here looks at."""


def number(record: Record, name: str | None) -> int | None:
    """The element if it is a number of at most 64 bits; None where it is not.

    Exporters choose how many bytes an element has, so a hostile one may be of any size.
    """
    value = record.get(name) if name is not None else None
    return value if isinstance(value, int) and value >> 64 == 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which elements of a record say what; None where none does."""

    octets: str | None
    packets: str | None
    back_octets: str | None
    back_packets: str | None
    span: tuple[str, str, int] | None
    has_uptimes: bool
    has_status: bool
    section: str | None
    sampler: str | None
    says_sampling: bool

    @classmethod
    @lru_cache(maxsize=1_024)
    def of(cls, names: tuple[str, ...]) -> "Reading":
        """How to read records of these elements."""

        def first(*wanted: str) -> str | None:
            return next((name for name in wanted if name in names), None)

        return cls(
            octets=first(*_OCTETS),
            packets=first(*_PACKETS),
            back_octets=first(*BACK_OCTETS),
            back_packets=first(*_BACK_PACKETS),
            span=next((span for span in _SPANS if {span[0], span[1]} <= {*names}), None),
            has_uptimes={*_UPTIMES} <= {*names},
            has_status="forwarding_status" in names,
            section=first(*SECTIONS),
            sampler=first(*SAMPLER),
            says_sampling=first(*SAMPLING) is not None,
        )

    def flows(
        self,
        record: Record,
        *,
        one_in: float | None,
        sent_ns: int,
        booted_ns: int | None,
        shift_ns: int = 0,
    ) -> tuple[Flow, ...]:
        """The flow a record is about, and where it has two directions the other one too.

        Args:
            record: As decoded.
            one_in: Packets that passed for each metered one; None where nobody knows.
            sent_ns: When it was exported, by the exporter's clock.
            booted_ns: When the clock of elements 21 and 22 was 0; None where nobody says.
            shift_ns: How far the exporter's clock is behind.
        """
        start_ns, end_ns = self._times(record, sent_ns, booted_ns)
        destination, is_ipv6 = _address(record.get("dst_addr"))
        octets = number(record, self.octets)
        if (packet := self._packet(record)) is not None:
            octets = packet.octets if octets is None else octets
            if destination is None:
                destination, is_ipv6 = packet.destination, packet.destination is None
        forward = Flow(
            destination=destination,
            octets=octets or 0,
            packets=number(record, self.packets) or 1,
            start_ns=start_ns + shift_ns,
            end_ns=end_ns + shift_ns,
            sampled_one_in=one_in or 1.0,
            mask_bits=number(record, "dst_mask"),
            ingress=number(record, "in_if"),
            direction=_DIRECTIONS.get(record.get("direction")),
            aside=self._aside(record, is_ipv6=is_ipv6, one_in=one_in),
        )
        if not (back := number(record, self.back_octets)):
            return (forward,)
        source, is_ipv6 = _address(record.get("src_addr"))
        backward = Flow(
            destination=source,
            octets=back,
            packets=number(record, self.back_packets) or 1,
            start_ns=forward.start_ns,
            end_ns=forward.end_ns,
            sampled_one_in=forward.sampled_one_in,
            mask_bits=number(record, "src_mask"),
            ingress=number(record, "out_if"),
            aside=self._aside(record, is_ipv6=is_ipv6, one_in=one_in),
        )
        return (forward, backward)

    def _aside(self, record: Record, *, is_ipv6: bool, one_in: float | None) -> Aside | None:
        if is_ipv6:
            return Aside.IPV6
        if self.has_status and _is_dropped(number(record, "forwarding_status")):
            return Aside.DROPPED
        return Aside.UNKNOWN_SAMPLER if one_in is None else None

    def _packet(self, record: Record) -> SampledPacket | None:
        if self.section is None or not isinstance(value := record.get(self.section), str):
            return None
        return SECTIONS[self.section](bytes.fromhex(value))

    def _times(self, record: Record, sent_ns: int, booted_ns: int | None) -> tuple[int, int]:
        """First and last packet; the time of the export where a record says none that can be."""
        if self.span is not None:
            first, last, unit_ns = self.span
            start, end = record[first], record[last]
            if end and isinstance(start, int | float) and isinstance(end, int | float):
                return _plausible(_to_ns(start, unit_ns), _to_ns(end, unit_ns), sent_ns)
        if self.has_uptimes and booted_ns is not None:
            first_ms, last_ms = number(record, _UPTIMES[0]), number(record, _UPTIMES[1])
            if first_ms is not None and last_ms is not None:
                return _plausible(
                    _uptime_ns(first_ms, sent_ns, booted_ns),
                    _uptime_ns(last_ms, sent_ns, booted_ns),
                    sent_ns,
                )
        return sent_ns, sent_ns


_DIRECTIONS: Mapping[Any, Direction] = {0: Direction.INGRESS, 1: Direction.EGRESS}
_DROPPED = 2
"""The first two bits of element 89."""


def _is_dropped(status: int | None) -> bool:
    return status is not None and (status & 0xFF) >> 6 == _DROPPED


def _address(value: object) -> tuple[int | None, bool]:
    """(IPv4 address as a number, whether it is IPv6)."""
    if isinstance(value, int):
        return (value, False) if 0 <= value >> 32 < 1 else (None, False)
    if not isinstance(value, str):
        return None, False
    if value.count(".") == 3:
        return int.from_bytes(inet_aton(value), "big"), False
    return None, ":" in value


def _to_ns(value: float, unit_ns: int) -> int:
    return value * unit_ns if isinstance(value, int) else round(value * unit_ns)


def _uptime_ns(uptime_ms: int, sent_ns: int, booted_ns: int) -> int:
    """The time of an uptime, nearest to `sent_ns`: its 32 bits wrap every 49.7 days."""
    behind_ms = ((sent_ns - booted_ns) // _MS - uptime_ms + (1 << 31)) % (1 << 32) - (1 << 31)
    return sent_ns - behind_ms * _MS


def _plausible(start_ns: int, end_ns: int, sent_ns: int) -> tuple[int, int]:
    if not sent_ns - _LONGEST_NS <= end_ns <= sent_ns + _S:
        return sent_ns, sent_ns
    return (start_ns if end_ns - _LONGEST_NS <= start_ns <= end_ns else end_ns), end_ns
