"""Removing what a run left behind, from any process: also after the run's own was killed.

Everything a lab makes carries the run id in its name: containers, namespaces, the daemons' `-N`
argument, their directory, the lab's note. Whatever else runs inside such a namespace (sshd, a
shell, a probe) goes with it.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from foreshadow.errors import ConfigError, EnvironmentUnfit
from frr.vty import RUN_DIR
from shadow.emulation import namespaces, process_table
from shadow.emulation.engine_socket import OWN_ENGINE, is_there

_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """What was found and removed."""

    namespaces: tuple[str, ...]
    processes: tuple[int, ...]
    directories: tuple[str, ...]
    containers: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.containers or self.namespaces or self.processes or self.directories)


def remove_run(run_id: str, *, run_dir: Path | None = None, engine: str = OWN_ENGINE) -> Removed:
    """Remove every lab of a run; safe to call when there is none.

    Args:
        run_id: `fs3fa9c1`; or `fs3fa9c1-bench` for one lab alone.
        run_dir: The run's own directory, removed too where given.
        engine: Where the engine listens that has its containers, if it has any.

    Raises:
        ConfigError: The id is too short to belong to one run alone.
        EmulationFailed: A container could not be removed.
    """
    if len(run_id) < _SHORTEST_PREFIX:
        raise ConfigError(f"{run_id!r} is too short to be the id of one run", field="run_id")
    prefix = f"{run_id}-"
    containers = _remove_containers(prefix, engine)
    found = namespaces.names(prefix)
    killed = process_table.end(
        {*process_table.inside(found), *process_table.named(lambda name: name.startswith(prefix))}
    )
    for name in found:
        namespaces.remove(name)
    # Of one lab alone also its notes: `<run>-<lab>.lab` and `.clab`.
    of_ours = (prefix, f"{run_id}.")
    directories = [path for path in _frr_directories() if path.name.startswith(of_ours)]
    if run_dir is not None and run_dir.is_dir():
        directories.append(run_dir)
    for path in directories:
        shutil.rmtree(path, ignore_errors=True)
    remove_restart_notes()
    return Removed(
        namespaces=found,
        processes=killed,
        directories=tuple(str(path) for path in directories),
        containers=containers,
    )


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


def _remove_containers(prefix: str, engine: str) -> tuple[str, ...]:
    if not is_there(engine):
        return ()
    # The engine's client takes half a second to load, for those who have one.
    from shadow.emulation.engine import remove_containers  # noqa: PLC0415

    with suppress(EnvironmentUnfit):  # It was stopped this very moment, its containers with it.
        return remove_containers(prefix, url=engine)
    return ()


def _frr_directories() -> tuple[Path, ...]:
    return tuple(path for path in RUN_DIR.iterdir() if path.is_dir()) if RUN_DIR.is_dir() else ()
