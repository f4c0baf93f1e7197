"""Who sends how much to where: the demand matrix, per ingress router and destination prefix."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from foreshadow.topology import NodeId, Prefix


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class DemandKey:
    """Traffic that enters the network at one router towards one prefix."""

    ingress: NodeId
    prefix: Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandMatrix:
    """Mean rates over one measurement interval.

    Attributes:
        at: Start of the interval in event time (the replay's time, not the wall clock's).
        keys: The demands, sorted.
        rates_bps: One rate per key.
    """

    at: datetime
    keys: tuple[DemandKey, ...]
    rates_bps: tuple[float, ...]

    def vector(self) -> npt.NDArray[np.float64]:
        """Rates as an array of shape (n_demands,), bits per second."""
        return np.asarray(self.rates_bps, dtype=np.float64)

    def aligned(self, keys: tuple[DemandKey, ...]) -> npt.NDArray[np.float64]:
        """Rates in the order of `keys`, shape (len(keys),); a demand we have not seen is 0."""
        if keys == self.keys:
            return self.vector()
        known = dict(zip(self.keys, self.rates_bps, strict=True))
        return np.asarray([known.get(key, 0.0) for key in keys], dtype=np.float64)

    @property
    def total_bps(self) -> float:
        """All traffic offered, bits per second."""
        return float(sum(self.rates_bps))


class DemandAssembler:
    """Puts the per-router demand readings of one interval together into matrices.

    An interval is complete when every expected ingress router has reported it or a later one;
    matrices come out in time order, each once. A router that skips an interval keeps its last rates
    in it. One that has fallen silent is waited for until `overdue` is asked.
    """

    def __init__(self, expected: Iterable[NodeId]) -> None:
        """Begin with nothing reported.

        Args:
            expected: The ingress routers whose readings make a matrix whole.
        """
        self._reached: dict[NodeId, datetime] = {}
        self._expected = frozenset(expected)
        self._pending: dict[datetime, dict[NodeId, _Reading]] = {}
        self._latest: dict[NodeId, _Reading] = {}
        self._told_until = _LONG_AGO
        self._layout = _Layout((), (), ())

    def add(
        self, ingress: NodeId, at: datetime, rates_bps: Iterable[tuple[DemandKey, float]]
    ) -> tuple[DemandMatrix, ...]:
        """Take one router's whole reading; return the matrices it completes, oldest first."""
        if ingress not in self._expected or at <= self._reached.get(ingress, _LONG_AGO):
            return ()
        self._reached[ingress] = at
        pairs = tuple(rates_bps)
        reading = tuple(key for key, _ in pairs), tuple(rate for _, rate in pairs)
        if at <= self._told_until:
            # Its interval went without it; those to come have this for its last rates.
            self._latest[ingress] = reading
        else:
            self._pending.setdefault(at, {})[ingress] = reading
        if len(self._reached) < len(self._expected):
            return ()
        complete_to = min(self._reached.values())
        return tuple(self._emit(at) for at in sorted(self._pending) if at <= complete_to)

    def overdue(self) -> tuple[DemandMatrix, ...]:
        """The intervals that wait for silent routers only, oldest first.

        To be asked when everything there is was read. A router is silent when most of the others
        are `_PATIENCE` intervals further: one that failed must not blind the rest.
        """
        reached = sorted(self._reached.get(router, _LONG_AGO) for router in self._expected)
        if not reached:
            return ()
        middle = reached[(len(reached) - 1) // 2]
        due = [at for at in sorted(self._pending) if at <= middle][:-_PATIENCE]
        return tuple(self._emit(at) for at in due)

    def _emit(self, at: datetime) -> DemandMatrix:
        self._told_until = at
        self._latest.update(self._pending.pop(at))
        parts = tuple(keys for keys, _ in self._latest.values())
        if parts != self._layout.parts:
            self._layout = _Layout.of(parts)
        rates = [rate for _, part in self._latest.values() for rate in part]
        return DemandMatrix(
            at=at,
            keys=self._layout.keys,
            rates_bps=tuple(rates[index] for index in self._layout.order),
        )


_PATIENCE = 3

_Reading = tuple[tuple[DemandKey, ...], tuple[float, ...]]
"""One router's keys and their rates."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where each sorted key stands among the routers' keys laid end to end.

    The same prefixes come interval after interval, and sorting them took longer than all the rest.
    """

    parts: tuple[tuple[DemandKey, ...], ...]
    keys: tuple[DemandKey, ...]
    order: tuple[int, ...]

    @classmethod
    def of(cls, parts: tuple[tuple[DemandKey, ...], ...]) -> "_Layout":
        place = {key: index for index, key in enumerate(key for part in parts for key in part)}
        keys = tuple(sorted(place))
        return cls(parts, keys, tuple(place[key] for key in keys))


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
