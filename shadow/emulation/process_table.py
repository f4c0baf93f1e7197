"""Whose daemon is which process, read from the kernel; true for containers' processes as well.

A daemon is known by the socket it listens on: the kernel names the process behind it, in this
host's own numbers, whichever process or container started it. After `kill -9` of whoever started a
lab, the next process finds the daemons the same way.
"""

import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from frr.log_buffer import remove_log_buffers
from frr.namespace import NETNS_DIR
from shadow.emulation.emulator import DaemonState

_PROC = Path("/proc")
_GONE_WITHIN_S = 5.0
_POLL_S = 0.005
_CREDENTIALS = struct.Struct("=iII")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, told from a later one of the same number by when it started."""

    pid: int
    started: str
    """In the kernel's clock ticks since boot."""

    def state(self) -> DaemonState:
        """How it is now."""
        letter, started = _status(self.pid)
        if started != self.started or letter in "ZX":  # A zombie is its parent's to bury.
            return DaemonState.DEAD
        return DaemonState.FROZEN if letter == "T" else DaemonState.RUNNING


def process(pid: int) -> Process | None:
    """The process of that number; None if there is none."""
    letter, started = _status(pid)
    return None if letter in "ZX" else Process(pid=pid, started=started)


def listener(address: Path) -> Process | None:
    """The process that listens on a UNIX socket; None while none does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as attempt:
        attempt.settimeout(0)  # A frozen daemon's queue may be full.
        if attempt.connect_ex(str(address)) != 0:
            return None
        raw = attempt.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return process(_CREDENTIALS.unpack(raw)[0])


def named(is_wanted: Callable[[str], bool]) -> Iterator[int]:
    """Processes whose `-N` argument is wanted."""
    return (pid for pid in pids() if (name := _pathspace(pid)) and is_wanted(name))


def inside(names: Iterable[str]) -> tuple[int, ...]:
    """Processes that live in one of these network namespaces."""
    places = {_identity(NETNS_DIR / name) for name in names} - {None}
    if not places:
        return ()
    return tuple(pid for pid in pids() if _identity(_PROC / str(pid) / "ns/net") in places)


def pids() -> tuple[int, ...]:
    """Every process of this host."""
    return tuple(int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def command_name(pid: int) -> str:
    """What the kernel calls a process, up to 15 characters; empty if it is gone."""
    try:
        return (_PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def send(pids: Iterable[int], by: signal.Signals) -> None:
    """Signal processes; one that is gone is none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, by)


def end(pids: Iterable[int], *, by: signal.Signals = signal.SIGKILL) -> tuple[int, ...]:
    """End processes, for certain in the end, and see them gone; returns their numbers."""
    found = (process(pid) for pid in pids if pid != os.getpid())
    chosen = [it for it in found if it is not None]
    send((it.pid for it in chosen), by)
    if not _gone(chosen):
        send((it.pid for it in chosen), signal.SIGKILL)
        _gone(chosen)
    remove_log_buffers(it.pid for it in chosen)
    return tuple(it.pid for it in chosen)


def _gone(chosen: list[Process]) -> bool:
    deadline = time.monotonic() + _GONE_WITHIN_S
    left = chosen
    while True:
        left = [it for it in left if not _is_gone(it)]
        if not left or time.monotonic() > deadline:
            return not left
        time.sleep(_POLL_S)


def _is_gone(it: Process) -> bool:
    with suppress(ChildProcessError):  # Another process's child is not ours to bury.
        os.waitpid(it.pid, os.WNOHANG)
    return it.state() is DaemonState.DEAD


def _status(pid: int) -> tuple[str, str]:
    """(state letter, start time); `X` for one that is not there."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", ""
    return fields[0], fields[19]


def _pathspace(pid: int) -> str:
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    if b"-N" not in arguments:
        return ""
    place = arguments.index(b"-N") + 1
    return arguments[place].decode(errors="replace") if place < len(arguments) else ""


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
