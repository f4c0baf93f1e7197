"""Where drills are kept on this host, and which of them is meant."""

from pathlib import Path

from console.ownership import find_runs
from foreshadow.errors import ConfigError
from scenarios.drills.drill_journal import DrillRecord, find_records

DRILLS = "drills"
"""Folder of all drills, below the folder of the runs and below each run's own."""


def kept_drills(root: Path) -> tuple[DrillRecord, ...]:
    """Every drill of this host that left a journal, the oldest first.

    Args:
        root: Folder of the runs.
    """
    places = [root / DRILLS, *(run.directory / DRILLS for run in find_runs(root))]
    return find_records(*places)


def the_drill(root: Path, drill: str) -> DrillRecord:
    """The drill of that id, or the only one whose id begins so.

    Raises:
        ConfigError: There is none, or more than one.
    """
    kept = kept_drills(root)
    found = [record for record in kept if record.opening.drill == drill] or [
        record for record in kept if record.opening.drill.startswith(drill)
    ]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(record.opening.drill for record in found)
        raise ConfigError(f"several drills begin with {drill!r}: {names}", field="ID")
    raise ConfigError(
        f"there is no drill {drill!r}; `foreshadow drill list` shows those there are", field="ID"
    )
