"""sFlow version 5: sampled packets and interface counters in one datagram.

No decoder that is still maintained could be found, so this is ours; the sampled headers are read
by dpkt. A sample tells of one packet in `sampling_rate`. The octets counted are those of the IP
packet, as NetFlow counts them, not those of the frame.
Source: "sFlow Version 5", sflow.org, July 2004 (memo by Phaal and Lavine).
"""

import struct
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.demand_flow import Aside, Direction, Export, Flow
from ingest.heard import Refused
from ingest.sources.flow_packet import SampledPacket, of_frame, of_packet

VERSION = b"\x00\x00\x00\x05"
_ADDRESS_BYTES = {1: 4, 2: 16}
_FRAMING_BYTES = 18
"""Ethernet's header and check, where only the frame's length is known."""
_INSIDE = 0x3FFFFFFF
"""An interface number that stands for the device itself."""
_MOST_AGENTS = 64
"""Line cards of one device that number their datagrams on their own."""
_FARTHEST_GAP = 1_000_000
_LATEST_MS = 10_000
"""How much older a datagram may be that another one overtook; beyond it the agent restarted."""


class _Malformed(Exception):
    """What the specification does not allow; the text says what."""


class _Reader:
    """XDR, as far as sFlow uses it (RFC 4506); never reads past its end."""

    def __init__(self, raw: bytes) -> None:
        """Begin at the first byte."""
        self._raw, self._at = raw, 0

    def numbers(self, count: int) -> tuple[int, ...]:
        """That many unsigned 32-bit numbers."""
        return struct.unpack(f">{count}I", self.take(4 * count))

    def take(self, count: int) -> bytes:
        """That many bytes.

        Raises:
            _Malformed: There are not that many.
        """
        if count > len(self._raw) - self._at:
            raise _Malformed("ends before what it announces")
        self._at += count
        return self._raw[self._at - count : self._at]

    def opaque(self) -> bytes:
        """Bytes with their length before them and padding behind."""
        (length,) = self.numbers(1)
        body = self.take(length)
        # Some agents leave out the padding of the last one.
        self._at = min(self._at + -length % 4, len(self._raw))
        return body

    def address(self) -> IPv4Address | IPv6Address | None:
        """An address with its kind before it; None where it says that there is none."""
        (kind,) = self.numbers(1)
        if kind == 0:
            return None
        if kind not in _ADDRESS_BYTES:
            raise _Malformed("has an address that is neither IPv4 nor IPv6")
        raw = self.take(_ADDRESS_BYTES[kind])
        return IPv4Address(raw) if kind == 1 else IPv6Address(raw)


def agent_of(raw: bytes) -> str | None:
    """The device a datagram speaks of, which a relay's address does not tell; None without one."""
    if not raw.startswith(VERSION):
        return None
    try:
        address = _Reader(raw[4:24]).address()
    except _Malformed:
        return None
    return None if address is None else str(address)


class SflowParser:
    """Reads the datagrams of one device; remembers their numbers."""

    def __init__(self) -> None:
        """Begin with no datagram seen."""
        self.other_samples: Counter[int] = Counter()
        """Samples that are no flows, by their format: counters, drops, vendors' own."""
        self._last: dict[tuple[object, int], tuple[int, int]] = {}

    def parse(self, raw: bytes, *, origin: str, received_ns: int) -> Export:
        """What one datagram says; never raises on its content.

        Args:
            raw: The datagram.
            origin: For refusals.
            received_ns: sFlow has no clock of its own: its samples are of when they arrive.
        """
        flows: list[Flow] = []
        refused: list[Refused] = []
        lost = 0
        reader = _Reader(raw)
        try:
            reader.take(4)
            agent = reader.address()
            sub_agent, number, uptime_ms, count = reader.numbers(4)
            lost = self._lost((agent, sub_agent), number, uptime_ms)
            for _ in range(count):
                kind, body = reader.numbers(1)[0], reader.opaque()
                try:
                    flows.extend(self._sample(kind, body, received_ns))
                except _Malformed as error:
                    refused.append(_refused(f"an sFlow sample {error}", body, origin))
        except _Malformed as error:
            refused.append(_refused(f"an sFlow datagram {error}", raw, origin))
        return Export(
            at_ns=received_ns,
            flows=tuple(flows),
            is_whole=not refused,
            lost=lost,
            refused=tuple(refused),
        )

    def _lost(self, agent: tuple[object, int], number: int, uptime_ms: int) -> int:
        """Datagrams missing before this one; none where the agent began anew."""
        last = self._last.pop(agent, None)
        if last is not None and number <= last[0] and uptime_ms > last[1] - _LATEST_MS:
            self._last[agent] = last  # Late or doubled.
            return 0
        if len(self._last) >= _MOST_AGENTS:
            del self._last[next(iter(self._last))]
        self._last[agent] = (number, uptime_ms)
        if last is None or uptime_ms < last[1] or number - last[0] > _FARTHEST_GAP:
            return 0
        return number - last[0] - 1

    def _sample(self, kind: int, body: bytes, at_ns: int) -> Iterator[Flow]:
        reader = _Reader(body)
        match kind:
            case 1:
                _, source, one_in, _, _, inward, _, count = reader.numbers(8)
                kind_of_source, source = source >> 24, source & 0xFFFFFF
                inward = _index(inward)
            case 3:
                numbers = reader.numbers(11)
                kind_of_source, source, one_in = numbers[1:4]
                inward, count = numbers[7], numbers[10]
            case _:
                self.other_samples[kind] += 1
                return
        if one_in == 0:
            raise _Malformed("says that it is one packet in 0")
        packet, frame_octets, mask_bits = _records(reader, count)
        is_ipv6 = packet is not None and packet.destination is None
        yield Flow(
            destination=packet.destination if packet else None,
            octets=(packet.octets if packet else 0) or max(frame_octets - _FRAMING_BYTES, 0),
            packets=1,
            start_ns=at_ns,
            end_ns=at_ns,
            sampled_one_in=one_in,
            mask_bits=mask_bits,
            ingress=None if inward in {0, _INSIDE} else inward,
            direction=_direction(source, inward) if kind_of_source == 0 else None,
            aside=Aside.IPV6 if is_ipv6 else None,
        )


def _records(reader: _Reader, count: int) -> tuple[SampledPacket | None, int, int | None]:
    """The packet, the length of its frame (0 where nobody says), the mask of its route."""
    packet, frame_octets, mask_bits = None, 0, None
    for _ in range(count):
        kind, record = reader.numbers(1)[0], _Reader(reader.opaque())
        match kind:
            case 1:
                protocol, frame_octets, _ = record.numbers(3)
                packet = _packet(protocol, record.opaque())
            case 3 if packet is None:
                octets, _, _, destination = record.numbers(4)
                packet = SampledPacket(destination=destination, octets=octets)
            case 4 if packet is None:
                packet = SampledPacket(destination=None, octets=record.numbers(1)[0])
            case 1002:
                record.address()
                _, mask_bits = record.numbers(2)
            case _:  # Switch, gateway, user, vendors' own: nothing that the demand needs.
                pass
    return packet, frame_octets, mask_bits


def _packet(protocol: int, header: bytes) -> SampledPacket | None:
    match protocol:
        case 1:
            return of_frame(header)
        case 11 | 12:
            return of_packet(header)
        case _:
            return None


def _index(port: int) -> int:
    """The interface of a compact port number; 0 where it names none or several."""
    return port & 0x3FFFFFFF if port >> 30 == 0 else 0


def _direction(source: int, inward: int) -> Direction | None:
    """The interface that sampled names itself: it is the one the packet came in by, or went out."""
    if 0 in {source, inward} or inward == _INSIDE:
        return None
    return Direction.INGRESS if source == inward else Direction.EGRESS


def _refused(reason: str, raw: bytes, origin: str) -> Refused:
    return Refused(reason=reason, sample=raw[:DEAD_LETTER_SAMPLE_BYTES], origin=origin)
