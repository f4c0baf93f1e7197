"""The processes of one machine: started, watched, and stopped together.

Each is `foreshadow run NAME` in a process of its own, told everything by its environment. They meet
on Kafka only, so any of them may be killed and started again.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from foreshadow.clock import Clock
from foreshadow.errors import ForeshadowError

PROCESSES = ("ingest", "forecast", "shadow", "drills", "policy", "rollout")
WATCHERS = ("desk",)
"""Processes that only look: the house does its work without them."""
_LOG_TAIL_BYTES = 2_000
_STOP_GRACE_S = 10.0
_RESTART_PAUSE_S = 1.0
_RESTART_PAUSE_MAX_S = 30.0
_PROVEN_AFTER_S = 60.0
"""A process that ran this long has shown that it can: its next end is a first one again."""
_TO_THE_OPERATOR = "foreshadow: "
"""What an error that the operator can mend begins with, as the last line of a log."""
_BUG = 70
"""The exit status of a violated invariant (`console.cli.Exit.BUG`)."""


class ProcessDied(ForeshadowError):
    """One of the house's processes ended by itself."""

    def __init__(self, name: str, status: int, log: Path) -> None:
        """Say which, how, and show the end of what it logged."""
        self.process, self.status, self.log = name, status, log
        ending = f"its log {log} ends:\n{tail(log)}"
        super().__init__(f"the process {name} ended with {status}; {ending}")


def command(name: str) -> Sequence[str]:
    """What starts one process of the house."""
    return sys.executable, "-m", "console.entry", "run", name


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    log: IO[bytes]


@dataclass(slots=True)
class House:
    """Owner of the processes of one run.

    Attributes:
        log_dir: One `NAME.log` per process, appended to over restarts.
        environment: What every process is told (`FORESHADOW_*`), beside this process's own
            environment.
        command: From a process's name to the argument vector that runs it.
    """

    log_dir: Path
    environment: Mapping[str, str]
    clock: Clock
    command: Callable[[str], Sequence[str]] = command
    _children: dict[str, _Child] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start these processes; those that run already are left alone."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        for name in names:
            if name not in self._children:
                self._children[name] = self._spawn(name)

    def kill(self, name: str) -> None:
        """End one process with SIGKILL, as a crash would."""
        child = self._children.pop(name)
        child.process.kill()
        child.process.wait()
        child.log.close()

    def pid(self, name: str) -> int:
        """The process number of one of them."""
        return self._children[name].process.pid

    def check(self) -> None:
        """See that all of them still run.

        Raises:
            ProcessDied: One does not.
        """
        for name, child in self._children.items():
            status = child.process.poll()
            if status is not None:
                raise ProcessDied(name, status, self.log_path(name))

    def dead(self) -> tuple[str, ...]:
        """Those that ended by themselves."""
        return tuple(n for n, c in self._children.items() if c.process.poll() is not None)

    def status(self, name: str) -> int | None:
        """How one of them ended; None while it runs."""
        return self._children[name].process.poll()

    def restart(self, name: str) -> None:
        """Start one again that ended."""
        self.kill(name)
        self.start(name)

    def stop(self) -> None:
        """Stop them all: SIGTERM, then SIGKILL for those that do not go."""
        for child in self._children.values():
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        deadline_s = self.clock.monotonic_s() + _STOP_GRACE_S
        for child in self._children.values():
            try:
                child.process.wait(max(0.1, deadline_s - self.clock.monotonic_s()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
            child.log.close()
        self._children.clear()

    def _spawn(self, name: str) -> _Child:
        log = self.log_path(name).open("ab")
        process = subprocess.Popen(
            self.command(name),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **self.environment},
            # Ctrl-C reaches the console alone; it stops the others in order.
            start_new_session=True,
        )
        return _Child(process, log)

    def log_path(self, name: str) -> Path:
        """Where one of them logs."""
        return self.log_dir / f"{name}.log"


@dataclass(slots=True)
class Supervisor:
    """Starts again what ends by itself, with a growing pause, and says so.

    What ended because it found a bug of ours stays down: it would act on a state it cannot trust.
    """

    house: House
    clock: Clock
    _pause_s: dict[str, float] = field(default_factory=dict)
    _due_s: dict[str, float] = field(default_factory=dict)
    _started_s: dict[str, float] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)

    def tend(self) -> tuple[str, ...]:
        """Look once; return what was said about processes that ended or came back."""
        now_s = self.clock.monotonic_s()
        said = (self._tend(name, now_s) for name in self.house.dead())
        return tuple(words for words in said if words)

    def _tend(self, name: str, now_s: float) -> str:
        if name in self._broken:
            return ""
        if self.house.status(name) == _BUG:
            self._broken.add(name)
            return f"{name} found a bug of its own and stays down; its log says which"
        if name not in self._due_s:
            if now_s - self._started_s.get(name, now_s) >= _PROVEN_AFTER_S:
                self._pause_s.pop(name, None)
            pause_s = self._pause_s.get(name, _RESTART_PAUSE_S)
            self._pause_s[name] = min(2 * pause_s, _RESTART_PAUSE_MAX_S)
            self._due_s[name] = now_s + pause_s
            return f"{name} ended{self._reason(name)}; starting it again in {pause_s:g} s"
        if now_s < self._due_s[name]:
            return ""
        del self._due_s[name]
        self._started_s[name] = now_s
        self.house.restart(name)
        return f"{name} started again"

    def _reason(self, name: str) -> str:
        """What it said last, if that was meant for the operator."""
        *_, last = tail(self.house.log_path(name)).splitlines() or [""]
        if not last.startswith(_TO_THE_OPERATOR):
            return ""
        return f" ({last.removeprefix(_TO_THE_OPERATOR)})"


def tail(log: Path) -> str:
    """The end of a log file."""
    return log.read_bytes()[-_LOG_TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
