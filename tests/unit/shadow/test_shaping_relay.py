"""What holds frames back: for their time, in their order, and what happens at its edges."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shadow.emulation import shaping_relay
from shadow.emulation.shaping_relay import Line


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """(the kernel's end, the relay's end) of what stands in for a tap: it keeps frames apart."""
    kernel, tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, tap:
        kernel.settimeout(0)
        tap.settimeout(0)
        yield kernel, tap


def _came_back(kernel: socket.socket) -> list[bytes]:
    frames = []
    while True:
        try:
            frames.append(kernel.recv(100))
        except BlockingIOError:
            return frames


def test_a_frame_comes_back_after_its_delay_and_not_before(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """Counted from when it was read."""
    kernel, tap = ends
    line = Line("r1/to-r2", tap.fileno(), 0.010)
    kernel.send(b"hello")
    before_s = time.monotonic()
    assert line.take_in()
    after_s = time.monotonic()

    line.send_due(before_s + 0.0099)
    assert _came_back(kernel) == []
    line.send_due(after_s + 0.010)
    assert _came_back(kernel) == [b"hello"]
    assert (line.passed, line.dropped) == (1, 0)


@given(st.lists(st.floats(0, 0.5), min_size=1, max_size=20))
def test_no_frame_overtakes_another_whatever_the_delay_becomes(delays_s: list[float]) -> None:
    """A delay that shrinks lets nobody pass those who are under way."""
    kernel, tap = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with kernel, tap:
        kernel.settimeout(0)
        tap.settimeout(0)
        line = Line("r1/to-r2", tap.fileno(), 0.0)
        for number, delay_s in enumerate(delays_s):
            line.delay_s = delay_s
            kernel.send(b"%d" % number)
            line.take_in()
        came: list[bytes] = []
        now_s = time.monotonic()
        for step in range(12):
            line.send_due(now_s + 0.05 * step)
            came += _came_back(kernel)

    assert came == [b"%d" % number for number in range(len(delays_s))]


def test_a_tap_that_is_gone_is_noticed_when_it_is_read() -> None:
    """Its line is then forgotten."""
    reading, writing = os.pipe()
    line = Line("r1/to-r2", writing, 0.0)
    os.close(reading)

    assert not line.take_in()
    os.close(writing)


def test_a_frame_that_the_kernel_does_not_take_is_lost(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    """As on a cut cable; the next one is tried."""
    kernel, tap = ends
    line = Line("r1/to-r2", tap.fileno(), 0.0)
    kernel.send(b"1")
    kernel.send(b"2")
    line.take_in()
    kernel.close()

    line.send_due(time.monotonic() + 1)

    assert (line.passed, line.dropped) == (0, 2)


def test_a_frame_that_comes_with_the_release_is_sent_before_the_answer(
    ends: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    """Nothing else is held then, so nobody but the release looks for it."""
    kernel, tap = ends
    kernel.send(b"last")
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(tmp_path / "control"))
        listener.listen(2)
        # Both asked before the relay runs: it hears of the tap, and then of the release first.
        with _caller(tmp_path) as holding, _caller(tmp_path) as releasing:
            held = json.dumps({"hold": "r1/to-r2", "delay_s": 0.01}).encode()
            socket.send_fds(holding, [held], [tap.fileno()])
            releasing.send(json.dumps({"release": "r1/to-r2"}).encode())
            relay = subprocess.Popen(
                [sys.executable, "-I", "-S", shaping_relay.__file__], stdin=listener.fileno()
            )
            try:
                assert json.loads(releasing.recv(1000)) == {}
                assert _came_back(kernel) == [b"last"]
                assert relay.wait(timeout=5) == 0
            finally:
                relay.kill()
                relay.wait()


def _caller(place: Path) -> socket.socket:
    caller = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    caller.settimeout(10)
    caller.connect(str(place / "control"))
    return caller
