"""Removing what a run left behind, from any process: also after the run's own was killed.

Everything a lab makes carries the run id in its name: namespaces, the daemons' `-N` argument, their
directory. Whatever else runs inside such a namespace (sshd, a shell, a probe) goes with it.
"""

import json
import os
import shutil
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foreshadow.errors import ConfigError
from frr.log_buffer import remove_log_buffers
from frr.namespace import NETNS_DIR
from frr.vty import RUN_DIR
from shadow.emulation import namespaces

_PROC = Path("/proc")
_GONE_WITHIN_S = 5.0
_POLL_S = 0.005
_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was found and removed."""

    namespaces: tuple[str, ...]
    processes: tuple[int, ...]
    directories: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.namespaces or self.processes or self.directories)


def remove_run(run_id: str, *, run_dir: Path | None = None) -> Removed:
    """Remove every lab of a run; safe to call when there is none.

    Args:
        run_id: `fs3fa9c1`; or `fs3fa9c1-bench` for one lab alone.
        run_dir: The run's own directory, removed too where given.

    Raises:
        ConfigError: The id is too short to belong to one run alone.
    """
    if len(run_id) < _SHORTEST_PREFIX:
        raise ConfigError(f"{run_id!r} is too short to be the id of one run", field="run_id")
    prefix = f"{run_id}-"
    found = namespaces.names(prefix)
    killed = kill_inside(found) + _kill_named(prefix)
    for name in found:
        namespaces.remove(name)
    directories = [path for path in _frr_directories() if path.name.startswith(prefix)]
    if run_dir is not None and run_dir.is_dir():
        directories.append(run_dir)
    for path in directories:
        shutil.rmtree(path, ignore_errors=True)
    remove_restart_notes()
    return Removed(
        namespaces=found, processes=killed, directories=tuple(str(path) for path in directories)
    )


def kill_inside(names: Iterable[str]) -> tuple[int, ...]:
    """Kill every process that lives in one of these namespaces; returns their ids."""
    places = {_identity(NETNS_DIR / name) for name in names} - {None}
    return _kill(pid for pid in _pids() if places and _identity(_PROC / pid / "ns/net") in places)


def remove_restart_notes(*, place: Path = RUN_DIR) -> None:
    """Remove the file in which every ospfd of the host, whatever its `-N`, notes restarts.

    It stays while it says something, or while the host runs an ospfd of its own.
    """
    notes = place / "ospfd-gr.json"
    if (place / "ospfd.vty").exists():
        return
    with suppress(OSError, ValueError):
        if json.loads(notes.read_text()) == {"instances": {}}:
            notes.unlink()


def _kill_named(prefix: str) -> tuple[int, ...]:
    """Kill FRR daemons whose `-N` argument begins with `prefix`."""
    return _kill(pid for pid in _pids() if _pathspace(pid).startswith(prefix))


def _kill(pids: Iterable[str]) -> tuple[int, ...]:
    chosen = tuple(int(pid) for pid in pids if int(pid) != os.getpid())
    for pid in chosen:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + _GONE_WITHIN_S
    while any(_is_alive(pid) for pid in chosen) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    remove_log_buffers(chosen)
    return chosen


def _is_alive(pid: int) -> bool:
    try:
        state = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"  # A zombie is its parent's to bury.


def _pids() -> tuple[str, ...]:
    return tuple(entry.name for entry in _PROC.iterdir() if entry.name.isdigit())


def _pathspace(pid: str) -> str:
    try:
        arguments = (_PROC / pid / "cmdline").read_bytes().split(b"\0")
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


def _frr_directories() -> tuple[Path, ...]:
    return tuple(path for path in RUN_DIR.iterdir() if path.is_dir()) if RUN_DIR.is_dir() else ()
