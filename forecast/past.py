"""The steps that can be looked back at: demand, counted loads, and under which routing they were.

Kept so that series can be read as if the network had always been routed as it is now, and so that
what is newly watched has a past to learn from.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from forecast.history import Array
from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.topology import DirectedLink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One interval.

    Attributes:
        at: Its start.
        rates: Demand, in the order of `Past.keys`; single precision, for there may be many.
        links: Directions of the network then.
        ratios: Their counted load over capacity, NaN where nobody counts; empty where none does.
        routing: Number of the routing it was carried by.
        is_missing: Nobody told of it; `rates` are those of the one before.
    """

    at: datetime
    rates: np.ndarray
    links: tuple[DirectedLink, ...]
    ratios: np.ndarray
    routing: int
    is_missing: bool = False

    def ratios_of(self, links: tuple[DirectedLink, ...]) -> Array:
        """The counted load ratios of some directions, NaN where not known, shape (n_links,)."""
        if not self.ratios.size:
            return np.full(len(links), np.nan)
        if links is self.links or links == self.links:
            return self.ratios.astype(np.float64)
        known = dict(zip(self.links, self.ratios.tolist(), strict=True))
        return np.asarray([known.get(link, np.nan) for link in links])


class Past:
    """The latest steps, oldest first, over every demand seen in them."""

    def __init__(self, depth: int) -> None:
        """Begin empty.

        Args:
            depth: Steps kept.
        """
        self.keys: tuple[DemandKey, ...] = ()
        self._known: set[DemandKey] = set()
        self._steps: deque[Step] = deque(maxlen=depth)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._steps)

    @property
    def newest(self) -> Step | None:
        """The latest step."""
        return self._steps[-1] if self._steps else None

    def forget(self) -> None:
        """Drop every step."""
        self._steps.clear()

    def append(self, step: Step) -> None:
        """Add a step that is aligned with `keys`."""
        self._steps.append(step)

    def rates(self) -> np.ndarray:
        """Demand of every step that was told of, shape (n_steps, n_demands)."""
        told = [step.rates for step in self._steps if not step.is_missing]
        return np.asarray(told) if told else np.zeros((0, len(self.keys)))

    def rates_from(self, steps_ago: int, count: int) -> Array | None:
        """Demand of so many steps, the first `steps_ago`; None where that is too long ago."""
        first = len(self._steps) - 1 - steps_ago
        if first < 0:
            return None
        rows = [self._steps[row].rates for row in range(first, first + count)]
        return np.asarray(rows, dtype=np.float64)

    def widen(self, matrix: DemandMatrix) -> bool:
        """Make room for demands that were not seen before; whether there were any.

        They count as 0 in all steps before.
        """
        if self._known.issuperset(matrix.keys):
            return False
        before = self.keys
        self._known |= set(matrix.keys)
        self.keys = tuple(sorted(self._known))
        column = {key: index for index, key in enumerate(before)}
        places = [column.get(key, len(before)) for key in self.keys]
        zero = np.zeros(1, dtype=np.float32)
        for index, step in enumerate(self._steps):
            self._steps[index] = replace(step, rates=np.concatenate([step.rates, zero])[places])
        return True

    def narrow(self) -> bool:
        """Let go of demands that are 0 in every step; whether there were any.

        Prefixes come and go for months.
        """
        alive = np.zeros(len(self.keys), dtype=np.bool_)
        for step in self._steps:
            alive |= step.rates != 0
        if alive.all():
            return False
        self.keys = tuple(
            key for key, is_so in zip(self.keys, alive.tolist(), strict=True) if is_so
        )
        self._known = set(self.keys)
        for index, step in enumerate(self._steps):
            self._steps[index] = replace(step, rates=step.rates[alive])
        return True
