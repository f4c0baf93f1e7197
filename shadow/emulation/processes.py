"""The FRR daemons of one router: start, find out why one did not, restart, end.

Each daemon runs under `-N <pathspace>`, so any process can tell from the argument vector whose it
is. Start-up files, logs and sockets lie together in `/var/run/frr/<pathspace>`: the daemons give up
root for the user `frr`, who may not be able to reach the run's own directory.
"""

import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from foreshadow.errors import EmulationFailed
from frr.configuration import Daemon
from frr.log_buffer import remove_log_buffers
from frr.namespace import inside
from frr.vty import RUN_DIR

FRR_BIN_DIR = Path("/usr/lib/frr")
_USER = "frr"
_POLL_S = 0.002
_LAST_WORDS = 400
_NETLINK_BUFFER_BYTES = "4194304"


class RouterProcesses:
    """The daemons of one router in its namespace."""

    def __init__(self, pathspace: str) -> None:
        """Nothing is started or written yet.

        Args:
            pathspace: Also the name of the network namespace they run in.
        """
        self.pathspace = pathspace
        self.directory = RUN_DIR / pathspace
        self._running: dict[Daemon, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def prepare(self, startup: Mapping[Daemon, str]) -> None:
        """Write the start-up files, owned by FRR's user so that `write memory` can replace them."""
        self.directory.mkdir(parents=True, mode=0o755)
        shutil.chown(self.directory, _USER, _USER)
        for daemon, text in startup.items():
            path = self._startup_file(daemon)
            path.write_text(text)
            shutil.chown(path, _USER, _USER)
            path.chmod(0o640)

    def start(
        self,
        daemons: tuple[Daemon, ...],
        *,
        within_s: float,
        when_zebra_runs: Callable[[], None],
    ) -> None:
        """Start the daemons, zebra first; return when all have opened their sockets.

        A daemon that finds no zebra tries again only after ten seconds, so the others wait for it.

        Args:
            daemons: Which ones.
            within_s: Longest time it may take.
            when_zebra_runs: Called after zebra's start and before the others'.

        Raises:
            EmulationFailed: One ended or did not open its socket in time; with its last words.
        """
        deadline = time.monotonic() + within_s
        with inside(self.pathspace):
            self._spawn(Daemon.ZEBRA)
            self._await(Daemon.ZEBRA, deadline)
            when_zebra_runs()
            for daemon in daemons:
                if daemon is not Daemon.ZEBRA:
                    self._spawn(daemon)
        for daemon in daemons:
            self._await(daemon, deadline)

    def stop(self, *, within_s: float = 5.0) -> None:
        """End the daemons the way an init system does, zebra last, then for certain."""
        with self._lock:
            running, self._running = self._running, {}
        for daemon in reversed(Daemon):
            if daemon in running:
                _end(running[daemon], signal.SIGTERM, within_s=within_s)
        for daemon in running:
            (self.directory / f"{daemon}.vty").unlink(missing_ok=True)

    def kill(self) -> None:
        """End the daemons at once."""
        with self._lock:
            running, self._running = self._running, {}
        for process in running.values():
            process.kill()
        for process in running.values():
            process.wait()
        remove_log_buffers(process.pid for process in running.values())

    def remove_files(self) -> None:
        """Remove start-up files, logs and sockets."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def dead(self) -> tuple[str, ...]:
        """Daemons that have ended by themselves, with their last words."""
        with self._lock:
            ended = [daemon for daemon, it in self._running.items() if it.poll() is not None]
        return tuple(f"{daemon} ended: {self._last_words(daemon)}" for daemon in ended)

    def pids(self) -> tuple[int, ...]:
        """Process ids of the daemons."""
        with self._lock:
            return tuple(process.pid for process in self._running.values())

    def _spawn(self, daemon: Daemon) -> None:
        arguments = [
            str(FRR_BIN_DIR / daemon),
            *("-N", self.pathspace),
            *("-f", str(self._startup_file(daemon))),
            *("--log", f"file:{self.directory / daemon}.log"),
            *("--log-level", "warnings"),
            *("-P", "0"),
        ]
        if daemon is Daemon.ZEBRA:
            arguments += ["-s", _NETLINK_BUFFER_BYTES]
        with (self.directory / f"{daemon}.out").open("wb") as output:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in a terminal is for us, not for the routers.
            )
        with self._lock:
            self._running[daemon] = process

    def _await(self, daemon: Daemon, deadline: float) -> None:
        address = self.directory / f"{daemon}.vty"
        while not _accepts(address):
            with self._lock:
                process = self._running.get(daemon)
            if process is None or process.poll() is not None:
                raise EmulationFailed(
                    f"{self.pathspace}: {daemon} ended at start: {self._last_words(daemon)}"
                )
            if time.monotonic() > deadline:
                raise EmulationFailed(
                    f"{self.pathspace}: {daemon} did not open {address} in time: "
                    f"{self._last_words(daemon)}"
                )
            time.sleep(_POLL_S)

    def _startup_file(self, daemon: Daemon) -> Path:
        return self.directory / f"{daemon}.conf"

    def _last_words(self, daemon: Daemon) -> str:
        said = ""
        for suffix in ("out", "log"):
            path = self.directory / f"{daemon}.{suffix}"
            if path.exists():
                said += path.read_text(errors="replace")
        return " ".join(said[-_LAST_WORDS:].split()) or "it said nothing"


def _accepts(address: Path) -> bool:
    """Whether somebody listens; the file is there a moment earlier."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as attempt:
        return attempt.connect_ex(str(address)) == 0


def _end(process: subprocess.Popen[bytes], by: signal.Signals, *, within_s: float) -> None:
    process.send_signal(by)
    try:
        process.wait(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
