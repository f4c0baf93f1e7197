"""Which loads are worth a model of their own.

Every watched series is a fixed linear function of the demand: a link's load under a failure is its
row of that failure's routing matrix. So watching means a projection, and a change of routing means
another projection of the same remembered demand.
"""

from dataclasses import dataclass

import numpy as np

from forecast.history import Array
from foreshadow.demand import DemandKey
from foreshadow.present import Present
from foreshadow.topology import DirectedLink, LinkId
from foreshadow.walk import RoutingMatrix
from foreshadow.whatif import NO_CUT, single_cuts

DEMAND_SCALE_BPS = 1e9
"""Demands are watched in Gbit/s, so that they and load ratios have similar sizes."""

_HIGH_PERCENTILE = 99
_NOTICEABLE = 0.01
"""A failure matters to a link if it adds this much of its capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedLink:
    """A link direction, as the network stands or with one more link cut."""

    link: DirectedLink
    under_failure: LinkId | None

    @property
    def cut(self) -> frozenset[LinkId]:
        """The failure as a set of links."""
        return NO_CUT if self.under_failure is None else frozenset({self.under_failure})


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchList:
    """Everything that has a model, links before demands: the order of all series."""

    links: tuple[WatchedLink, ...]
    demands: tuple[DemandKey, ...]

    def __len__(self) -> int:
        return len(self.links) + len(self.demands)


def choose(
    routing: Present, keys: tuple[DemandKey, ...], rates_bps: Array, *, pairs: int, demands: int
) -> WatchList:
    """What to watch, judged by past demand alone.

    The fullest link without failure comes first; then the (failure, link) pairs with the highest
    loads (99th percentile) among those the failure adds to. Demands: the largest on average.

    Args:
        routing: Of now.
        keys: Columns of `rates_bps`.
        rates_bps: Past demand, shape (n_steps, n_demands).
        pairs: How many (failure, link) pairs at most.
        demands: How many demands at most.
    """
    intact = routing.under(NO_CUT, keys)
    base = _ratios(intact, rates_bps)
    fullest = int(np.argmax(_high(base)))
    links = [WatchedLink(link=intact.links[fullest], under_failure=None)]
    scored: list[tuple[float, WatchedLink]] = []
    for cut in single_cuts(routing.what_if.topology):
        failed = _ratios(routing.under(cut, keys), rates_bps)
        added, high = _high(failed - base), _high(failed)
        (failure,) = cut
        scored.extend(
            (high[row], WatchedLink(link=link, under_failure=failure))
            for row, link in enumerate(intact.links)
            if added[row] > _NOTICEABLE
        )
    scored.sort(key=lambda item: item[0], reverse=True)
    links.extend(watched for _, watched in scored[: max(0, pairs - 1)])
    largest = np.argsort(-rates_bps.mean(axis=0), kind="stable")[:demands]
    return WatchList(links=tuple(links), demands=tuple(keys[column] for column in largest))


def projection(routing: Present, watched: WatchList, keys: tuple[DemandKey, ...]) -> Array:
    """The matrix that makes series out of demand, shape (n_series, n_demands).

    Rows of links give load ratios, rows of demands Gbit/s; a link that is gone carries nothing.
    """
    rows = np.zeros((len(watched), len(keys)))
    for row, pair in enumerate(watched.links):
        matrix = routing.under(pair.cut, keys)
        if pair.link in matrix.links:
            index = matrix.links.index(pair.link)
            rows[row] = matrix.shares[index] / _capacity(matrix)[index]
    column = {key: index for index, key in enumerate(keys)}
    for row, key in enumerate(watched.demands, start=len(watched.links)):
        if key in column:
            rows[row, column[key]] = 1 / DEMAND_SCALE_BPS
    return rows


def _ratios(matrix: RoutingMatrix, rates_bps: Array) -> Array:
    ratios: Array = rates_bps @ matrix.shares.T / _capacity(matrix)
    return ratios


def _capacity(matrix: RoutingMatrix) -> Array:
    """Bits per second per link; a link whose capacity nobody configured is never full."""
    return np.where(matrix.capacity_bps > 0, matrix.capacity_bps, np.inf)


def _high(values: Array) -> Array:
    return np.asarray(np.percentile(values, _HIGH_PERCENTILE, axis=0))
