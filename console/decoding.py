"""A file of telemetry, said in our words: a line for everything that is heard."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from console.command_line import Exit
from foreshadow.clock import Clock, SystemClock, from_ns
from foreshadow.codec import to_json, to_plain
from foreshadow.errors import ConfigError
from foreshadow.incident import Incident
from foreshadow.observed import Adjacency, Interface, Session
from foreshadow.routing import FibEntry
from ingest.device_names import DeviceNames
from ingest.heard import (
    CounterReading,
    DemandReading,
    Heard,
    Refused,
    StatePatch,
    StateReading,
)
from ingest.sources.bmp_replay import hear_sessions
from ingest.sources.record_decoder import SPELLINGS, made_decoder
from ingest.sources.record_file import hear_file
from ingest.sources.syslog_decoder import SyslogDecoder

_SPELLINGS = (*SPELLINGS, "bmp", "syslog")
_SHOWN_SAMPLE = 60
_TOLD_EVERY = 100_000


def decode_file(
    path: Path, spelling: str, *, device: str, limit: int, as_json: bool, clock: Clock | None = None
) -> Exit:
    """Print what a file says.

    Args:
        path: The file; `-` for standard input.
        spelling: What it is written in.
        device: Whose a record is that does not say so itself.
        limit: Lines printed at most.
        as_json: One JSON object a line, instead of text.
        clock: Stamps what has no time of its own.

    Raises:
        ConfigError: The file cannot be read, or nobody knows the spelling.
    """
    if spelling not in _SPELLINGS:
        raise ConfigError(f"{spelling!r} is none of {', '.join(_SPELLINGS)}", field="--as")
    names = DeviceNames([], default=device, takes_any=True)
    told = _told(path, spelling, names, clock or SystemClock())
    counts: Counter[str] = Counter()
    with Console(stderr=True).status(f"reading {path}") as status:
        for number, heard in enumerate(told):
            counts[type(heard).__name__] += 1
            if number < limit:
                typer.echo(to_json(as_plain(heard)) if as_json else "\n".join(as_lines(heard)))
            if number % _TOLD_EVERY == 0:
                status.update(f"reading {path}: {number:,} messages")
    said = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "nothing"
    Console(stderr=True).print(f"{path}: {said}", highlight=False)
    return Exit.FAILED if counts["Refused"] else Exit.PASSED


def _told(path: Path, spelling: str, names: DeviceNames, clock: Clock) -> Iterator[Heard]:
    """Everything the file says."""
    match spelling:
        case "bmp":
            return hear_sessions(path, names, clock)
        case "syslog":
            return hear_file(path, SyslogDecoder(names, zone=ZoneInfo("UTC")), clock)
        case _:
            return hear_file(path, made_decoder(spelling, names), clock)


def as_plain(heard: Heard) -> dict[str, Any]:
    """What was heard as JSON has it, with its kind."""
    match heard:
        case Refused():
            said: dict[str, Any] = {
                "reason": heard.reason,
                "origin": heard.origin,
                "sample": heard.sample[:1_000].decode(errors="replace"),
            }
        case DemandReading():
            said = {
                "device": heard.device,
                "start_ns": heard.start_ns,
                "interval_s": heard.interval_s,
                "rates_bps": {str(prefix): rate.rate_bps for prefix, rate in heard.rates.items()},
            }
        case StatePatch():
            said = {name: getattr(heard, name) for name in ("device", "stream", "phase", "at_ns")}
            said |= {"upserts": to_plain(dict(heard.upserts)), "deletes": list(heard.deletes)}
            said |= {"subtrees": list(heard.subtrees), "coalesced": heard.coalesced}
        case _:
            said = to_plain(heard)
    return {"heard": _KINDS[type(heard)], **{k: v for k, v in said.items() if k != "kind"}}


_KINDS = {
    StatePatch: "patch",
    StateReading: "state",
    CounterReading: "counters",
    DemandReading: "demand",
    Incident: "incident",
    Refused: "refused",
}


def as_lines(heard: Heard) -> Iterator[str]:
    """What was heard, for a person."""
    match heard:
        case Refused():
            sample = heard.sample[:_SHOWN_SAMPLE].decode(errors="replace")
            yield f"{heard.origin}: refused: {heard.reason}: {sample!r}"
        case Incident():
            what = f"{heard.what} {heard.subject}".rstrip()
            yield f"{_time(heard.at_ns)} {heard.device} {what}: {heard.text}"
        case CounterReading():
            for row in heard.counters:
                columns = to_plain(row)
                name, _ = columns.pop("interface"), columns.pop("bits")
                told = " ".join(f"{k}={v}" for k, v in columns.items() if v is not None)
                yield f"{_time(heard.at_ns)} {heard.device} counters {name}: {told}"
        case DemandReading():
            for prefix, rate in heard.rates.items():
                yield f"{_time(heard.start_ns)} {heard.device} to {prefix}: {rate.rate_bps:.0f} bps"
        case StateReading():
            for key, value in heard.values.items():
                yield f"{_time(heard.at_ns)} {heard.device} {heard.stream} {key}: {_value(value)}"
        case StatePatch():
            yield from _patch_lines(heard)


def _patch_lines(patch: StatePatch) -> Iterator[str]:
    place = f"{_time(patch.at_ns)} {patch.device} {patch.stream}"
    yield from (f"{place} {key}: {_value(value)}" for key, value in patch.upserts.items())
    yield from (f"{place} {key} is gone" for key in (*patch.deletes, *patch.subtrees))
    if patch.phase in {"begin", "end"}:
        yield f"{place} snapshot: {patch.phase}"


def _value(value: object) -> str:
    match value:
        case Interface():
            state = "up" if value.is_oper_up else "down" if value.is_admin_up else "shut"
            return " ".join([state, *map(str, value.addresses)])
        case Session():
            return f"{value.state} AS{value.local_as}-AS{value.remote_as}"
        case Adjacency():
            level = f" level {value.level}" if value.level else ""
            return f"{value.protocol} {value.state} cost {value.cost}{level}"
        case FibEntry():
            via = [f"{each.gateway or 'direct'} {each.interface}" for each in value.forwards]
            return ", ".join(via) or str(value.terminal)
        case _:
            return " ".join(f"{name}={said}" for name, said in to_plain(value).items())


def _time(at_ns: int) -> str:
    return from_ns(at_ns).strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at_ns else "-"
