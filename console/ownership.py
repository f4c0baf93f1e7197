"""Who owns a run: its id, its directory, and the process whose end is the end of it.

A run leaves things on a host that outlive a process: namespaces, daemons, sockets, topics. Each
carries the run's id, and the owner's record says whether that run still lives. The record lies in
the run's directory; a link in `/run/foreshadow` lets `foreshadow clean` in another checkout see it,
because namespaces are the host's, not the checkout's.
"""

import random
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import msgspec

from console.processes import ProcessMark
from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError, InvariantViolated

REGISTRY = Path("/run/foreshadow")
OWNER_FILE = "owner.json"

_RUN_ID = re.compile(r"fs[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The process a run lives and ends with.

    Attributes:
        is_kept: The run outlives it: a person removes it by name, and nobody else does.
    """

    process: ProcessMark
    command: str
    since: datetime
    is_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the product on this host."""

    run_id: str
    directory: Path

    def owner(self) -> Owner | None:
        """The record of its owner; None where there is none, or none that can be read."""
        try:
            return from_json((self.directory / OWNER_FILE).read_bytes(), Owner)
        except (OSError, msgspec.DecodeError):
            return None

    def is_kept(self) -> bool:
        """Whether it is to outlive its owner."""
        owner = self.owner()
        return owner is not None and owner.is_kept

    def is_live(self) -> bool:
        """Whether its owner still runs, or wanted it to be kept."""
        owner = self.owner()
        return owner is not None and (owner.is_kept or owner.process.is_alive())


def is_run_id(text: str) -> bool:
    """Whether this could name a run: `fs` and six hexadecimal digits."""
    return _RUN_ID.fullmatch(text) is not None


def claim_run(
    root: Path,
    *,
    pid: int,
    command: str,
    clock: Clock,
    rng: random.Random | None = None,
    registry: Path = REGISTRY,
) -> Run:
    """Make a run of a new id below `root`, owned by the process `pid`.

    Raises:
        ConfigError: The directory cannot be made.
    """
    rng = rng or random.SystemRandom()
    process = ProcessMark.of(pid)
    if process is None:
        raise InvariantViolated(f"process {pid} claims a run but does not exist")
    try:
        root.mkdir(parents=True, exist_ok=True)
        run = _new_directory(root.resolve(), rng)
        owner = Owner(process=process, command=command, since=clock.now())
        (run.directory / OWNER_FILE).write_bytes(to_json(owner))
    except OSError as exc:
        raise ConfigError(
            f"cannot make a run's directory ({exc.strerror}); choose another FORESHADOW_RUN_DIR",
            path=root,
        ) from exc
    # Whoever may not write there may not make a namespace either: nothing of theirs to protect.
    with suppress(PermissionError):
        registry.mkdir(mode=0o755, exist_ok=True)
        (registry / run.run_id).symlink_to(run.directory)
    return run


def take_over(run: Run, *, pid: int, command: str, clock: Clock) -> None:
    """Own a run whose owner is gone: from now on it lives and ends with another process."""
    process = ProcessMark.of(pid)
    if process is None:
        raise InvariantViolated(f"process {pid} takes a run over but does not exist")
    before = run.owner()
    owner = Owner(
        process=process,
        command=command,
        since=clock.now(),
        is_kept=before is not None and before.is_kept,
    )
    (run.directory / OWNER_FILE).write_bytes(to_json(owner))


def keep_run(run: Run) -> None:
    """Let a run outlive the process that owns it, until somebody removes it by name."""
    owner = run.owner()
    if owner is not None:
        (run.directory / OWNER_FILE).write_bytes(to_json(replace(owner, is_kept=True)))


def release_run(run: Run, *, registry: Path = REGISTRY) -> None:
    """Forget a run: its directory with everything in it, and its place in the registry."""
    shutil.rmtree(run.directory, ignore_errors=True)
    with suppress(FileNotFoundError, PermissionError):
        (registry / run.run_id).unlink()


def find_runs(root: Path, *, registry: Path = REGISTRY) -> tuple[Run, ...]:
    """Every run claimed below `root` or anywhere else on this host, by id."""
    found = {entry.name: entry for place in (registry, root) for entry in _entries(place)}
    return tuple(
        Run(run_id=name, directory=entry.resolve()) for name, entry in sorted(found.items())
    )


def _entries(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return [entry for entry in place.iterdir() if is_run_id(entry.name)]


def _new_directory(root: Path, rng: random.Random) -> Run:
    while True:
        run_id = f"fs{rng.getrandbits(24):06x}"
        with suppress(FileExistsError):
            (root / run_id).mkdir()
            return Run(run_id=run_id, directory=root / run_id)
