"""Numbered packets through a lab, sent and timed by a process of their own (`traffic_process`)."""

import json
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from foreshadow.errors import EmulationFailed
from shadow.emulation import traffic_process as program

Nanoseconds = npt.NDArray[np.int64]

_ANSWERS_WITHIN_S = 20.0
_ENDS_WITHIN_S = 10.0
_RECEIVE_BUFFER_BYTES = 8 << 20
_SO_RCVBUFFORCE = 33  # Past rmem_max, so that a busy host drops nothing.


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One stream of packets.

    Attributes:
        outlet: Where they are written: a UDP socket, or a tun device.
        target: Address and port, for a socket.
        head: What comes before the packet's number: IP and UDP header, for a tun device.
        length: Of the whole packet as it is written, bytes.
        interval_s: Between two packets.
        first_port: Lowest source port, and
        ports: how many are used in turn; for a tun device.
        catches_up: What the sender missed is sent late rather than never.
    """

    outlet: int
    target: tuple[str, int] | None
    interval_s: float
    head: bytes = b""
    length: int = 0
    first_port: int = 0
    ports: int = 1
    catches_up: bool = False


@dataclass(slots=True)
class Trail:
    """What is known of one way, in nanoseconds of the monotonic clock.

    Attributes:
        sent_ns: When each packet was handed to the kernel, by number.
        late_ns: How much later than intended, by number.
        arrived: Numbers of the packets that arrived, in the order of arrival.
        arrived_ns: When the receiving kernel had them, in the same order.
    """

    sent_ns: Nanoseconds = field(default_factory=lambda: np.empty(0, np.int64))
    late_ns: Nanoseconds = field(default_factory=lambda: np.empty(0, np.int64))
    arrived: npt.NDArray[np.uint32] = field(default_factory=lambda: np.empty(0, np.uint32))
    arrived_ns: Nanoseconds = field(default_factory=lambda: np.empty(0, np.int64))


class Traffic:
    """Ways that are sent and received from entering the block until `stop`."""

    def __init__(self, ways: Sequence[Way], inlets: Sequence[socket.socket]) -> None:
        """Nothing is sent yet.

        Args:
            ways: What to send; the outlets are open.
            inlets: Bound UDP sockets at which packets may arrive.
        """
        self._ways, self._inlets = tuple(ways), tuple(inlets)
        self.trails = tuple(Trail() for _ in ways)
        self.overflows = 0
        """Packets that arrived and found no room at their socket."""
        self._process: subprocess.Popen[bytes] | None = None
        self._talk: socket.socket | None = None

    def __enter__(self) -> Self:
        for inlet in self._inlets:
            inlet.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER_BYTES)
            inlet.setsockopt(socket.SOL_SOCKET, program.STAMP_OPTION, 1)
            inlet.setsockopt(socket.SOL_SOCKET, program.OVERFLOW_OPTION, 1)
        plan = {
            "ways": [_planned(way) for way in self._ways],
            "inlets": [inlet.fileno() for inlet in self._inlets],
        }
        handed = {way.outlet for way in self._ways} | {it.fileno() for it in self._inlets}
        self._talk, theirs = socket.socketpair()
        self._talk.settimeout(_ANSWERS_WITHIN_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", program.__file__],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                pass_fds=tuple(handed),
                start_new_session=True,
            )
        content = json.dumps(plan).encode()
        self._talk.sendall(program.LENGTH.pack(len(content)) + content)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def update(self) -> tuple[Trail, ...]:
        """Ask for what is new; the newest packets may still be under way.

        Raises:
            EmulationFailed: The process ended.
        """
        if self._talk is not None:
            self._take_in(self._talk, b"tell")
        return self.trails

    def stop(self, *, drain_s: float) -> tuple[Trail, ...]:
        """Send no more, wait `drain_s` for what is under way, and return what happened.

        Raises:
            EmulationFailed: The process ended.
        """
        if self._talk is not None:
            self._take_in(self._talk, b"stop%d" % round(drain_s * 1e9))
            self.close()
        return self.trails

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._talk is not None:
            self._talk.close()  # Which it takes as its owner's end.
            self._talk = None
        if self._process is not None:
            try:
                self._process.wait(timeout=_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _take_in(self, talk: socket.socket, ask: bytes) -> None:
        try:
            talk.sendall(ask)
            length = program.LENGTH.unpack(_read(talk, program.LENGTH.size))[0]
            head = json.loads(_read(talk, length))
            self.overflows = head["overflows"]
            for trail, told in zip(self.trails, head["ways"], strict=True):
                _extend(trail, talk, told["sent"], told["received"])
        except OSError as error:
            raise EmulationFailed(f"the process that sends packets: {error}") from error


def _extend(trail: Trail, talk: socket.socket, sent: int, received: int) -> None:
    def numbers(count: int, kind: type[np.integer[Any]]) -> npt.NDArray[Any]:
        return np.frombuffer(_read(talk, count * np.dtype(kind).itemsize), kind)

    trail.sent_ns = np.append(trail.sent_ns, numbers(sent, np.int64))
    trail.late_ns = np.append(trail.late_ns, numbers(sent, np.int64))
    trail.arrived = np.append(trail.arrived, numbers(received, np.uint32))
    trail.arrived_ns = np.append(trail.arrived_ns, numbers(received, np.int64))


def _read(talk: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = talk.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EmulationFailed("the process that sends packets ended")
        content += part
    return bytes(content)


def _planned(way: Way) -> dict[str, Any]:
    return {
        "outlet": way.outlet,
        "target": way.target,
        "head": b64encode(way.head).decode(),
        "length": way.length,
        "interval_ns": max(1, round(way.interval_s * 1e9)),
        "first_port": way.first_port,
        "ports": way.ports,
        "catches_up": way.catches_up,
    }
