"""5.5 hours of a real Cisco leaf, as readings: the state of its interfaces and their counters."""

import csv
import gzip
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from benchmarks._labs import REPOSITORY
from benchmarks._report import NotMeasured
from foreshadow.clock import to_ns
from foreshadow.observed import Interface, Stream
from foreshadow.topology import NodeId
from ingest.heard import CounterReading, Counters, Heard, StateReading

DATA = Path(os.environ.get("FORESHADOW_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
_LEAF = DATA / "telemetry" / "cisco_mdt_leaf7_20190519"
_COUNTERS = "*generic-counters.csv.gz"
_BRIEF = "*interface-brief.csv.gz"
_NS = 1_000_000_000


def leaf_readings() -> list[tuple[int, int, Heard]]:
    """Both recordings by time: when, how long the lines were, and what they say.

    Raises:
        NotMeasured: The recording is not here.
    """
    if not _LEAF.is_dir():
        raise NotMeasured(f"needs {_LEAF}")
    return sorted(
        [*_state_readings(), *_counter_readings()], key=lambda reading: (reading[0], reading[1])
    )


def _state_readings() -> Iterator[tuple[int, int, Heard]]:
    for at_ns, size, rows in _grouped(_BRIEF):
        values = {
            row["interface-name"]: Interface(
                name=row["interface-name"],
                is_admin_up=row["state"] != "im-state-admin-down",
                is_oper_up=row["actual-line-state"] == "im-state-up",
            )
            for row in rows
        }
        heard = StateReading(
            device=NodeId("leaf7"), stream=Stream.INTERFACE, values=values, at_ns=at_ns
        )
        yield at_ns, size, heard


def _counter_readings() -> Iterator[tuple[int, int, Heard]]:
    for at_ns, size, rows in _grouped(_COUNTERS):
        counters = tuple(
            Counters(
                interface=row["interface-name"],
                in_octets=int(row["bytes-received"]),
                out_octets=int(row["bytes-sent"]),
                in_errors=int(row["input-errors"]),
                out_errors=int(row["output-errors"]),
                in_discards=int(row["input-drops"]),
                out_discards=int(row["output-drops"]),
                carrier_transitions=int(row["carrier-transitions"]),
                capacity_bps=1e11,
                since_ns=int(row["last-discontinuity-time"]) * _NS,
            )
            for row in rows
        )
        yield at_ns, size, CounterReading(device=NodeId("leaf7"), at_ns=at_ns, counters=counters)


def _grouped(pattern: str) -> Iterator[tuple[int, int, Sequence[dict[str, str]]]]:
    """The rows of one reading together: it ends where an interface comes again."""
    (path,) = _LEAF.glob(pattern)
    group: list[dict[str, str]] = []
    seen: set[str] = set()
    with gzip.open(path, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["interface-name"] in seen:
                yield _reading(group)
                group, seen = [], set()
            group.append(row)
            seen.add(row["interface-name"])
    yield _reading(group)


def _reading(rows: Sequence[dict[str, str]]) -> tuple[int, int, Sequence[dict[str, str]]]:
    at = datetime.fromisoformat(rows[0][""])
    return to_ns(at), sum(len(msgspec.json.encode(row)) for row in rows), rows
