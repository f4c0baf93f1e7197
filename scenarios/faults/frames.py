"""Frames sent over one link, both ways, and what became of them.

A fault of a link is there when frames notice, whatever the kernel says it was told. They are
Ethernet frames of a type of their own (IEEE's for local experiments), so they need no address and
no route, pass the same filters and queues as everything else, and mean nothing to any daemon.
"""

import os
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabEnd, LabLink

_ETHERTYPE = 0x88B5
_HEADER = b"\xff" * 6 + b"\x02" + bytes(5) + struct.pack("!H", _ETHERTYPE)
_STAMP = struct.Struct("!8sI")
_LEAST_BYTES = 60
"""Below it Ethernet pads."""


@dataclass(slots=True)
class Passage:
    """What one direction of a link did to frames.

    Attributes:
        sent_s: When each was sent, monotonic.
        arrived_s: When each that arrived did, by its number.
        size_bytes: Of every frame.
    """

    size_bytes: int
    sent_s: list[float] = field(default_factory=list)
    arrived_s: dict[int, float] = field(default_factory=dict)

    @property
    def lost(self) -> int:
        """Frames that did not arrive."""
        return len(self.sent_s) - len(self.arrived_s)

    @property
    def delay_s(self) -> float:
        """The shortest way from one end to the other; infinite where nothing arrived."""
        delays = (at_s - self.sent_s[number] for number, at_s in self.arrived_s.items())
        return min(delays, default=float("inf"))

    @property
    def rate_bps(self) -> float:
        """How fast frames that were sent at once came out; the first third fills buckets."""
        moments = sorted(self.arrived_s.values())[len(self.arrived_s) // 3 :]
        if len(moments) < 2 or moments[-1] <= moments[0]:
            return float("inf")
        return 8 * self.size_bytes * (len(moments) - 1) / (moments[-1] - moments[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How many frames are sent each way, how fast, how large, and how long the last may take."""

    frames: int = 3
    gap_s: float = 0.001
    size_bytes: int = _LEAST_BYTES
    wait_s: float = 0.05


def cross(lab: Emulator, link: LabLink, stream: Stream) -> tuple[Passage, Passage]:
    """What a link does to frames from its first end to its second, and back."""
    with ExitStack() as opened:
        ways = tuple(
            _Way(
                opened.enter_context(_packet_socket(lab, near, 0)),
                opened.enter_context(_packet_socket(lab, far, _ETHERTYPE)),
                stream.size_bytes,
            )
            for near, far in ((link.a, link.b), (link.b, link.a))
        )
        for _ in range(stream.frames):
            for way in ways:
                way.send()
            _take_in(ways, until_s=time.monotonic() + stream.gap_s)
        _take_in(ways, until_s=time.monotonic() + stream.wait_s)
    return ways[0].passage, ways[1].passage


def arrives(lab: Emulator, link: LabLink) -> tuple[LabEnd, ...]:
    """The ends at which a frame from the other end arrives."""
    there, back = cross(lab, link, Stream(wait_s=0.05 + 2 * link.shape.delay_s))
    return tuple(end for end, way in ((link.b, there), (link.a, back)) if way.arrived_s)


class _Way:
    """One direction, while frames are under way."""

    def __init__(self, outlet: socket.socket, inlet: socket.socket, size_bytes: int) -> None:
        self.passage = Passage(size_bytes=size_bytes)
        self.inlet, self._outlet, self._nonce = inlet, outlet, os.urandom(8)

    def send(self) -> None:
        frame = _HEADER + _STAMP.pack(self._nonce, len(self.passage.sent_s))
        self.passage.sent_s.append(time.monotonic())
        try:
            self._outlet.send(frame.ljust(self.passage.size_bytes, b"\0"))
        except OSError:
            return  # No carrier, or a full queue: sent, and it will not arrive.

    def take_in(self) -> None:
        for frame in _waiting(self.inlet):
            nonce, number = _STAMP.unpack_from(frame, len(_HEADER))
            if nonce == self._nonce:
                self.passage.arrived_s.setdefault(number, time.monotonic())

    @property
    def is_done(self) -> bool:
        return self.passage.lost == 0


def _take_in(ways: tuple[_Way, ...], *, until_s: float) -> None:
    by_inlet = {way.inlet: way for way in ways}
    while (left_s := until_s - time.monotonic()) > 0 and not all(way.is_done for way in ways):
        ready, _, _ = select.select(list(by_inlet), [], [], left_s)
        for inlet in ready:
            by_inlet[inlet].take_in()


def _waiting(inlet: socket.socket) -> Iterator[bytes]:
    while True:
        try:
            frame = inlet.recv(2048)
        except OSError:  # Nothing more, or the interface went down.
            return
        if len(frame) >= len(_HEADER) + _STAMP.size:
            yield frame


def _packet_socket(lab: Emulator, end: LabEnd, ethertype: int) -> socket.socket:
    with lab.inside(end.node):
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        try:
            opened.setblocking(False)  # noqa: FBT003 - the socket module's own signature.
            opened.bind((end.interface, ethertype))
        except BaseException:
            opened.close()
            raise
    return opened
