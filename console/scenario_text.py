"""Scenarios as people read them: the list, and one in plain words."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scenarios.authoring.explain import explain
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import files_of, find, shipped
from scenarios.calendar_trigger import Calendar
from scenarios.planning.sequence import length_s
from scenarios.scenario import Manual, OnForecast, Trigger, injections

_BY_HAND = "a person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One scenario of a list."""

    name: str
    path: str
    faults: tuple[str, ...]
    takes_s: float
    trigger: str
    rationale: str


def listed(where: tuple[Path, ...]) -> tuple[Listed, ...]:
    """The scenarios of files and folders; of the library where none is named.

    Raises:
        ConfigError: One cannot be read or used.
    """
    paths = [path for each in where for path in files_of(each)] or shipped()
    return tuple(_listed(path) for path in paths)


def listing(found: tuple[Listed, ...]) -> RenderableType:
    """The list as a table."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario", no_wrap=True)
    table.add_column("injects")
    table.add_column("takes", justify="right", no_wrap=True)
    table.add_column("why")
    for each in found:
        first, stop, _ = each.rationale.partition(". ")
        why = Text(first + stop[:1])
        if each.trigger != _BY_HAND:
            why.append(f" Started by {each.trigger}.", style="cyan")
        table.add_row(each.name, "\n".join(each.faults), f"{each.takes_s:g} s", why)
    return table


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One scenario in plain words."""

    name: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]


def explained(wanted: str) -> Explained:
    """A scenario of a file or of the library in words.

    Raises:
        ConfigError: There is none, or it cannot be used.
    """
    scenario = read_scenario(find(wanted))
    return Explained(name=scenario.name, sections=explain(scenario))


def explanation(found: Explained) -> RenderableType:
    """The words on a page."""
    parts: list[RenderableType] = [Text(found.name, style="bold")]
    for heading, sentences in found.sections:
        parts.append(Text(f"\n{heading}", style="bold cyan"))
        for sentence in sentences:
            inset = 2 + len(sentence) - len(sentence.lstrip())
            parts.append(Padding(Text(sentence.strip()), (0, 0, 0, inset)))
    return Group(*parts)


def _listed(path: Path) -> Listed:
    scenario = read_scenario(path)
    return Listed(
        name=scenario.name,
        path=str(path),
        faults=tuple(dict.fromkeys(each.kind for each in injections(scenario.steps))),
        takes_s=length_s(scenario.steps),
        trigger=_starts(scenario.trigger),
        rationale=scenario.rationale,
    )


def _starts(trigger: Trigger) -> str:
    match trigger:
        case Manual():
            return _BY_HAND
        case OnForecast():
            return "the forecast"
        case Calendar(cron=cron, timezone=timezone):
            return f"{cron} {timezone}"
