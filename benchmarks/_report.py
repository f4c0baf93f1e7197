"""One measured figure, how a benchmark prints it, and on what it was measured.

Its name begins with an underscore because it is no benchmark: `make bench` runs the others.
"""

import platform
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from statistics import median

import msgspec
import psutil
import structlog
from rich.console import Console
from rich.table import Table

from console.host import Standing, Wish, examine
from foreshadow.errors import ForeshadowError

_GIB = 1 << 30
_SIGN = {False: "<=", True: ">="}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure against its target.

    Attributes:
        value: The median of the repetitions, unless the name says otherwise.
        target: Largest value that holds; None where the figure is for information.
        is_least: The target is the smallest value that holds, as for a throughput.
    """

    name: str
    value: float
    unit: str
    target: float | None
    repetitions: int
    is_least: bool = False

    @property
    def held(self) -> bool | None:
        """Whether the value is within its target; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.is_least else self.value <= self.target


Measurement = Callable[[], Iterable[Row]]


class NotMeasured(Exception):
    """What a figure needs is not here; says what."""


def median_row(name: str, values: Sequence[float], unit: str, target: float | None) -> Row:
    """The median of several repetitions as a row."""
    return Row(name=name, value=median(values), unit=unit, target=target, repetitions=len(values))


def least_row(name: str, values: Sequence[float], unit: str, target: float | None) -> Row:
    """The same of what is to be large: the target is the least that holds."""
    return replace(median_row(name, values, unit, target), is_least=True)


def run(
    title: str,
    measurements: Sequence[Measurement],
    *,
    needs: Sequence[str] = (),
    large: Sequence[Measurement] = (),
) -> None:
    """Measure and print what `argv` asks for: `--json` for lines, `--only NAME` for some of it.

    Progress goes to standard error. The exit status says whether everything was measured, not
    whether the targets held; what could not be measured is said in one line each.

    Args:
        title: Above the table.
        measurements: Each gives one or more rows.
        large: Those that take much of the host, measured with `--large` or by name only.
        needs: Names of `console.host.PROBES` without which nothing can be measured.
    """
    by_name = {measure.__name__: measure for measure in (*measurements, *large)}
    parser = ArgumentParser(description=title)
    parser.add_argument("--json", action="store_true", help="one object a line instead of a table")
    parser.add_argument("--only", action="append", choices=by_name, help="one of them; repeatable")
    if large:
        parser.add_argument("--large", action="store_true", help="what takes much of the host too")
    wanted = parser.parse_args()
    usual = [*measurements, *(large if getattr(wanted, "large", False) else ())]
    for name, finding in examine(Wish(), *needs).items() if needs else ():
        if finding.standing is Standing.UNFIT:
            raise SystemExit(f"not measured: {name}: {finding.found}; remedy: {finding.remedy}")
    # What is measured in this process logs too: standard output is for the rows alone.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    measuring = _Measuring()
    rows = measuring.rows(by_name, wanted.only or [it.__name__ for it in usual])
    if wanted.json:
        for row in rows:
            sys.stdout.write(_json_line(row) + "\n")
            sys.stdout.flush()
    else:
        _print_table(title, tuple(rows))
    sys.exit(1 if measuring.has_failed else 0)


@dataclass(slots=True)
class _Measuring:
    """Takes one measurement after the other; one that fails does not cost the others."""

    has_failed: bool = False

    def rows(self, by_name: Mapping[str, Measurement], wanted: Sequence[str]) -> Iterator[Row]:
        for name in wanted:
            _say(f"{name} ...")
            begun_s = time.monotonic()
            try:
                yield from by_name[name]()
            except NotMeasured as lack:
                _say(f"{name} skipped: {lack}")
            except (ForeshadowError, RuntimeError, OSError) as error:
                self.has_failed = True
                _say(f"{name} failed: {error}")
            else:
                _say(f"{name} took {time.monotonic() - begun_s:.0f} s")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


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
            "" if row.target is None else f"{_SIGN[row.is_least]} {row.target:g} {row.unit}",
            {True: "yes", False: "NO", None: ""}[row.held],
            str(row.repetitions),
        )
    Console().print(table)


@cache
def machine() -> str:
    """Cores, processor, memory and kernel of this host."""
    memory_gib = psutil.virtual_memory().total / _GIB
    return (
        f"{psutil.cpu_count()} cores ({_processor()}), {memory_gib:.0f} GiB, "
        f"Linux {platform.release().partition('-')[0]}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


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
