"""One measured figure, how a benchmark prints it, and on what it was measured.

Its name begins with an underscore because it is no benchmark: `make bench` runs the others.
"""

import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import median

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

_GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure against its target.

    Attributes:
        value: The median of the repetitions, unless the name says otherwise.
        target: Largest value that holds; None where the figure is for information.
    """

    name: str
    value: float
    unit: str
    target: float | None
    repetitions: int

    @property
    def held(self) -> bool | None:
        """Whether the value is within its target; None without one."""
        return None if self.target is None else self.value <= self.target


Measurement = Callable[[], Iterable[Row]]


def median_row(name: str, values: Sequence[float], unit: str, target: float | None) -> Row:
    """The median of several repetitions as a row."""
    return Row(name=name, value=median(values), unit=unit, target=target, repetitions=len(values))


def run(title: str, measurements: Sequence[Measurement]) -> None:
    """Measure, and print each row as soon as there is one; `--json` in argv makes it lines of JSON.

    The exit status says whether everything was measured, not whether the targets held.
    """
    rows = (row for measure in measurements for row in measure())
    if "--json" in sys.argv[1:]:
        for row in rows:
            sys.stdout.write(_json_line(row) + "\n")
            sys.stdout.flush()
    else:
        _print_table(title, tuple(rows))


def _json_line(row: Row) -> str:
    fields = asdict(row) | {"held": row.held, "machine": machine(), "commit": commit()}
    order = ("name", "value", "unit", "target", "held", "repetitions", "machine", "commit")
    return msgspec.json.encode({key: fields[key] for key in order}).decode()


def _print_table(title: str, rows: Sequence[Row]) -> None:
    table = Table(title=title, caption=f"{machine()}; commit {commit()}", title_justify="left")
    for heading in ("what", "value", "target", "held", "repetitions"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:.3g} {row.unit}",
            "" if row.target is None else f"<= {row.target:g} {row.unit}",
            {True: "yes", False: "NO", None: ""}[row.held],
            str(row.repetitions),
        )
    Console().print(table)


@cache
def machine() -> str:
    """Cores, memory and kernel of this host."""
    memory_gib = psutil.virtual_memory().total / _GIB
    return f"{psutil.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {platform.release()}"


@cache
def commit() -> str:
    """The commit measured; `-dirty` where the working tree differs from it."""
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip() or "unknown"
