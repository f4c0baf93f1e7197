"""Where a drill works: whose lab it breaks, and where its journal and its evidence are kept."""

import re
from dataclasses import dataclass
from pathlib import Path

from foreshadow.errors import ConfigError
from scenarios.drills.drill_journal import LabName

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRoom:
    """What a drill needs to leave a trace.

    Attributes:
        drills: Folder of all drills; each gets one of its own in it.
        lab: The lab.
        place: Directory of the lab's run: the lab's lock lies there.
    """

    drills: Path
    lab: LabName
    place: Path

    def folder(self, drill: str) -> Path:
        """A drill's own folder, made if it is not there; readable by its owner alone.

        It holds the routers' configurations, and those may hold secrets.

        Raises:
            ConfigError: It cannot be made.
        """
        path = self.drills / (_UNSAFE.sub("-", drill) or "drill")
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot be made: {error.strerror}", path=path) from error
        return path
