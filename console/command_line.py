"""What every command shares: how it ends, and how it is asked for JSON."""

from enum import IntEnum
from typing import Annotated

import typer


class Exit(IntEnum):
    """What the shell is told."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    ENVIRONMENT = 4
    BUG = 70
    """An invariant was violated (sysexits' EX_SOFTWARE): a supervisor does not start it again."""


AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
