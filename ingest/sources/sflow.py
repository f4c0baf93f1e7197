"""sFlow version 5: sampled packets and interface counters in one datagram.

No decoder that is still maintained could be found, so this is ours; the sampled headers are read
by dpkt. A sample tells of one packet in `sampling_rate`. The octets counted are those of the IP
packet, as NetFlow counts them, not those of the frame.
Source: "sFlow Version 5", sflow.org, July 2004 (memo by Phaal and Lavine).
"""

from collections.abc import Iterator

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.demand_flow import Aside, Direction, Flow
from ingest.heard import Refused
from ingest.sources.flow_export import Export
from ingest.sources.flow_packet import SampledPacket, of_frame, of_packet
from ingest.sources.sflow_counters import PortCounters, port_counters
from ingest.sources.sflow_xdr import Malformed, Reader

VERSION = b"\x00\x00\x00\x05"
_FRAMING_BYTES = 18
"""Ethernet's header and check, where only the frame's length is known."""
_INSIDE = 0x3FFFFFFF
"""An interface number that stands for the device itself."""
_COMPACT_COUNTERS = 2
_MOST_AGENTS = 64
"""Line cards of one device that number their datagrams on their own."""
_FARTHEST_GAP = 1_000_000
_LATEST_MS = 10_000
"""How much older a datagram may be that another one overtook; beyond it the agent restarted."""


def agent_of(raw: bytes) -> str | None:
    """The device a datagram speaks of, which a relay's address does not tell; None without one."""
    if not raw.startswith(VERSION):
        return None
    try:
        address = Reader(raw[4:24]).address()
    except Malformed:
        return None
    return None if address is None else str(address)


class SflowParser:
    """Reads the datagrams of one device; remembers their numbers."""

    def __init__(self) -> None:
        """Begin with no datagram seen."""
        self.other_samples = 0
        """Samples that are neither flows nor counters of a port: drops, vendors' own."""
        self._last: dict[tuple[object, int], tuple[int, int]] = {}

    def parse(self, raw: bytes, *, origin: str, received_ns: int) -> Export:
        """What one datagram says; never raises on its content.

        Args:
            raw: The datagram.
            origin: For refusals.
            received_ns: sFlow has no clock of its own: its samples are of when they arrive.
        """
        found: list[Flow | PortCounters] = []
        refused: list[Refused] = []
        lost = 0
        reader = Reader(raw)
        try:
            reader.take(4)
            agent = reader.address()
            sub_agent, number, uptime_ms, count = reader.numbers(4)
            lost = self._lost((agent, sub_agent), number, uptime_ms)
            for _ in range(count):
                kind, body = reader.numbers(1)[0], reader.opaque()
                try:
                    found.extend(self._sample(kind, body, received_ns))
                except Malformed as error:
                    refused.append(_refused(f"an sFlow sample {error}", body, origin))
        except Malformed as error:
            refused.append(_refused(f"an sFlow datagram {error}", raw, origin))
        return Export(
            at_ns=received_ns,
            flows=tuple(each for each in found if isinstance(each, Flow)),
            ports=tuple(each for each in found if isinstance(each, PortCounters)),
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

    def _sample(self, kind: int, body: bytes, at_ns: int) -> Iterator[Flow | PortCounters]:
        reader = Reader(body)
        match kind:
            case 1:
                _, source, one_in, _, _, inward, _, count = reader.numbers(8)
                kind_of_source, source = source >> 24, source & 0xFFFFFF
                inward = _index(inward)
            case 3:
                numbers = reader.numbers(11)
                kind_of_source, source, one_in = numbers[1:4]
                inward, count = numbers[7], numbers[10]
            case 2 | 4:
                count = reader.numbers(3 if kind == _COMPACT_COUNTERS else 4)[-1]
                if (port := port_counters(reader, count)) is not None:
                    yield port
                return
            case _:
                self.other_samples += 1
                return
        if one_in == 0:
            raise Malformed("says that it is one packet in 0")
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


def _records(reader: Reader, count: int) -> tuple[SampledPacket | None, int, int | None]:
    """The packet, the length of its frame (0 where nobody says), the mask of its route."""
    packet, frame_octets, mask_bits = None, 0, None
    for _ in range(count):
        kind, record = reader.numbers(1)[0], Reader(reader.opaque())
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
