"""Processes as the kernel sees them: running, frozen, dead, and who listens where."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shadow.emulation import process_table
from shadow.emulation.emulator import DaemonState
from tests.eventually import eventually

_LISTENS = """
import socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
print("listens", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that listens on a socket, as FRR's daemons do, under `-N fsunit-A`."""
    address = tmp_path / "zebra.vty"
    with subprocess.Popen(
        [sys.executable, "-c", _LISTENS, str(address), "-N", "fsunit-A"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listens\n"
        yield process, address
        process.kill()


def test_a_daemon_is_found_by_the_socket_it_listens_on(
    daemon: tuple[subprocess.Popen[bytes], Path],
) -> None:
    """And by its `-N` argument; before it listens there is nobody."""
    process, address = daemon
    found = process_table.listener(address)

    assert found is not None
    assert found.pid == process.pid
    assert list(process_table.named(lambda name: name == "fsunit-A")) == [process.pid]
    assert process_table.listener(address.with_name("bgpd.vty")) is None


def test_stopped_continued_and_ended_show(daemon: tuple[subprocess.Popen[bytes], Path]) -> None:
    """A zombie is dead, and one number is not for ever one process."""
    process, address = daemon
    found = process_table.listener(address)
    assert found is not None

    os.kill(process.pid, signal.SIGSTOP)
    assert eventually(lambda: found.state() is DaemonState.FROZEN, within_s=5)
    os.kill(process.pid, signal.SIGCONT)
    assert eventually(lambda: found.state() is not DaemonState.FROZEN, within_s=5)
    later = process_table.Process(pid=found.pid, started="0")
    assert later.state() is DaemonState.DEAD
    process.kill()
    assert eventually(lambda: found.state() is DaemonState.DEAD, within_s=5)


def test_ending_takes_the_frozen_too_and_those_that_are_gone(
    daemon: tuple[subprocess.Popen[bytes], Path],
) -> None:
    """SIGTERM does not wake a frozen process; what is asked first is enforced in the end."""
    process, _ = daemon

    assert process_table.end([process.pid]) == (process.pid,)
    assert process_table.end([process.pid]) == ()


def test_a_socket_nobody_listens_on_has_no_process(tmp_path: Path) -> None:
    """The file alone says nothing: a daemon that was killed leaves it."""
    address = tmp_path / "ospfd.vty"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(address))

    assert address.exists()
    assert process_table.listener(address) is None
