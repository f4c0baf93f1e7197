"""One drill at a time on one lab, whichever process runs it.

The lock is the kernel's (`flock`): it ends with its holder, however that ends. The file says who
holds it; it lies in the directory of the lab's run and goes with it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from foreshadow.errors import ConfigError
from scenarios.drills.drill_journal import LabName


class LabTaken(ConfigError):
    """Another drill runs on this lab."""


@contextmanager
def lab_to_oneself(lab: LabName, *, place: Path, drill: str) -> Iterator[None]:
    """No other drill runs on the lab for the length of a `with` block.

    Args:
        lab: The lab.
        place: Directory of the lab's run.
        drill: Who wants it, for whoever is refused.

    Raises:
        LabTaken: Another drill does; names it.
    """
    place.mkdir(parents=True, exist_ok=True)
    file = os.open(place / f"{lab.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 200, 0).decode(errors="replace").strip() or "another process"
            raise LabTaken(f"{lab} is being drilled: {holder}; wait for its end") from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"drill {drill}, process {os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)
