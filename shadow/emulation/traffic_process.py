"""The program that sends and takes in numbered packets in many network namespaces, by one clock.

A process of its own, since whoever measures must not wait for the interpreter lock of whoever reads
tables and injects faults meanwhile. Its sockets and tap devices were opened in the routers'
namespaces by its owner (`traffic`), who also starts it as a file, without any package around it:
hence the standard library alone. It ends when its owner ends.

Sending times are read right before each packet is handed to the kernel; arrival times are the
receiving kernel's (SO_TIMESTAMPNS), so a late reader changes no figure. A probe that is late goes
on from now, since a burst to catch up would sample one moment twice; a flow that is late catches
up, since its rate was promised.
"""

import array
import ctypes
import gc
import heapq
import json
import os
import socket
import struct
import sys
import time
from base64 import b64decode
from contextlib import suppress
from typing import Any

MARK = struct.Struct("!HI")
"""Way and number, the first bytes of a packet's own content."""
LENGTH = struct.Struct("!I")
STAMP_OPTION, OVERFLOW_OPTION = 35, 40
"""SO_TIMESTAMPNS and SO_RXQ_OVFL, which the socket module does not name."""

_SOURCE_PORT_AT = 20
_AT_ONCE = 128
_LONGEST_SLEEP_NS = 1_000_000
_ASKED_EVERY_NS = 5_000_000
_NICE = -10
_PR_SET_TIMERSLACK = 29
_TIMESPEC = struct.Struct("=qq")
_COUNT = struct.Struct("=I")
_ANCILLARY_BYTES = 128


class Way:
    """One numbered stream of packets and what happened to it since that was last told."""

    def __init__(self, number: int, plan: dict[str, Any]) -> None:
        self._target = tuple(plan["target"]) if plan["target"] else None
        self._outlet = plan["outlet"]
        self._socket = None if self._target is None else socket.socket(fileno=self._outlet)
        head = b64decode(plan["head"])
        self._packet = bytearray(max(plan["length"], len(head) + MARK.size))
        self._packet[: len(head)] = head
        self._mark_at, self._way = len(head), number
        self._first_port, self._ports = plan["first_port"], plan["ports"]
        self.interval_ns = plan["interval_ns"]
        self._catches_up = plan["catches_up"]
        self._count = 0
        self.sent, self.late = array.array("q"), array.array("q")
        self.numbers, self.arrivals = array.array("I"), array.array("q")

    def send(self, due_ns: int) -> int:
        """Send the next packet; returns when the one after it is due."""
        packet, number = self._packet, self._count
        MARK.pack_into(packet, self._mark_at, self._way, number & 0xFFFF_FFFF)
        if self._ports > 1:
            port = self._first_port + number % self._ports
            packet[_SOURCE_PORT_AT : _SOURCE_PORT_AT + 2] = port.to_bytes(2, "big")
        self._count = number + 1
        now_ns = time.monotonic_ns()
        self.sent.append(now_ns)
        self.late.append(now_ns - due_ns)
        try:
            if self._socket is None:
                os.write(self._outlet, packet)
            else:
                self._socket.sendto(packet, self._target)  # type: ignore[arg-type]
        except OSError:
            # No route, or a full queue: the packet counts as sent and will not arrive.
            pass
        next_ns: int = due_ns + self.interval_ns
        return next_ns if self._catches_up else max(next_ns, now_ns)

    def tell(self) -> tuple[dict[str, int], bytes]:
        """What is new, and forget it."""
        told = {"sent": len(self.sent), "received": len(self.numbers)}
        content = b"".join(
            part.tobytes() for part in (self.sent, self.late, self.numbers, self.arrivals)
        )
        for part in (self.sent, self.late, self.numbers, self.arrivals):
            del part[:]
        return told, content


class Traffic:
    """All ways, sent and received by one thread."""

    def __init__(self, plan: dict[str, Any], owner: socket.socket) -> None:
        self._ways = [Way(number, each) for number, each in enumerate(plan["ways"])]
        self._inlets = [socket.socket(fileno=each) for each in plan["inlets"]]
        for inlet in self._inlets:
            inlet.settimeout(0)
        self._overflows = [0] * len(self._inlets)
        self._owner = owner
        now_ns = time.monotonic_ns()
        # Spread over the first interval, so that not all ways sample the same instants.
        self._due = [
            (now_ns + each.interval_ns * number // max(1, len(self._ways)), number)
            for number, each in enumerate(self._ways)
        ]
        heapq.heapify(self._due)

    def run(self) -> None:
        """Send and receive until told to stop; then receive for as long as asked, and tell."""
        ask_ns = time.monotonic_ns()
        while True:
            self._send_due()
            self._receive()
            now_ns = time.monotonic_ns()
            if now_ns >= ask_ns:
                ask_ns = now_ns + _ASKED_EVERY_NS
                drain_ns = self._answer()
                if drain_ns is not None:
                    break
            wait_ns = min(self._due[0][0] - now_ns, _LONGEST_SLEEP_NS) if self._due else 0
            if wait_ns > 0 or not self._due:
                time.sleep((wait_ns if self._due else _LONGEST_SLEEP_NS) / 1e9)
        self._drain(drain_ns)
        self._tell()

    def _send_due(self) -> None:
        due = self._due
        for _ in range(_AT_ONCE):
            if not due or due[0][0] > time.monotonic_ns():
                return
            due_ns, number = due[0]
            heapq.heapreplace(due, (self._ways[number].send(due_ns), number))

    def _receive(self) -> None:
        ways = self._ways
        offset_ns = time.time_ns() - time.monotonic_ns()
        for place, inlet in enumerate(self._inlets):
            for _ in range(_AT_ONCE):
                try:
                    content, notes, _, _ = inlet.recvmsg(MARK.size, _ANCILLARY_BYTES)
                except BlockingIOError:
                    break
                if len(content) < MARK.size:
                    continue
                at_ns = 0
                for _, kind, note in notes:
                    if kind == STAMP_OPTION:
                        seconds, nanoseconds = _TIMESPEC.unpack_from(note)
                        at_ns = seconds * 1_000_000_000 + nanoseconds - offset_ns
                    elif kind == OVERFLOW_OPTION:
                        self._overflows[place] = _COUNT.unpack_from(note)[0]
                number, count = MARK.unpack(content)
                if number < len(ways):
                    ways[number].numbers.append(count)
                    ways[number].arrivals.append(at_ns)

    def _drain(self, for_ns: int) -> None:
        until_ns = time.monotonic_ns() + for_ns
        while time.monotonic_ns() < until_ns:
            self._receive()
            time.sleep(_LONGEST_SLEEP_NS / 1e9)
        self._receive()

    def _answer(self) -> int | None:
        """Tell what is new if the owner asks; how long to drain when it says stop."""
        try:
            asked = self._owner.recv(64, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        if not asked:
            sys.exit(0)  # The owner is gone.
        if asked.startswith(b"stop"):
            return int(asked.removeprefix(b"stop"))
        self._tell()
        return None

    def _tell(self) -> None:
        told = [way.tell() for way in self._ways]
        facts = {"ways": [each for each, _ in told], "overflows": sum(self._overflows)}
        head = json.dumps(facts).encode()
        body = b"".join(content for _, content in told)
        with suppress(BrokenPipeError):
            self._owner.sendall(LENGTH.pack(len(head)) + head + body)


def main() -> None:
    """Carry out the plan in the argument; the owner talks through standard input."""
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    owner = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    length = LENGTH.unpack(owner.recv(LENGTH.size, socket.MSG_WAITALL))[0]
    plan = json.loads(owner.recv(length, socket.MSG_WAITALL))
    gc.freeze()
    gc.disable()
    Traffic(plan, owner).run()


if __name__ == "__main__":
    main()
