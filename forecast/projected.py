"""Series out of demand and counters: what every watched link and demand carries at a step.

A link's load is the demand that is routed over it. Where counters say what it carried, they are
believed for the link as it stands, and their ratio to what was projected corrects the projection
under failures (`bias`). Where there is no flow export, counters are all there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from forecast.bias import LinkBias
from forecast.history import Array
from forecast.past import Past, Step
from forecast.watch import WatchList, projection
from foreshadow.present import Present
from foreshadow.topology import DirectedLink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """How demand becomes series, under one routing.

    Attributes:
        watched: The series, in order.
        shares: Shape (n_series, n_demands): load ratio or Gbit/s per bit per second.
        links: The directions of the intact links, which come first among the series.
        routing: Number of the routing.
    """

    watched: WatchList
    shares: Array
    links: tuple[DirectedLink, ...]
    routing: int

    @classmethod
    def of(cls, routing: Present, number: int, watched: WatchList, past: Past) -> "Projection":
        """Under this routing, over the demands of this past."""
        return cls(
            watched=watched,
            shares=projection(routing, watched, past.keys),
            links=tuple(link.link for link in watched.intact),
            routing=number,
        )

    def values(self, step: Step, bias: LinkBias) -> Array:
        """Every series at one step, shape (n_series,); NaN where nothing is known of it."""
        if step.is_missing:
            return np.full(len(self.watched), np.nan)
        return self._counted(step, self._modelled(step.rates, bias))

    def course(self, past: Past, bias: LinkBias) -> Iterator[Array]:
        """Every series at every step of a past, as if it had been routed like this."""
        factors = self._factors(bias)
        for step in past:
            if step.is_missing:
                yield np.full(len(self.watched), np.nan)
            else:
                yield self._counted(step, self._projected(step.rates) * factors)

    def intact(self, rates: np.ndarray) -> dict[DirectedLink, float]:
        """Load ratios that the model alone has of the intact links."""
        projected = self._projected(rates)[: len(self.links)]
        return dict(zip(self.links, projected.tolist(), strict=True))

    def _modelled(self, rates: np.ndarray, bias: LinkBias) -> Array:
        return self._projected(rates) * self._factors(bias)

    def _projected(self, rates: np.ndarray) -> Array:
        if not rates.size:
            return np.full(len(self.watched), np.nan)
        projected: Array = self.shares @ rates.astype(np.float64)
        return projected

    def _factors(self, bias: LinkBias) -> Array:
        factors = np.ones(len(self.watched))
        if len(bias):
            for row, pair in enumerate(self.watched.links):
                is_under_failure = pair.under_failure is not None
                factors[row] = bias.factor(str(pair.link), is_under_failure=is_under_failure)
        return factors

    def _counted(self, step: Step, modelled: Array) -> Array:
        """With what was counted in place; under another routing only where nothing else is."""
        counted = step.ratios_of(self.links)
        believed = np.isfinite(counted)
        if step.routing != self.routing:
            believed &= np.isnan(modelled[: len(self.links)])
        values = modelled.copy()
        values[: len(self.links)][believed] = counted[believed]
        return values
