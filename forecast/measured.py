"""What links carried, as their counters say: rates of readings made means of whole intervals.

Rates come reading by reading and device by device; the forecast lives in intervals. An interface's
mean over an interval is its rate over each reading, weighted by how much of the interval that
reading covers. An interval is over when every device has been read past its end, or one is a whole
interval further (a device that is silent holds up nobody).
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from forecast.history import Array
from foreshadow.clock import from_ns
from foreshadow.delta import Effect
from foreshadow.rates import RATE_COLUMNS, DeviceRates, RateFrame, RateTable
from foreshadow.topology import DirectedLink, NodeId, Topology

_IN, _OUT = RATE_COLUMNS.index("in_bps"), RATE_COLUMNS.index("out_bps")
_LEAST_SHARE = 0.5
"""An interval counts for a device if its readings cover at least this much of it."""

_MOST_OPEN = 600
"""Intervals of one device that are not over: a clock that is days ahead of all others'."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceMeans:
    """What one device's interfaces carried over one interval; NaN where nobody counts that."""

    interfaces: tuple[str, ...]
    in_bps: Array
    out_bps: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interval:
    """What every interface carried over one interval.

    Attributes:
        at: Start of the interval.
        devices: Those whose readings cover enough of it.
    """

    at: datetime
    devices: Mapping[NodeId, DeviceMeans]

    def loads_bps(self, topology: Topology) -> dict[DirectedLink, float]:
        """Bits per second of every internal direction of which either end counts.

        What the near end sent is what the direction carried; where it is not counted, what the far
        end received.
        """
        sent: dict[tuple[NodeId, str], float] = {}
        received: dict[tuple[NodeId, str], float] = {}
        for device, means in self.devices.items():
            ports = [(device, interface) for interface in means.interfaces]
            sent.update(zip(ports, means.out_bps.tolist(), strict=True))
            received.update(zip(ports, means.in_bps.tolist(), strict=True))
        loads = {}
        for link in topology.links:
            for near, far in link.ends() if not link.is_external else ():
                load = sent.get((near.node, near.interface), np.nan)
                if not np.isfinite(load):
                    load = received.get((far.node, far.interface), np.nan)
                if np.isfinite(load):
                    loads[DirectedLink(near.node, far.node, link.id)] = load
        return loads


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """One device's rates times seconds, and the seconds, of one interval."""

    interfaces: tuple[str, ...] = ()
    total: Array = field(default_factory=lambda: np.zeros((len(RATE_COLUMNS), 0)))
    seconds: float = 0.0

    def aligned(self, interfaces: tuple[str, ...]) -> Array:
        """The sums in the order of `interfaces`; one that was not there before is not known."""
        if interfaces == self.interfaces:
            return self.total
        if not self.seconds:
            return np.zeros((len(RATE_COLUMNS), len(interfaces)))
        place = {name: row for row, name in enumerate(self.interfaces)}
        aligned = np.full((len(RATE_COLUMNS), len(interfaces)), np.nan)
        for row, name in enumerate(interfaces):
            if name in place:
                aligned[:, row] = self.total[:, place[name]]
        return aligned


_NOTHING = _Sums()


@dataclass(slots=True)
class _Device:
    """Where one device's readings have come to, and its sums of the intervals not over."""

    read_until: datetime
    sums: dict[datetime, _Sums] = field(default_factory=dict)


class Meter:
    """Makes intervals of rate frames."""

    def __init__(self, step: timedelta) -> None:
        """Begin with nothing read.

        Args:
            step: Length of an interval.
        """
        self._step = step
        self._table = RateTable()
        self._devices: dict[NodeId, _Device] = {}
        self._told_until: datetime | None = None
        self.frames: Counter[str] = Counter()
        """Taken, by what became of them."""

    def take(self, frame: RateFrame) -> tuple[Interval, ...]:
        """Add one frame; the intervals that are over now, oldest first.

        Raises:
            ValueError: The frame's columns do not fit its rows, or hold what is no rate.
        """
        before = self._table.device(frame.device)
        effect = self._table.apply(frame)
        self.frames[effect] += 1
        if effect in (Effect.ZOMBIE, Effect.DUPLICATE):
            return ()
        until = from_ns(frame.observed_at_ns)
        device = self._devices.get(frame.device)
        if device is None or abs(until - device.read_until) > 2 * self._step:
            # The first reading, or the first after a long silence or another clock, has no begin.
            self._devices[frame.device] = _Device(read_until=until)
        elif until > device.read_until:
            if frame.since_ns:
                # What a frame says holds for its own reading; until then all stood as it was.
                self._add(device, before, min(from_ns(frame.since_ns), until))
            self._add(device, self._table.device(frame.device), until)
        return tuple(self._finished())

    def _add(self, device: _Device, known: DeviceRates, until: datetime) -> None:
        while device.read_until < until:
            start = self.start_of(device.read_until)
            end = min(until, start + self._step)
            covered_s = (end - device.read_until).total_seconds()
            before = device.sums.get(start, _NOTHING)
            device.sums[start] = _Sums(
                interfaces=known.interfaces,
                total=before.aligned(known.interfaces) + known.rates * covered_s,
                seconds=before.seconds + covered_s,
            )
            device.read_until = end
            if len(device.sums) > _MOST_OPEN:
                device.sums.pop(next(iter(device.sums)))

    def _finished(self) -> Iterator[Interval]:
        reached = sorted(device.read_until for device in self._devices.values())
        # By the middle one: a device whose clock is wrong decides for nobody else.
        middle = reached[(len(reached) - 1) // 2]
        over_until = max(reached[0], self.start_of(middle) - self._step)
        if self._told_until is not None and over_until < self._told_until - 2 * self._step:
            # Everybody's clock was set back: what was told was of a time that never came.
            self._told_until = None
        starts = sorted({start for device in self._devices.values() for start in device.sums})
        for start in starts:
            if start + self._step > over_until:
                return
            if self._told_until is None or start >= self._told_until:
                self._told_until = start + self._step
                yield Interval(at=start, devices=dict(self._means(start)))
            for device in self._devices.values():
                device.sums.pop(start, None)

    def _means(self, start: datetime) -> Iterator[tuple[NodeId, DeviceMeans]]:
        for name, device in self._devices.items():
            sums = device.sums.get(start, _NOTHING)
            if sums.seconds >= _LEAST_SHARE * self._step.total_seconds():
                means = sums.total / sums.seconds
                yield (
                    name,
                    DeviceMeans(
                        interfaces=sums.interfaces,
                        in_bps=means[_IN].copy(),
                        out_bps=means[_OUT].copy(),
                    ),
                )

    def start_of(self, at: datetime) -> datetime:
        """When the interval began that a moment is in."""
        return at - (at - datetime.min.replace(tzinfo=at.tzinfo)) % self._step
