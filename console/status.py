"""How the house is doing, for people: what every process last said of itself on the bus."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.status_sources import rendered_sources, source_lines
from foreshadow.bus import Bus
from foreshadow.control import decode_control
from foreshadow.fidelity_report import FidelityReport
from foreshadow.process_status import ProcessStatus
from foreshadow.sync_report import SyncReport
from foreshadow.topics import Topic

_POLL_S = 0.2
_SILENT_AFTER = 3
"""Reports missed in a row until a process is taken to be gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessLine:
    """One process as its last report shows it.

    Attributes:
        is_alive: Whether it reported when it had to.
        silent_s: Since its last report.
        running_s: From its start to its last report.
        lag: Records on its topics that it had not read.
        metrics: Every number it told, by name and labels.
    """

    process: str
    host: str
    pid: int
    is_alive: bool
    silent_s: float
    running_s: float
    lag: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseStatus:
    """Everything that was said last.

    Attributes:
        at: When it was looked at.
        processes: By name.
        missing: Processes of the house that have never reported.
        sync: The state's owner's account.
        fidelity: Share of production that the mirror agreed with last; None without a mirror.
        fidelity_at: When.
    """

    at: datetime
    processes: tuple[ProcessLine, ...]
    missing: tuple[str, ...]
    sync: SyncReport | None = None
    fidelity: float | None = None
    fidelity_at: datetime | None = None

    @property
    def is_well(self) -> bool:
        """Whether every process that was ever here still reports."""
        return bool(self.processes) and all(line.is_alive for line in self.processes)


def read_status(bus: Bus, *, expected: Iterable[str], now: datetime) -> HouseStatus:
    """What is on the status topic.

    Args:
        bus: Where.
        expected: Names of the processes there should be.
        now: The time reports are judged by.

    Raises:
        BrokerUnreachable: No broker answers, or there is no such topic.
    """
    latest: dict[tuple[str, str], ProcessStatus] = {}
    sync: SyncReport | None = None
    fidelity: FidelityReport | None = None
    with closing(bus.subscribe(Topic.STATUS)) as subscription:
        while not subscription.is_caught_up():
            for record in subscription.poll(_POLL_S):
                try:
                    message = decode_control(record.value)
                except msgspec.DecodeError:
                    continue
                match message:
                    case ProcessStatus():
                        latest[message.process, message.host] = message
                    case SyncReport():
                        sync = message
                    case FidelityReport():
                        fidelity = message
                    case _:
                        pass
    lines = tuple(_line(status, now) for _, status in sorted(latest.items()))
    return HouseStatus(
        at=now,
        processes=lines,
        missing=tuple(name for name in expected if name not in {line.process for line in lines}),
        sync=sync,
        fidelity=None if fidelity is None else fidelity.share,
        fidelity_at=None if fidelity is None else fidelity.at,
    )


def _line(status: ProcessStatus, now: datetime) -> ProcessLine:
    metrics = dict(status.metrics)
    silent_s = max(0.0, (now - status.at).total_seconds())
    return ProcessLine(
        process=status.process,
        host=status.host,
        pid=status.pid,
        is_alive=silent_s <= _SILENT_AFTER * status.every_s,
        silent_s=silent_s,
        running_s=(status.at - status.started_at).total_seconds(),
        lag=total(metrics, "foreshadow_bus_lag_records"),
        metrics=metrics,
    )


def total(metrics: Mapping[str, float], name: str) -> float:
    """The sum of one metric over all its labels."""
    return sum(value for key, value in metrics.items() if key.partition("{")[0] == name)


def rendered(status: HouseStatus, *, is_long: bool = False) -> RenderableType:
    """The board: processes, then what stands out, then every number if asked for."""
    if not status.processes:
        return Text("no process has reported yet; `foreshadow up` starts them", style="yellow")
    parts: list[RenderableType] = [_processes(status), Text()]
    told = {key: value for line in status.processes for key, value in line.metrics.items()}
    if lines := source_lines(told):
        parts += [rendered_sources(lines, status.at), Text()]
    parts += _account(status)
    if is_long:
        parts.extend(_numbers(line) for line in status.processes)
    return Group(*parts)


def _processes(status: HouseStatus) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("process", "state", "for", "pid", "lag", "read", "written", "rejects"):
        is_number = column in ("pid", "lag", "read", "written", "rejects")
        grid.add_column(column, justify="right" if is_number else "left")
    for line in status.processes:
        state = (
            Text("running", style="green")
            if line.is_alive
            else Text(f"silent for {_span(line.silent_s)}", style="bold red")
        )
        counts = (
            total(line.metrics, f"foreshadow_{name}_total")
            for name in ("bus_records_read", "bus_records_written", "rejects")
        )
        grid.add_row(
            line.process,
            state,
            _span(line.running_s),
            str(line.pid),
            f"{line.lag:,.0f}",
            *(f"{count:,.0f}" for count in counts),
        )
    for name in status.missing:
        grid.add_row(name, Text("has never reported", style="yellow"))
    return grid


def _account(status: HouseStatus) -> Iterable[Text]:
    merged = {
        key: value
        for line in status.processes
        for key, value in line.metrics.items()
        if not key.startswith("foreshadow_bus_")
    }
    stale = total(merged, "foreshadow_state_stale_streams")
    yield Text(f"state        {stale:.0f} stale streams", style="yellow" if stale else "")
    if status.sync is not None and status.sync.bytes:
        saved = status.sync.full_state_bytes / status.sync.bytes
        beside = f", {saved:.1f} times less than full state each time" if saved > 1 else ""
        yield Text(
            f"telemetry    {status.sync.messages:,} deltas, {status.sync.bytes:,} bytes{beside}"
        )
    refused = total(merged, "foreshadow_rejects_total")
    if refused:
        yield Text(f"refused      {refused:,.0f}; see `foreshadow ingest rejects`", style="yellow")
    if status.fidelity is not None and status.fidelity_at is not None:
        age = _span((status.at - status.fidelity_at).total_seconds())
        yield Text(f"mirror       agrees with production at {status.fidelity:.1%}, {age} ago")
    if merged.get("foreshadow_forecast_waits"):
        what = "forecast     waits for a router's state; `forecast_waits` in its log says for which"
        yield Text(what, style="yellow")
    for key in sorted(merged):
        name, _, labels = key.partition("{")
        if name == "foreshadow_forecast_error_ratio":
            naive = merged.get(key.replace(name, "foreshadow_forecast_naive_error_ratio"))
            beside = f" (last value {naive:.1%})" if naive else ""
            yield Text(f"forecast     {labels.rstrip('}')}: error {merged[key]:.1%}{beside}")
    sent = total(merged, "foreshadow_forecast_warnings_sent_total")
    held = total(merged, "foreshadow_forecast_warnings_held_total")
    yield Text(f"warnings     {sent:.0f} sent, {held:.0f} held back")


def _numbers(line: ProcessLine) -> RenderableType:
    grid = Table(title=f"\n{line.process}", title_justify="left", box=None, pad_edge=False)
    grid.add_column("metric", overflow="fold")
    grid.add_column("value", justify="right")
    for name, value in line.metrics.items():
        grid.add_row(name.removeprefix("foreshadow_"), f"{value:,.6g}")
    return grid


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
