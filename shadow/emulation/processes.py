"""The FRR daemons of one router: started in order, found, signalled, ended.

Each runs under `-N <pathspace>`, so any process can tell from the argument vector whose it is.
Start-up files, logs and sockets lie together in `/var/run/frr/<pathspace>`: the daemons give up
root for a user who may not be able to reach the run's own directory. Whoever started them, they are
found by the sockets they listen on (`process_table`).
"""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from foreshadow.errors import EmulationFailed
from frr.configuration import Daemon
from shadow.emulation import process_table
from shadow.emulation.emulator import DaemonState
from shadow.emulation.hosting import Command, Hosting, directory, output_file
from shadow.emulation.process_table import Process

FRR_BIN_DIR = Path("/usr/lib/frr")
_POLL_S = 0.003
_LOOKED_FOR_EVERY_S = 0.5
_FOLLOWED_WITHIN_S = 2.0
_LAST_WORDS = 400
_NETLINK_BUFFER_BYTES = "4194304"


class RouterProcesses:
    """The daemons of one router in its namespace."""

    def __init__(self, node: str, hosting: Hosting) -> None:
        """Nothing is started or written yet.

        Args:
            node: The router.
            hosting: What starts its daemons.
        """
        self._node, self._hosting = node, hosting
        self.pathspace = hosting.name(node)
        self.directory = directory(self.pathspace)
        self._known: dict[Daemon, Process] = {}
        self._lock = threading.Lock()

    def prepare(self, startup: Mapping[Daemon, str]) -> None:
        """Write start-up files, owned by FRR's user so that `write memory` can replace them."""
        owner = self.directory.stat()
        for daemon, text in startup.items():
            path = self._startup_file(daemon)
            path.write_text(text)
            os.chown(path, owner.st_uid, owner.st_gid)
            path.chmod(0o640)

    def prepared(self) -> frozenset[Daemon]:
        """The daemons that have a start-up file: all that were ever started here."""
        return frozenset(it for it in Daemon if self._startup_file(it).exists())

    def adopt(self, daemons: Collection[Daemon]) -> None:
        """Know the daemons that run here although another process started them."""
        for daemon in daemons:
            self._find(daemon)

    def start(
        self,
        daemons: Collection[Daemon],
        *,
        within_s: float,
        when_zebra_runs: Callable[[], None] = lambda: None,
    ) -> None:
        """Start daemons, zebra first; return when all have opened their sockets.

        A daemon that finds no zebra tries again only after ten seconds, so the others wait for it.

        Args:
            daemons: Which ones; each has its start-up file.
            within_s: Longest time it may take.
            when_zebra_runs: Called after zebra's start and before the others'.

        Raises:
            EmulationFailed: One ended or did not open its socket in time; with its last words.
        """
        deadline = time.monotonic() + within_s
        others = [daemon for daemon in Daemon if daemon in daemons and daemon is not Daemon.ZEBRA]
        if Daemon.ZEBRA in daemons:
            self._spawn([Daemon.ZEBRA])
            self._await(Daemon.ZEBRA, deadline)
            when_zebra_runs()
        if others:
            self._spawn(others)
        for daemon in others:
            self._await(daemon, deadline)

    def stop(self) -> None:
        """End the daemons the way an init system does, zebra last, then for certain."""
        for daemon in reversed(Daemon):
            if daemon in self._known:
                process_table.end([self._known[daemon].pid], by=signal.SIGTERM)
        self._forget(tuple(self._known))

    def kill(self, daemons: Collection[Daemon] | None = None) -> None:
        """End daemons at once, all by default, and see them gone."""
        chosen = [it for it in self._known if daemons is None or it in daemons]
        process_table.end(it.pid for it in self._alive(chosen))
        self._forget(chosen)

    def signal(self, by: signal.Signals, until: DaemonState) -> None:
        """Signal each daemon that is there, and see all of them in a state.

        Raises:
            EmulationFailed: One did not follow.
        """
        alive = self._alive(self._known)
        process_table.send((it.pid for it in alive), by)
        deadline = time.monotonic() + _FOLLOWED_WITHIN_S
        while any(it.state() is not until for it in alive):
            if time.monotonic() > deadline:
                raise EmulationFailed(f"{self.pathspace}: not every daemon is {until}")
            time.sleep(_POLL_S)

    def states(self, daemons: Collection[Daemon]) -> dict[Daemon, DaemonState]:
        """How each of these daemons is."""
        return {it: self._state(it) for it in daemons}

    def dead(self, daemons: Collection[Daemon]) -> tuple[str, ...]:
        """Those of these daemons that do not run, with their last words."""
        return tuple(
            f"{it} ended: {self._last_words(it)}"
            for it, state in self.states(daemons).items()
            if state is DaemonState.DEAD
        )

    def pids(self) -> tuple[int, ...]:
        """Process ids of the daemons that run or are frozen."""
        return tuple(it.pid for it in self._alive(self._known))

    def remove_files(self) -> None:
        """Remove start-up files, logs and sockets."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _spawn(self, daemons: Collection[Daemon]) -> None:
        for daemon in daemons:
            (self.directory / f"{daemon}.vty").unlink(missing_ok=True)
        self._hosting.start(self._node, {it: self._command(it) for it in daemons})

    def _command(self, daemon: Daemon) -> Command:
        arguments = [
            str(FRR_BIN_DIR / daemon),
            *("-N", self.pathspace),
            *("-f", str(self._startup_file(daemon))),
            *("--log", f"file:{self.directory / daemon}.log"),
            *("--log-level", "warnings"),
            *("-P", "0"),
        ]
        return (*arguments, "-s", _NETLINK_BUFFER_BYTES) if daemon is Daemon.ZEBRA else arguments

    def _await(self, daemon: Daemon, deadline: float) -> None:
        look_at_s = time.monotonic() + _LOOKED_FOR_EVERY_S
        while not self._find(daemon):
            now = time.monotonic()
            if now > look_at_s or now > deadline:
                if not self._is_started(daemon):
                    raise EmulationFailed(
                        f"{self.pathspace}: {daemon} ended at start: {self._last_words(daemon)}"
                    )
                look_at_s = now + _LOOKED_FOR_EVERY_S
            if now > deadline:
                raise EmulationFailed(
                    f"{self.pathspace}: {daemon} did not open its socket in time: "
                    f"{self._last_words(daemon)}"
                )
            time.sleep(_POLL_S)

    def _find(self, daemon: Daemon) -> bool:
        """Whether somebody listens on the daemon's socket; the file is there a moment earlier."""
        found = process_table.listener(self.directory / f"{daemon}.vty")
        if found is not None:
            with self._lock:
                self._known[daemon] = found
        return found is not None

    def _is_started(self, daemon: Daemon) -> bool:
        mine = process_table.named(lambda name: name == self.pathspace)
        return any(process_table.command_name(pid) == daemon for pid in mine)

    def _state(self, daemon: Daemon) -> DaemonState:
        known = self._known.get(daemon)
        return DaemonState.DEAD if known is None else known.state()

    def _alive(self, daemons: Collection[Daemon]) -> list[Process]:
        with self._lock:
            known = [self._known[it] for it in daemons if it in self._known]
        return [it for it in known if it.state() is not DaemonState.DEAD]

    def _forget(self, daemons: Collection[Daemon]) -> None:
        with self._lock:
            for daemon in daemons:
                self._known.pop(daemon, None)
        for daemon in daemons:
            (self.directory / f"{daemon}.vty").unlink(missing_ok=True)

    def _startup_file(self, daemon: Daemon) -> Path:
        return self.directory / f"{daemon}.conf"

    def _last_words(self, daemon: Daemon) -> str:
        said = ""
        for path in (output_file(self.pathspace, daemon), self.directory / f"{daemon}.log"):
            if path.exists():
                said += path.read_text(errors="replace")
        return " ".join(said[-_LAST_WORDS:].split()) or "it said nothing"
