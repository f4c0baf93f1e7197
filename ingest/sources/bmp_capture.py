"""BMP sessions from a file: a packet capture (pcap or pcapng), or the octets of one session."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import IO, Any

import dpkt

from foreshadow.errors import ConfigError
from ingest.sources.pcap import is_capture

_PIECE = 1 << 16
_MOST_EARLY = 1_024
"""Segments that overtook others; of more than that the missing one is not in the capture."""
_MOST_STREAMS = 4_096
_HALF = 1 << 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What arrived at one moment of one session.

    Attributes:
        origin: Where it came from: the sender's address and port, or the file.
        at_ns: When; 0 where the file does not say.
        octets: The next octets of that session; none at its end.
    """

    origin: str
    at_ns: int
    octets: bytes


def pieces(path: Path) -> Iterator[Piece]:
    """Everything the sessions in a file carried, in the order in which it arrived.

    Raises:
        ConfigError: The file cannot be read, or is a capture that ends before its first packet.
    """
    try:
        with path.open("rb") as file:
            yield from _captured(file, path) if is_capture(path) else _plain(file, path)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error


def _plain(file: IO[bytes], path: Path) -> Iterator[Piece]:
    while octets := file.read(_PIECE):
        yield Piece(origin=str(path), at_ns=0, octets=octets)


def _captured(file: IO[bytes], path: Path) -> Iterator[Piece]:
    try:
        reader: Any = dpkt.pcap.UniversalReader(file)
    except (ValueError, dpkt.Error) as error:
        raise ConfigError(f"no packet capture: {error}", path=path) from error
    streams: dict[tuple[bytes, int, bytes, int], _Stream] = {}
    for at_s, frame in _packets(reader):
        found = _segment(reader.datalink(), frame)
        if found is None:
            continue
        source, segment, destination = found
        key = source, segment.sport, destination, segment.dport
        if key not in streams and len(streams) >= _MOST_STREAMS:
            continue
        stream = streams.setdefault(key, _Stream())
        octets = stream.take(segment.seq, segment.flags, bytes(segment.data))
        if octets:
            origin = f"[{ip_address(source)}]:{segment.sport}"
            yield Piece(origin=origin, at_ns=round(at_s * 1e9), octets=octets)


def _packets(reader: Any) -> Iterator[tuple[float, bytes]]:
    """The packets of a capture up to where it breaks off."""
    try:
        yield from reader
    except (ValueError, dpkt.Error):
        return


def _segment(datalink: int, frame: bytes) -> tuple[bytes, Any, bytes] | None:
    """Source, TCP segment and destination of a packet, if there is one in it."""
    try:
        match datalink:
            case dpkt.pcap.DLT_EN10MB:
                packet = dpkt.ethernet.Ethernet(frame).data
            case dpkt.pcap.DLT_LINUX_SLL:
                packet = dpkt.sll.SLL(frame).data
            case dpkt.pcap.DLT_LINUX_SLL2:
                packet = dpkt.sll2.SLL2(frame).data
            case _:
                packet = (dpkt.ip6.IP6 if frame[:1] >= b"\x60" else dpkt.ip.IP)(frame)
    except (dpkt.Error, ValueError, IndexError, TypeError):
        return None
    if not isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6):
        return None
    segment = packet.data
    return (packet.src, segment, packet.dst) if isinstance(segment, dpkt.tcp.TCP) else None


@dataclass(slots=True)
class _Stream:
    """One direction of a TCP connection; segments may come twice and out of order."""

    _next: int | None = None
    _early: dict[int, bytes] = field(default_factory=dict)

    def take(self, seq: int, flags: int, octets: bytes) -> bytes:
        """What can be said in order, now that this segment is here."""
        if flags & dpkt.tcp.TH_SYN:
            seq = (seq + 1) % (1 << 32)  # A SYN takes a number itself, also where data follows it.
            self._next, self._early = seq, {}
        if not octets:
            return b""
        if self._next is None:
            self._next = seq
        if len(self._early) < _MOST_EARLY or seq == self._next:
            self._early[seq] = max(octets, self._early.get(seq, b""), key=len)
        said = bytearray()
        while (segment := self._due()) is not None:
            said += segment
            self._next = (self._next + len(segment)) % (1 << 32)
        return bytes(said)

    def _due(self) -> bytes | None:
        """The part of a segment at hand that comes next."""
        for seq in list(self._early):
            known = ((self._next or 0) - seq) % (1 << 32)
            if known < _HALF:  # It begins at, or before, what comes next.
                segment = self._early.pop(seq)
                if known < len(segment):
                    return segment[known:]
        return None
