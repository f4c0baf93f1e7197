"""Cisco telemetry that somebody exported to CSV, line by line, to be replayed as if it came now.

Two forms are read. One path a file: time, `EncodingPath`, `Producer` and a column a leaf. One
router a file: `time` in seconds, and a column for every interface and leaf, their names run
together (`HundredGigE0/0/0/0bytes-received`); what is not of an interface is left out.

Nothing in such a file says that all was told once; that its first thing comes again does.

Source: cisco-ie/telemetry (the data sets' own READMEs).
"""

import csv
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ingest.sources.cisco_mdt import keyed_path
from ingest.sources.gnmi_notification import Message, Notification, Step, Synced, Update

_LATEST_S = 9_000_000_000.0
_MOST_COLUMNS = 20_000
_INTERFACE = re.compile(r"([A-Z][A-Za-z-]*?\d[\d/.]*)([a-z][a-z-]*)")
_STATISTICS = ("infra-statistics", "interfaces")
_RATE_LEAVES = frozenset({"bandwidth"})
_KEY_COLUMNS = ("interface-name", "neighbor-address", "instance-name")


class CiscoCsv:
    """Reads the lines of one file; the first names the columns."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self._columns: list[str] | None = None
        self._first: tuple[Any, ...] | None = None
        self._is_round = False

    def parse(self, raw: bytes) -> Iterator[Message]:
        """What one line says.

        Raises:
            ValueError: It is none of either form.
        """
        cells = _cells(raw)
        if self._columns is None:
            if not {"EncodingPath", "time"} & set(cells) or len(cells) > _MOST_COLUMNS:
                raise ValueError("the first line names neither EncodingPath nor time")
            self._columns = cells
            return
        if len(cells) != len(self._columns):
            raise ValueError(f"{len(cells)} cells under {len(self._columns)} columns")
        row = dict(zip(self._columns, cells, strict=True))
        yield from self._of_path(row) if "EncodingPath" in row else self._of_router(row)

    def _of_path(self, row: Mapping[str, str]) -> Iterator[Message]:
        path, node = row["EncodingPath"], row.get("Producer", "")
        keys = [(name, row[name]) for name in _KEY_COLUMNS if row.get(name)]
        at_ns = _time_ns(datetime.fromisoformat(row[next(iter(row))]).timestamp())
        yield from self._synced(node, path, (node, path, *keys))
        yield Notification(
            at_ns=at_ns,
            prefix=keyed_path(path, keys),
            updates=[
                Update([Step(part) for part in name.split("__")], _number(cell))
                for name, cell in list(row.items())[1:]
                if cell and name not in {"EncodingPath", "Producer", "Target", "host"}
            ],
            sender=node,
            subscription=path,
        )

    def _of_router(self, row: Mapping[str, str]) -> Iterator[Message]:
        at_ns = _time_ns(float(row["time"]))
        yield from self._synced("", "", ("",))
        updates = []
        for column, cell in row.items():
            found = _INTERFACE.fullmatch(column)
            if found is not None and cell:
                interface, leaf = found.groups()
                branch = "data-rate" if leaf in _RATE_LEAVES else "generic-counters"
                steps = [Step("latest"), Step(branch), Step(leaf)]
                keyed = Step("interface", {"interface-name": interface})
                updates.append(Update([keyed, *steps], _number(cell)))
        yield Notification(
            at_ns=at_ns, prefix=[Step(name) for name in _STATISTICS], updates=updates
        )

    def _synced(self, node: str, path: str, thing: tuple[Any, ...]) -> Iterator[Synced]:
        # Once only: rounds have no fixed order, so later ones have no visible end.
        if self._first is None:
            self._first = thing
        elif thing == self._first and not self._is_round:
            self._is_round = True
            yield Synced(sender=node, subscription=path)


def _cells(raw: bytes) -> list[str]:
    try:
        return next(csv.reader([raw.decode().rstrip("\r\n")], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"no line of CSV: {error}") from error


def _time_ns(at_s: float) -> int:
    if not 0 <= at_s < _LATEST_S:
        raise ValueError(f"{at_s} is no time in seconds since 1970")
    return round(at_s * 1e6) * 1_000


def _number(cell: str) -> str | int:
    """A whole number where it is one, also where a spreadsheet wrote it as a float."""
    if cell.isascii() and cell.isdigit():
        return cell
    try:
        return int(float(cell)) if re.fullmatch(r"[0-9.]+(e\+?[0-9]+)?", cell) else cell
    except (ValueError, OverflowError):
        return cell
