"""The ranking nobody asked for: what failures would cost at the traffic of now and of the last day.

The forecast ranks its warnings by it, and a person sees where the network is thin before anything
is in sight. It is made anew when the traffic or the routing has changed, and takes no more than a
set share of one core.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime

import numpy as np

from foreshadow.clock import Clock
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.present import Present
from foreshadow.triage_report import TriageReport
from scenarios.triage import NamedDemand, triage

QUANTILES = (0.50, 0.95, 0.99)
_SHARE = 0.05
"""Of one core."""
_LEAST_PERIOD_S = 10.0
_FEWEST = 12
"""Intervals from which a quantile is worth its name."""
_MOST = 288
"""Intervals remembered: a day of five minutes."""
_MOST_NUMBERS = 8_000_000
"""Rates remembered, 64 MB of them: fewer intervals of a large matrix."""


class RecentDemand:
    """The demand matrices of the last day, and their upper quantiles demand by demand."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._keys: tuple[DemandKey, ...] = ()
        self._rates: deque[np.ndarray] = deque(maxlen=_MOST)
        self._latest: DemandMatrix | None = None

    def add(self, matrix: DemandMatrix) -> None:
        """Take one interval; a demand that is not in it, or was not before, counts as 0."""
        if matrix.keys != self._keys:
            self._widen(matrix.keys)
        self._rates.append(matrix.aligned(self._keys))
        self._latest = matrix

    def demands(self) -> Iterator[NamedDemand]:
        """The traffic of now, and the quantiles of the last day; the most severe last."""
        if self._latest is None:
            return
        yield NamedDemand(name="now", matrix=self._latest)
        if len(self._rates) >= _FEWEST:
            for quantile, rates in zip(
                QUANTILES, np.quantile(np.stack(self._rates), QUANTILES, axis=0), strict=True
            ):
                yield NamedDemand(
                    name=f"P{100 * quantile:g}",
                    matrix=DemandMatrix(
                        at=self._latest.at, keys=self._keys, rates_bps=tuple(rates.tolist())
                    ),
                )

    def _widen(self, keys: tuple[DemandKey, ...]) -> None:
        """Make room for demands that are new, and let go of those that were 0 all day.

        Prefixes come and go: to begin anew with each would be to know no quantile ever.
        """
        column = {key: place for place, key in enumerate(self._keys)}
        if column.keys() >= set(keys):
            return
        is_alive = np.any(self._rates, axis=0).tolist() if self._rates else []
        alive = {key for key, is_so in zip(self._keys, is_alive, strict=True) if is_so}
        self._keys = tuple(sorted(alive.union(keys)))
        places = [column.get(key, len(column)) for key in self._keys]
        room = max(1, min(_MOST, _MOST_NUMBERS // max(1, len(self._keys))))
        self._rates = deque((np.append(rates, 0.0)[places] for rates in self._rates), maxlen=room)


class StandingTriage:
    """Ranks all failures whenever something has changed and there is time for it."""

    def __init__(self, clock: Clock, *, limit_ratio: float) -> None:
        """Rank for the first time as soon as there is traffic.

        Args:
            clock: Measures what a ranking takes.
            limit_ratio: Load over capacity no link should pass.
        """
        self._clock, self._limit_ratio = clock, limit_ratio
        self.recent = RecentDemand()
        self._done: tuple[Present, datetime] | None = None
        self._not_before_s = 0.0

    def look(self, network: Present) -> TriageReport | None:
        """The ranking, where it is another than before and affordable."""
        demands = tuple(self.recent.demands())
        begun_s = self._clock.monotonic_s()
        if not demands or begun_s < self._not_before_s:
            return None
        at = demands[0].matrix.at
        if self._done is not None and self._done[0] is network and self._done[1] == at:
            return None
        self._done = network, at
        found = triage(network, demands, limit_ratio=self._limit_ratio)
        took_s = self._clock.monotonic_s() - begun_s
        self._not_before_s = begun_s + max(_LEAST_PERIOD_S, took_s / _SHARE)
        return TriageReport(
            warning="",
            made_at=at,
            rows=found.rows,
            worst_without_failure=found.without_failure,
            because="nobody asked for a drill",
            costs=found.costs,
            limit_ratio=self._limit_ratio,
            tried=found.tried,
            took_s=took_s,
        )
