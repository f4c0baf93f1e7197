"""`foreshadow scenario calendar`: what the calendar will start, and when."""

import heapq
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.configuration import load_settings
from foreshadow.errors import ConfigError
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import files_of, shipped
from scenarios.calendar_trigger import Calendar, due_runs
from scenarios.scenario import Scenario

_HORIZON = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """One run that lies ahead.

    Attributes:
        due: As cron says, UTC.
        at: With the jitter, UTC.
        timezone: Of the calendar.
        is_blacked_out: It will not take place.
    """

    scenario: str
    due: datetime
    at: datetime
    timezone: str
    is_blacked_out: bool


def coming(
    where: tuple[Path, ...], *, is_library: bool, count: int, now: datetime
) -> tuple[Coming, ...]:
    """The next runs of all scenarios with a calendar, in the order they will happen.

    Raises:
        ConfigError: There is nowhere to look, or a file cannot be used.
    """
    folder = load_settings().scenarios.folder
    if not where and folder is not None:
        where = (folder,)
    if not where and not is_library:
        raise ConfigError(
            "no scenarios: name files or folders, set FORESHADOW_SCENARIOS__FOLDER, or look at the "
            "library with --library"
        )
    paths = [path for each in where for path in files_of(each)]
    paths += shipped() if is_library else ()
    ahead = [_ahead(scenario, now) for scenario in map(read_scenario, dict.fromkeys(paths))]
    return tuple(islice(heapq.merge(*ahead, key=lambda run: (run.at, run.scenario)), count))


def calendar_text(found: tuple[Coming, ...]) -> RenderableType:
    """The runs as a table."""
    if not found:
        return Text("no scenario has a calendar")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("UTC", no_wrap=True)
    table.add_column("there", no_wrap=True)
    table.add_column("timezone", overflow="fold")
    table.add_column("scenario", overflow="fold")
    table.add_column("", no_wrap=True)
    for run in found:
        local = run.at.astimezone(Calendar(cron="", timezone=run.timezone).zone)
        table.add_row(
            f"{run.at:%Y-%m-%d %H:%M}",
            f"{local:%a %H:%M}",
            run.timezone,
            run.scenario,
            "blackout" if run.is_blacked_out else "",
            style="dim" if run.is_blacked_out else "",
        )
    return Group(table)


def _ahead(scenario: Scenario, now: datetime) -> list[Coming]:
    if not isinstance(scenario.trigger, Calendar):
        return []
    calendar = scenario.trigger
    runs = due_runs(
        calendar, after=now, scenario=scenario.name, longest_s=scenario.limits.longest_s
    )
    return sorted(
        (
            Coming(
                scenario=scenario.name,
                due=run.due,
                at=run.at,
                timezone=calendar.timezone,
                is_blacked_out=run.is_blacked_out,
            )
            for run in islice(runs, 1000)
            if run.due < now + _HORIZON
        ),
        key=lambda run: (run.at, run.scenario),
    )
