"""UDP datagrams of a packet capture, in the order they were captured."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dpkt

from foreshadow.errors import ConfigError
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.heard import Refused

_READERS = {
    dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
    dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
    dpkt.pcap.DLT_LINUX_SLL2: dpkt.sll2.SLL2,
    dpkt.pcap.DLT_NULL: dpkt.loopback.Loopback,
}
_RAW_IP = {12, 14, 101, 228, 229}
_UNDECODABLE = (dpkt.Error, IndexError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Datagram:
    """One UDP datagram.

    Attributes:
        sender: Address it came from.
        at_ns: When it was captured.
        origin: File, number of the packet, sender and port, for people.
    """

    payload: bytes
    sender: str
    at_ns: int
    origin: str


def is_capture(path: Path) -> bool:
    """Whether a file begins as pcap or pcapng does."""
    with path.open("rb") as file:
        return file.read(4) in {
            *(b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x0a\x0d\x0d\x0a"),
            *(b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"),
        }


def udp_datagrams(path: Path) -> Iterator[Datagram | Refused]:
    """Every UDP datagram of a capture; what is damaged or in fragments is refused.

    Raises:
        ConfigError: The file cannot be read, or is no capture.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    with file:
        try:
            reader = dpkt.pcap.UniversalReader(file)
        except _UNDECODABLE as error:
            raise ConfigError("is neither pcap nor pcapng", path=path) from error
        link, number = reader.datalink(), 0
        packets = iter(reader)
        while True:
            number += 1
            origin = f"{path.name}:{number}"
            try:
                at_s, frame = next(packets)
            except StopIteration:
                return
            except _UNDECODABLE:
                yield Refused(reason="the capture is damaged from here on", origin=origin)
                return
            if (found := _datagram(link, frame, round(float(at_s) * 1e9), origin)) is not None:
                yield found


def _datagram(link: int, frame: bytes, at_ns: int, origin: str) -> Datagram | Refused | None:
    """The datagram in a frame; None where there is another protocol in it."""
    try:
        packet = _network_layer(link, frame)
    except _UNDECODABLE:
        return _refused("a frame that ends before its headers do", frame, origin)
    match packet:
        case None:
            return _refused(f"link type {link} of a capture is not known", frame, origin)
        case dpkt.ip.IP() if packet.mf or packet.offset:
            return _refused("a fragment; capture after reassembly", frame, origin)
        case dpkt.ip.IP() | dpkt.ip6.IP6() if isinstance(packet.data, dpkt.udp.UDP):
            if len(packet.data) < packet.data.ulen:
                return _refused("captured in part only; capture whole packets", frame, origin)
            family = socket.AF_INET if isinstance(packet, dpkt.ip.IP) else socket.AF_INET6
            sender = socket.inet_ntop(family, packet.src)
            return Datagram(
                payload=bytes(packet.data.data),
                sender=sender,
                at_ns=at_ns,
                origin=f"{origin} {sender}#{packet.data.sport}",
            )
        case _:
            return None


def _network_layer(link: int, frame: bytes) -> object | None:
    """The packet in a frame; None for a kind of link nobody knows."""
    if link in _RAW_IP:
        is_ipv6 = bool(frame) and frame[0] >> 4 == 6
        packet: object = dpkt.ip6.IP6(frame) if is_ipv6 else dpkt.ip.IP(frame)
    elif link in _READERS:
        packet = _READERS[link](frame).data
    else:
        packet = None
    return packet


def _refused(reason: str, frame: bytes, origin: str) -> Refused:
    return Refused(reason=reason, sample=frame[:DEAD_LETTER_SAMPLE_BYTES], origin=origin)
