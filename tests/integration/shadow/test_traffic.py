"""The process that sends and times packets: what it says of them, and that it ends."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from foreshadow.errors import EmulationFailed
from shadow.emulation.traffic import Traffic, Way
from tests.eventually import eventually

pytestmark = pytest.mark.slow

_INTERVAL_S = 0.001


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """(outlet, inlet) on this host's own loopback."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inlet,
    ):
        inlet.bind(("127.0.0.1", 0))
        yield outlet, inlet


def _way(outlet: socket.socket, port: int) -> Way:
    return Way(outlet=outlet.fileno(), target=("127.0.0.1", port), interval_s=_INTERVAL_S)


def test_each_packet_is_numbered_timed_and_told_once(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """Sent in order, arrived a moment later by the receiving kernel's stamp, none twice."""
    outlet, inlet = sockets
    before_ns = time.monotonic_ns()
    with Traffic([_way(outlet, inlet.getsockname()[1])], [inlet]) as traffic:
        eventually(lambda: len(traffic.update()[0].sent_ns) > 200, within_s=20)
        (trail,) = traffic.stop(drain_s=0.1)
    after_ns = time.monotonic_ns()

    assert traffic.overflows == 0
    assert sorted(trail.arrived.tolist()) == list(range(len(trail.sent_ns)))
    assert (trail.sent_ns[1:] > trail.sent_ns[:-1]).all()
    assert before_ns < trail.sent_ns[0] < trail.sent_ns[-1] < after_ns
    taken_ns = trail.arrived_ns - trail.sent_ns[trail.arrived]
    assert taken_ns.min() > 0
    assert taken_ns.max() < 1e9
    assert len(trail.late_ns) == len(trail.sent_ns)


def test_what_never_arrives_was_sent_all_the_same(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """Nobody listens: every packet is sent, none comes."""
    outlet, inlet = sockets
    port = inlet.getsockname()[1]
    inlet.close()
    with Traffic([_way(outlet, port)], []) as traffic:
        eventually(lambda: len(traffic.update()[0].sent_ns) > 20, within_s=20)
        (trail,) = traffic.stop(drain_s=0.0)

    assert len(trail.sent_ns) > 20
    assert len(trail.arrived) == 0


def test_a_dead_process_is_an_error_not_a_network_without_loss(
    sockets: tuple[socket.socket, socket.socket],
) -> None:
    """Whoever asks for its figures is told."""
    outlet, inlet = sockets
    with Traffic([_way(outlet, inlet.getsockname()[1])], [inlet]) as traffic:
        traffic.update()  # Answered by the program itself: the process has its name by then.
        (child,) = _senders(psutil.Process())
        child.kill()
        child.wait(10)

        with pytest.raises(EmulationFailed, match="process that sends packets"):
            traffic.update()


_OWNER = """
import os, signal, socket, sys
from shadow.emulation.traffic import Traffic, Way

outlet = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
with Traffic(
    [Way(outlet=outlet.fileno(), target=("127.0.0.1", 9), interval_s=0.001)], []
) as traffic:
    while not len(traffic.update()[0].sent_ns):
        pass
    print(traffic._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_ends_with_its_owner_however_that_ended() -> None:
    """Nothing keeps sending after `kill -9` of whoever wanted it."""
    owner = subprocess.run([sys.executable, "-c", _OWNER], capture_output=True, check=False)

    assert owner.returncode == -signal.SIGKILL, owner.stderr
    pid = int(owner.stdout)
    eventually(lambda: not _is_alive(pid), within_s=10)


def _senders(process: psutil.Process) -> list[psutil.Process]:
    living = [it for it in process.children() if _is_alive(it.pid)]  # A zombie has no command line.
    return [it for it in living if "traffic_process" in " ".join(it.cmdline())]


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
