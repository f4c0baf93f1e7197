"""Counters as a device tells them, leaf by leaf, gathered into one row an interface and reading.

Some devices put all counters of an interface into one notification, others one into each. A row is
passed on as soon as it has every column that the row before it had, so that columns of one reading
stay together and nothing waits for the next one.
"""

from collections.abc import Iterator
from typing import Any

from foreshadow.telemetry import NOT_COUNTED
from foreshadow.topology import NodeId
from ingest.heard import CounterReading, Counters
from ingest.sources.gnmi_schema import Place

TOGETHER_NS = 10**9
"""Leaves of one reading are this close."""

_LATEST_NS = 60 * 10**9
_SPEEDS = {"speed": 1.0, "speed-kbps": 1e3}
_UNITS = {"KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_FASTEST_BPS = 1e15


class _Row:
    """One interface's counters on their way."""

    __slots__ = ("at_ns", "capacity_bps", "columns", "expected", "told_ns")

    def __init__(self) -> None:
        self.columns: dict[str, int] = {}
        self.capacity_bps: float | None = None
        self.expected: frozenset[str] | None = None
        self.at_ns = 0
        self.told_ns = 0

    @property
    def is_whole(self) -> bool:
        """Whether it has every column that the row before it had; of the first, whether several.

        A first counter that comes alone is taken for the beginning of a row.
        """
        if self.expected is None:
            return len(self.columns) > 1
        return bool(self.columns) and self.columns.keys() >= self.expected

    @property
    def is_late(self) -> bool:
        """Whether a newer one was told; from very far back it is the clock that was set."""
        return self.at_ns < self.told_ns <= self.at_ns + _LATEST_NS


class CounterRows:
    """The counters of one device's interfaces."""

    def __init__(self, device: NodeId, room: int) -> None:
        """Begin with none.

        Args:
            device: Whose they are.
            room: How many interfaces it may have.
        """
        self._device, self._room = device, room
        self._rows: dict[str, _Row] = {}
        self._touched: dict[str, _Row] = {}
        self._closed: dict[int, dict[str, Counters]] = {}
        self.is_overfull = False

    def take(self, interface: str, column: str, value: Any, at_ns: int) -> None:
        """One counter of an interface, or its speed.

        Raises:
            ValueError: It is none.
        """
        row = self._rows.get(interface)
        if row is None:
            if len(self._rows) >= self._room:
                self.is_overfull = True
                return
            row = self._rows[interface] = _Row()
        if column in _SPEEDS:
            told_bps = speed_bps(value)
            row.capacity_bps = told_bps * _SPEEDS[column] if told_bps else row.capacity_bps
            return
        count = counted(value)
        if row.columns and not -TOGETHER_NS <= at_ns - row.at_ns <= TOGETHER_NS:
            self._close(interface, row)
        if not row.columns:
            row.at_ns = at_ns
        row.columns[column] = count
        self._touched[interface] = row

    def readings(self) -> Iterator[CounterReading]:
        """The rows that are whole by the end of a notification, those of the same time together."""
        for interface, row in self._touched.items():
            if row.is_whole:
                self._close(interface, row)
        self._touched.clear()
        closed, self._closed = self._closed, {}
        for at_ns, rows in closed.items():
            yield CounterReading(device=self._device, at_ns=at_ns, counters=tuple(rows.values()))

    def rest(self) -> Iterator[CounterReading]:
        """The rows as they are, whole or not, when nothing more comes."""
        for interface, row in self._rows.items():
            self._close(interface, row)
        yield from self.readings()

    def delete(self, place: Place) -> None:
        """Forget the interface that was deleted; of one that only lost counters nothing is held."""
        if place.node is not None and len(place.keys) == 1 and place.node.keys:
            self._rows.pop(place.keys[0], None)

    def _close(self, interface: str, row: _Row) -> None:
        columns, row.columns = row.columns, {}
        if not columns:
            return
        row.expected = frozenset(columns)
        if not row.is_late:
            row.told_ns = row.at_ns
            self._closed.setdefault(row.at_ns, {})[interface] = Counters(
                interface=interface, capacity_bps=row.capacity_bps, **columns
            )


def counted(value: Any) -> int:
    """A counter's value.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < NOT_COUNTED:
        raise ValueError(f"{str(value)[:40]!r} is no count of 64 bits")
    return value


def speed_bps(value: Any) -> float | None:
    """Bits per second of a port speed: `SPEED_100GB`, `100G`, or a number of them."""
    text = str(value).rpartition(":")[2].removeprefix("SPEED_")
    number = text.rstrip("BGKMT")
    try:
        found = float(number) * _UNITS.get(text[len(number) :], 1.0)
    except ValueError:
        return None
    return found if 0 < found <= _FASTEST_BPS else None
