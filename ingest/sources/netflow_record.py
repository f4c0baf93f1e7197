"""What one decoded record of NetFlow or IPFIX says, element by element.

The decoder gives a dictionary of whatever the exporter's template announced, in any length: only
here does it become a flow.
"""

from collections.abc import Callable, Mapping
from socket import inet_aton
from typing import Any

from ingest.demand_flow import Aside, Direction, Flow
from ingest.sources.flow_packet import SampledPacket, of_frame, of_packet

Record = Mapping[str, Any]
"""A record by the decoder's names: `dst_addr`, `octets`, ...; `ieN` and `ePEN.N` for the rest."""

_MS, _S = 1_000_000, 1_000_000_000
_LONGEST_NS = 86_400 * _S
"""No flow is older, nor lasts longer: routers tell at least every half hour."""
_REVERSE_PEN = "e29305."
"""RFC 5103: the same element of the packets that went the other way."""

SECTIONS: Mapping[str, Callable[[bytes], SampledPacket | None]] = {
    "ie315": of_frame,
    "ie313": of_packet,
}
"""Elements with the beginning of a packet: of its frame, of its IP header (RFC 5477)."""

_OCTETS = ("octets", "octets_total", "out_octets")
_PACKETS = ("packets", "packets_total", "out_packets")
_SPANS = (
    ("flow_start_ms", "flow_end_ms", _MS),
    ("flow_start_us", "flow_end_us", _S),  # The decoder gives these two as seconds.
    ("flow_start_ns", "flow_end_ns", _S),
    ("flow_start_s", "flow_end_s", _S),
    ("observation_time_ms", "observation_time_ms", _MS),
)


def number(record: Record, *names: str) -> int | None:
    """The first of these elements that is a number of at most 64 bits; None where none is.

    Exporters choose how many bytes an element has, so a hostile one may be of any size.
    """
    for name in names:
        value = record.get(name)
        if isinstance(value, int) and value >> 64 == 0:
            return value
    return None


def flows_of(
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
    start_ns, end_ns = _span(record, sent_ns, booted_ns)
    packet = _section(record)
    octets = number(record, *_OCTETS)
    destination, is_ipv6 = _address(record.get("dst_addr"))
    if packet is not None and destination is None:
        destination, is_ipv6 = packet.destination, packet.destination is None
    forward = Flow(
        destination=destination,
        octets=octets if octets is not None else packet.octets if packet else 0,
        packets=number(record, *_PACKETS) or 1,
        start_ns=start_ns + shift_ns,
        end_ns=end_ns + shift_ns,
        sampled_one_in=one_in or 1.0,
        mask_bits=number(record, "dst_mask"),
        ingress=number(record, "in_if"),
        direction=_DIRECTIONS.get(record.get("direction")),
        aside=_aside(record, is_ipv6=is_ipv6, one_in=one_in),
    )
    back = number(record, f"{_REVERSE_PEN}1", f"{_REVERSE_PEN}85")
    if not back:
        return (forward,)
    source, is_ipv6 = _address(record.get("src_addr"))
    return (
        forward,
        Flow(
            destination=source,
            octets=back,
            packets=number(record, f"{_REVERSE_PEN}2", f"{_REVERSE_PEN}86") or 1,
            start_ns=start_ns + shift_ns,
            end_ns=end_ns + shift_ns,
            sampled_one_in=one_in or 1.0,
            mask_bits=number(record, "src_mask"),
            ingress=number(record, "out_if"),
            aside=_aside(record, is_ipv6=is_ipv6, one_in=one_in),
        ),
    )


_DIRECTIONS: Mapping[Any, Direction] = {0: Direction.INGRESS, 1: Direction.EGRESS}
_DROPPED = 2
"""The first two bits of element 89."""


def _aside(record: Record, *, is_ipv6: bool, one_in: float | None) -> Aside | None:
    if is_ipv6:
        return Aside.IPV6
    if ((number(record, "forwarding_status") or 0) & 0xFF) >> 6 == _DROPPED:
        return Aside.DROPPED
    return Aside.UNKNOWN_SAMPLER if one_in is None else None


def _address(value: object) -> tuple[int | None, bool]:
    """(IPv4 address as a number, whether it is IPv6)."""
    if not isinstance(value, str):
        return None, False
    if value.count(".") == 3:
        return int.from_bytes(inet_aton(value), "big"), False
    return None, ":" in value


def _section(record: Record) -> SampledPacket | None:
    for name, read in SECTIONS.items():
        if isinstance(value := record.get(name), str):
            return read(bytes.fromhex(value))
    return None


def _span(record: Record, sent_ns: int, booted_ns: int | None) -> tuple[int, int]:
    """First and last packet; the time of the export where a record says none that can be."""
    for first, last, unit_ns in _SPANS:
        start, end = record.get(first), record.get(last)
        if end and isinstance(start, int | float) and isinstance(end, int | float):
            return _plausible(_to_ns(start, unit_ns), _to_ns(end, unit_ns), sent_ns)
    first_ms, last_ms = number(record, "first_switched"), number(record, "last_switched")
    if booted_ns is not None and first_ms is not None and last_ms is not None:
        return _plausible(
            _uptime_ns(first_ms, sent_ns, booted_ns),
            _uptime_ns(last_ms, sent_ns, booted_ns),
            sent_ns,
        )
    return sent_ns, sent_ns


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
