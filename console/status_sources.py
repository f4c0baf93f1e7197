"""The sources of telemetry as the status board shows them: what each said, and who fell silent."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rich.table import Table
from rich.text import Text

_KEY = re.compile(r"foreshadow_ingest_source_(?P<what>\w+)\{(?P<labels>.*)\}")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_SHOWN_DEVICES = 2


@dataclass(slots=True)
class SourceLine:
    """One source as its numbers show it.

    Attributes:
        source: Its name.
        samples: Published since the process began.
        incidents: Told since then.
        refused: Records it could not use since then.
        heard_at_s: By device, when it last said something of it; seconds since 1970.
    """

    source: str
    samples: int = 0
    incidents: int = 0
    refused: int = 0
    heard_at_s: dict[str, float] = field(default_factory=dict)


def source_lines(metrics: Mapping[str, float]) -> tuple[SourceLine, ...]:
    """The sources that the numbers of an ingest process tell of, by name."""
    lines: dict[str, SourceLine] = {}
    for key, value in metrics.items():
        if (found := _KEY.fullmatch(key)) is None:
            continue
        labels = dict(_LABEL.findall(found["labels"]))
        line = lines.setdefault(labels["source"], SourceLine(labels["source"]))
        match found["what"]:
            case "samples_total":
                line.samples += round(value)
            case "incidents_total":
                line.incidents += round(value)
            case "refused_total":
                line.refused += round(value)
            case "heard_timestamp_seconds":
                line.heard_at_s[labels["device"]] = value
            case _:
                pass
    return tuple(lines[name] for name in sorted(lines))


def rendered_sources(lines: tuple[SourceLine, ...], at: datetime) -> Table:
    """A line a source, with the devices it has not heard of for longest."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    grid.add_column("source", overflow="fold", min_width=16)
    for column in ("devices", "samples", "incidents", "refused"):
        grid.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    grid.add_column("longest unheard")
    for line in lines:
        oldest = sorted(line.heard_at_s.items(), key=lambda it: it[1])[:_SHOWN_DEVICES]
        said = ", ".join(f"{device} {_ago(at, heard_s)}" for device, heard_s in oldest)
        grid.add_row(
            line.source,
            f"{len(line.heard_at_s):,}",
            f"{line.samples:,}",
            f"{line.incidents:,}",
            f"{line.refused:,}",
            Text(said) if said else Text("has heard nothing yet", style="yellow"),
        )
    return grid


def _ago(at: datetime, then_s: float) -> str:
    return str(timedelta(seconds=max(0, round(at.timestamp() - then_s))))
