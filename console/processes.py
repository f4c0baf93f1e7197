"""Processes of this host, told apart for good: a process number alone is given out again."""

import os
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from foreshadow.clock import Clock

RUN_ID_VARIABLE = "FORESHADOW_RUN_ID"
"""Every process of a run carries this in its environment, so it can be found without its parent."""

_PROC = Path("/proc")
_POLL_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessMark:
    """One process: its number, when it started and in which boot of the host."""

    pid: int
    start_ticks: int
    boot_id: str

    @classmethod
    def of(cls, pid: int) -> "ProcessMark | None":
        """The process that has this number now; None where there is none, or only its zombie."""
        try:
            stat = (_PROC / str(pid) / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name (2nd field) may hold blanks and brackets; what follows the last one does not.
        fields = stat.rpartition(")")[2].split()
        state, start_ticks = fields[0], int(fields[19])
        if state in {"Z", "X"}:
            return None
        return cls(pid=pid, start_ticks=start_ticks, boot_id=_boot_id())

    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return ProcessMark.of(self.pid) == self


def spawn(
    run_id: str,
    command: Sequence[str],
    *,
    directory: Path,
    log: IO[str],
    is_asked: bool = False,
) -> "subprocess.Popen[str]":
    """Start a process of a run, findable by the run's id and apart from the terminal's signals.

    Args:
        run_id: Whose process it is.
        command: Argument vector; never a secret in it.
        directory: Where it runs.
        log: What it says goes here.
        is_asked: Whether we talk to it: pipes for standard input and output instead.
    """
    return subprocess.Popen(
        command,
        cwd=directory,
        env={**os.environ, RUN_ID_VARIABLE: run_id},
        stdin=subprocess.PIPE if is_asked else subprocess.DEVNULL,
        stdout=subprocess.PIPE if is_asked else log,
        stderr=log,
        text=True,
        # Ctrl-C at the terminal goes to the whole group: what it must end, its owner ends in order.
        start_new_session=True,
    )


def processes_of(run_id: str, namespaces: Iterable[Path]) -> tuple[ProcessMark, ...]:
    """Every process of a run: in one of its network namespaces, or with its id in the environment.

    This process and those that started it are never among them.
    """
    inodes = {path.stat().st_ino for path in namespaces if path.exists()}
    wanted = f"{RUN_ID_VARIABLE}={run_id}".encode()
    marks = [
        ProcessMark.of(pid)
        for pid in _pids()
        if _namespace(pid) in inodes or wanted in _environment(pid)
    ]
    return others(mark for mark in marks if mark is not None)


def others(marks: Iterable[ProcessMark]) -> tuple[ProcessMark, ...]:
    """The marks without this process and those that started it."""
    ours = frozenset(_lineage())
    return tuple(mark for mark in marks if mark.pid not in ours)


def end(marks: Iterable[ProcessMark], *, clock: Clock, grace_s: float = 0.0) -> int:
    """Stop processes and wait until they are gone: SIGTERM where there is grace, then SIGKILL.

    Returns:
        How many there were to stop.
    """
    living = [mark for mark in marks if mark.is_alive()]
    count = len(living)
    for number, patience_s in ((signal.SIGTERM, grace_s), (signal.SIGKILL, 5.0)):
        if patience_s > 0 and living:
            _signal_all(living, number)
            living = _wait_gone(living, clock=clock, within_s=patience_s)
    return count


def _signal_all(marks: Iterable[ProcessMark], number: signal.Signals) -> None:
    for mark in marks:
        try:
            os.kill(mark.pid, number)
        except ProcessLookupError:
            continue


def _wait_gone(marks: list[ProcessMark], *, clock: Clock, within_s: float) -> list[ProcessMark]:
    deadline_s = clock.monotonic_s() + within_s
    while True:
        living = [mark for mark in marks if mark.is_alive()]
        if not living or clock.monotonic_s() >= deadline_s:
            return living
        clock.sleep(_POLL_S)


def _boot_id() -> str:
    return (_PROC / "sys/kernel/random/boot_id").read_text().strip()


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _lineage() -> Iterator[int]:
    """This process, its parent, and so on up to the first."""
    pid = os.getpid()
    while pid > 0:
        yield pid
        try:
            status = (_PROC / str(pid) / "status").read_text()
        except FileNotFoundError:
            return
        pid = int(status.partition("PPid:")[2].split(maxsplit=1)[0])


def _namespace(pid: int) -> int | None:
    try:
        return (_PROC / str(pid) / "ns/net").stat().st_ino
    except OSError:
        return None


def _environment(pid: int) -> frozenset[bytes]:
    try:
        return frozenset((_PROC / str(pid) / "environ").read_bytes().split(b"\0"))
    except OSError:
        return frozenset()
