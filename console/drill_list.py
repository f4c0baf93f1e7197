"""Drills in tables: those there are, and one beside its replay."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scenarios.drills.drill_journal import DrillRecord, Intent
from scenarios.drills.replay import Replay

_STYLES = {"PASSED": "green", "FAILED": "bold red", "INCONCLUSIVE": "magenta"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillRow:
    """One drill of the list."""

    drill: str
    scenario: str
    lab: str
    at: datetime
    ended: str
    """Its verdict, or what became of it."""
    folder: str


def rows(records: Iterable[DrillRecord]) -> tuple[DrillRow, ...]:
    """What there is to say of each."""
    return tuple(
        DrillRow(
            drill=record.opening.drill,
            scenario=record.opening.scenario,
            lab=str(record.opening.lab),
            at=record.opening.at,
            ended=_ended(record),
            folder=str(record.folder),
        )
        for record in records
    )


def table(found: tuple[DrillRow, ...]) -> RenderableType:
    """The list for a terminal."""
    if not found:
        return Text("no drill yet; `foreshadow scenario run` makes one")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("drill", "lab", "began, UTC", "ended"):
        grid.add_column(column, overflow="fold")
    for row in found:
        ended = Text(row.ended, style=_STYLES.get(row.ended, "yellow"))
        grid.add_row(row.drill, row.lab, f"{row.at:%Y-%m-%d %H:%M:%S}", ended)
    return grid


def compared(replay: Replay) -> RenderableType:
    """Two runs of one drill side by side."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "", replay.drill, replay.again):
        grid.add_column(column, overflow="fold")
    for row in replay.rows:
        mark = ("=", "green") if row.is_same else ("≠", "bold red") if row.must_agree else ("~", "")
        grid.add_row(Text(mark[0], style=mark[1]), row.name, row.then, row.now)
    if not replay.is_conclusive:
        said = Text("One of the two settled nothing, so they cannot be compared.", style="magenta")
        return Group(grid, "", said)
    said = (
        Text("The same verdict, the same tables, the same loads.", style="green")
        if replay.is_reproduced
        else Text("Not reproduced: what is marked ≠ must not depend on the host.", style="bold red")
    )
    return Group(grid, "", said)


def _ended(record: DrillRecord) -> str:
    if record.verdict:
        return record.verdict
    for entry in record.entries:
        if entry.intent is Intent.GONE:
            return "cut short, lab gone"
        if entry.intent is Intent.RECOVERED:
            return "cut short, recovered"
    return "cut short or running; `foreshadow drill recover`"
