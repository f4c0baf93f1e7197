"""The program that holds frames back: link delay on a host whose kernel has no netem.

Each delayed interface of a lab has a tap device. The kernel hands the frames that leave by the
interface to the tap; this process reads them there, holds each one for the delay and writes it to
the same tap, from where the kernel sends it out of the interface (`shaping_kernel` sets that up).
One process serves a whole lab.

It is started as a file, without any package around it, hence the standard library alone. The taps
come as open descriptors through the control socket, keep their namespaces alive, and vanish with
this process. It ends when the last one is released, or when it is told to.

Why not VDE's `wirefilter`: measured on the same two cores with 1400-byte packets at 200 Mbit/s and
10 ms, both lose nothing; wirefilter's delays spread from 9.3 to 11.2 ms (5th to 95th percentile),
these from 10.06 to 10.19 ms; and it takes four processes a link.
"""

import ctypes
import gc
import heapq
import json
import os
import resource
import select
import socket
import struct
import sys
import time
from collections import deque
from contextlib import suppress
from typing import Any

LONGEST_MESSAGE_BYTES = 1 << 20
_LONGEST_FRAME_BYTES = 65_536
_AT_ONCE = 64
"""Frames read from one tap before those that are due are sent, so that no tap starves another."""
_MOST_HELD = 100_000
"""Frames held for one tap; what comes beyond is dropped, as a full buffer drops."""
_ALONE_S = 5.0
"""A relay without a tap and without anybody who talks to it ends after this time."""
_CLOCK_MONOTONIC, _TIMER_ABSOLUTE = 1, 1
_TIMER = struct.Struct("=qqqq")
_libc = ctypes.CDLL(None, use_errno=True)


class Line:
    """One tap, and the frames on their way through it."""

    __slots__ = ("delay_s", "dropped", "frames", "key", "passed", "tap", "waiting")

    def __init__(self, key: str, tap: int, delay_s: float) -> None:
        self.key, self.tap, self.delay_s = key, tap, delay_s
        self.frames: deque[tuple[float, bytes]] = deque()
        self.passed = self.dropped = 0
        self.waiting: socket.socket | None = None
        """Who asked for the release and is told when the last frame is out."""

    def take_in(self) -> bool:
        """Read what has come; False when the tap is gone."""
        tap, frames = self.tap, self.frames
        for _ in range(_AT_ONCE):
            try:
                frame = os.read(tap, _LONGEST_FRAME_BYTES)
            except BlockingIOError:
                return True
            except OSError:  # Somebody deleted the device.
                return False
            if len(frames) < _MOST_HELD:
                frames.append((time.monotonic() + self.delay_s, frame))
            else:
                self.dropped += 1
        return True

    def send_due(self, now_s: float) -> None:
        """Send every frame whose time has come, in the order of arrival whatever its delay was."""
        tap, frames = self.tap, self.frames
        while frames and frames[0][0] <= now_s:
            frame = frames.popleft()[1]
            try:
                os.write(tap, frame)
                self.passed += 1
            except OSError:  # The tap is gone, and the frame with it, as on a cut cable.
                self.dropped += 1


class Relay:
    """All delayed interfaces of a lab, on one thread."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._lines: dict[str, Line] = {}
        self._taps: dict[int, Line] = {}
        self._callers: dict[int, socket.socket] = {}
        self._due: list[tuple[float, int]] = []
        """Heap of (when its first frame is due, tap); one entry for each line that holds any."""
        self._armed_s = 0.0
        self._timer = _libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.epoll()
        # Edge-triggered: the timer need not be read, setting it anew is enough.
        self._poll.register(self._timer, select.EPOLLIN | select.EPOLLET)
        self._poll.register(listener, select.EPOLLIN)

    def run(self) -> None:
        """Serve until there is nothing left to hold and nobody who could bring something."""
        while events := self._poll.poll(-1 if self._lines else _ALONE_S):
            for descriptor, _ in events:
                if descriptor in self._taps:
                    self._take_in(self._taps[descriptor])
                elif descriptor in self._callers:
                    if not self._answer(self._callers[descriptor]):
                        return
                elif descriptor == self._listener.fileno():
                    self._accept()
            if not self._send_due():
                return

    def _take_in(self, line: Line) -> None:
        was_empty = not line.frames
        if not line.take_in():
            self._forget(line)
        elif was_empty and line.frames:
            heapq.heappush(self._due, (line.frames[0][0], line.tap))

    def _send_due(self) -> bool:
        """Send what is due and set the timer; False when the last line has been released."""
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            tap = heapq.heappop(self._due)[1]
            line = self._taps.get(tap)
            if line is None:
                continue
            line.send_due(now_s)
            if line.frames:
                heapq.heappush(self._due, (line.frames[0][0], tap))
            elif line.waiting is not None and not self._end(line):
                return False
        if self._due and self._due[0][0] != self._armed_s:
            self._armed_s = self._due[0][0]
            seconds = int(self._armed_s)
            nanoseconds = int((self._armed_s - seconds) * 1e9)
            _libc.timerfd_settime(
                self._timer, _TIMER_ABSOLUTE, _TIMER.pack(0, 0, seconds, nanoseconds), None
            )
        return True

    def _accept(self) -> None:
        caller, _ = self._listener.accept()
        self._callers[caller.fileno()] = caller
        self._poll.register(caller, select.EPOLLIN)

    def _answer(self, caller: socket.socket) -> bool:
        """Do what is asked; False when that was to end, or to release the last line."""
        try:
            message, taps, _, _ = socket.recv_fds(caller, LONGEST_MESSAGE_BYTES, 1)
        except OSError:
            message, taps = b"", []
        if not message:
            del self._callers[caller.fileno()]
            self._poll.unregister(caller)
            caller.close()
            return True
        asked = json.loads(message)
        if "hold" in asked:
            self._hold(asked["hold"], asked["delay_s"], taps)
        elif "release" in asked:
            return self._release(asked["release"], caller)
        elif "quit" in asked:
            return False
        _tell(caller, {key: _facts(line) for key, line in self._lines.items()})
        return True

    def _hold(self, key: str, delay_s: float, taps: list[int]) -> None:
        """Begin to hold a tap's frames, or change for how long."""
        if key in self._lines and taps:
            self._forget(self._lines[key])
        if taps:
            line = self._lines[key] = self._taps[taps[0]] = Line(key, taps[0], delay_s)
            os.set_blocking(line.tap, False)
            self._poll.register(line.tap, select.EPOLLIN)
        elif key in self._lines:
            self._lines[key].delay_s = delay_s

    def _release(self, key: str, caller: socket.socket) -> bool:
        line = self._lines.get(key)
        if line is None:
            _tell(caller, {})
            return True
        line.waiting = caller
        self._take_in(line)  # What the kernel handed over before it stopped to do so.
        if self._lines.get(key) is not line:
            return self._tell_ended(caller)
        return True if line.frames else self._end(line)

    def _end(self, line: Line) -> bool:
        """Close a released line; False when it was the last one."""
        self._forget(line)
        return self._tell_ended(line.waiting)

    def _tell_ended(self, caller: socket.socket | None) -> bool:
        """Tell who asked for a release what is held still; False when that is nothing."""
        if caller is not None:
            _tell(caller, {key: _facts(each) for key, each in self._lines.items()})
        return bool(self._lines)

    def _forget(self, line: Line) -> None:
        with suppress(OSError):
            self._poll.unregister(line.tap)
        os.close(line.tap)
        del self._taps[line.tap]
        if self._lines.get(line.key) is line:
            del self._lines[line.key]


def _facts(line: Line) -> dict[str, Any]:
    return {
        "delay_s": line.delay_s,
        "held": len(line.frames),
        "passed": line.passed,
        "dropped": line.dropped,
    }


def _tell(caller: socket.socket, answer: dict[str, Any]) -> None:
    with suppress(OSError):
        caller.send(json.dumps(answer).encode())


def main() -> None:
    """Serve the listening socket that is standard input."""
    # A cable is not longer because the host is busy. What the relay may take is bounded by what the
    # others, who need the same cores, send through it.
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # Two taps a link.
    gc.freeze()
    gc.disable()  # Nothing here makes cycles, and a collection would hold frames back.
    Relay(socket.socket(fileno=os.dup(sys.stdin.fileno()))).run()


if __name__ == "__main__":
    main()
