"""A backtest from its command line: which series of which file, over which horizons."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import durationpy
import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from console.backtest_text import span_text
from console.link_series import link_loads
from console.series_file import SeriesFile, read_series
from forecast.backtest import Judged, Past, backtest, usual_warm_up
from foreshadow.errors import ConfigError
from ingest.topologies.reading import read_topology

_MOST_HORIZONS = 8
_LEAST_WINDOWS = 2
"""The part that is judged must hold at least so many windows of a horizon."""
_DAYS = re.compile(r"^(\d+(?:\.\d+)?)d$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line asks for."""

    file: Path
    topology: Path | None = None
    step: str | None = None
    horizons: str = "1h,3h,6h"
    column: str | None = None
    warm_up: str | None = None


def run_backtest(wishes: Wishes, *, console: Console) -> Judged:
    """Read, route where asked, and judge; progress and remarks go to `console`.

    Raises:
        ConfigError: A file or an option is wrong.
    """
    step = None if wishes.step is None else duration(wishes.step, "--step")
    file = read_series(wishes.file, step=step)
    for note in file.notes:
        console.print(f"note: {note}", style="dim", highlight=False)
    past = _past(wishes, file)
    asked = _horizons(wishes.horizons, past.step)
    warm_up = _warm_up(wishes, past, asked[0])
    horizons = tuple(it for it in asked if _is_long_enough(past, warm_up, it))
    for steps in asked[len(horizons) :]:
        left_out = f"note: the file is too short to judge {span_text(steps * past.step)}"
        console.print(left_out, style="dim", highlight=False)
    judged = span_text((len(past.values) - warm_up) * past.step)
    console.print(
        f"{len(past.names)} series, {len(past.values)} intervals of {span_text(past.step)}; the "
        f"first {span_text(warm_up * past.step)} are warm-up, the {judged} after them are judged",
        highlight=False,
    )
    columns = (TextColumn("judging"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=len(past.values))
        return backtest(
            past,
            horizons,
            warm_up=warm_up,
            progress=lambda number: shown.update(task, completed=number + 1),
        )


def duration(text: str, option: str) -> timedelta:
    """`5m`, `1h30m`, `2d` as a time.

    Raises:
        ConfigError: It is none, or not more than 0.
    """
    text = text.strip()
    try:
        days = _DAYS.match(text)
        found = timedelta(days=float(days[1])) if days else durationpy.from_str(text)
    except (durationpy.DurationError, OverflowError, ValueError) as error:
        raise ConfigError(f"{text!r} is no duration; write 5m, 1h or 2d", field=option) from error
    if found <= timedelta(0):
        raise ConfigError(f"{text!r} must be more than 0", field=option)
    return timedelta(seconds=found.total_seconds())


def _past(wishes: Wishes, file: SeriesFile) -> Past:
    if wishes.topology is not None:
        if wishes.column is not None:
            raise ConfigError("--topology judges links, --column one demand: name one of the two")
        names, values = link_loads(file, read_topology(wishes.topology))
    elif wishes.column is not None:
        names, values = (wishes.column,), file.column(wishes.column)
    elif len(file.names) == 1:
        names, values = file.names, file.values
    else:
        names, values = ("total",), file.total()
    if not np.isfinite(values).any():
        raise ConfigError("holds no values", path=file.path)
    return Past(names=names, start=file.start, step=file.step, values=values)


def _horizons(text: str, step: timedelta) -> tuple[int, ...]:
    spans = [duration(part, "--horizons") for part in text.split(",") if part.strip()]
    if not spans or len(spans) > _MOST_HORIZONS:
        raise ConfigError(
            f"names {len(spans)}; 1 to {_MOST_HORIZONS} are judged", field="--horizons"
        )
    steps = []
    for span in spans:
        count = span / step
        if count < 1 or abs(count - round(count)) > 1e-6:
            raise ConfigError(
                f"{span} is no whole number of intervals of {step}", field="--horizons"
            )
        steps.append(round(count))
    return tuple(sorted(set(steps)))


def _warm_up(wishes: Wishes, past: Past, shortest: int) -> int:
    steps = usual_warm_up(len(past.values), past.step)
    if wishes.warm_up is not None:
        steps = round(duration(wishes.warm_up, "--warm-up") / past.step)
    if not _is_long_enough(past, steps, shortest):
        raise ConfigError(
            f"{len(past.values)} intervals of {span_text(past.step)} are too few: after a warm-up "
            f"of {span_text(steps * past.step)} at least {_LEAST_WINDOWS} times the shortest "
            "horizon is needed",
            path=wishes.file,
        )
    return steps


def _is_long_enough(past: Past, warm_up: int, horizon: int) -> bool:
    return len(past.values) - warm_up >= _LEAST_WINDOWS * horizon
