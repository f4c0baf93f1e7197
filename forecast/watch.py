"""Which loads are worth a model of their own.

Every watched series is a fixed linear function of the demand: a link's load under a failure is its
row of that failure's routing matrix. So watching means a projection, and a change of routing means
another projection of the same remembered demand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

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
NOTICEABLE = 0.01
"""What moves matters to a link if it adds this much of its capacity."""
_CLEARLY = 0.10
"""By how much a load must be higher to take the place of a watched one."""
_MOST_CUTS = 64
_MOST_ENTRIES = 1_500_000
"""Of forwarding tables worked out to choose: some 20 s; fewer failures in a large network."""
_MOST_PRODUCTS = 1e8
_FEWEST_STEPS = 48

T = TypeVar("T")


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
    """Everything that has a model: the order of all series.

    Attributes:
        links: First every link as the network stands, then the pairs of link and failure.
        demands: The largest.
    """

    links: tuple[WatchedLink, ...]
    demands: tuple[DemandKey, ...]

    @property
    def intact(self) -> tuple[WatchedLink, ...]:
        """Links as the network stands."""
        return tuple(link for link in self.links if link.under_failure is None)

    @property
    def pairs(self) -> tuple[WatchedLink, ...]:
        """Links under failures."""
        return tuple(link for link in self.links if link.under_failure is not None)

    def __len__(self) -> int:
        return len(self.links) + len(self.demands)


_NOTHING = WatchList(links=(), demands=())


def choose(
    routing: Present,
    keys: tuple[DemandKey, ...],
    rates_bps: Array,
    *,
    pairs: int,
    demands: int,
    before: WatchList = _NOTHING,
) -> WatchList:
    """What to watch, judged by past demand alone.

    Every link without failure; then the (failure, link) pairs with the highest loads (99th
    percentile) among those the failure adds to; and the demands that are largest on average. What
    was watched before stays unless something else is clearly worse: models take time to learn.

    Args:
        routing: Of now.
        keys: Columns of `rates_bps`.
        rates_bps: Past demand, shape (n_steps, n_demands).
        pairs: How many (failure, link) pairs at most.
        demands: How many demands at most.
        before: What was watched until now.
    """
    intact = routing.under(NO_CUT, keys)
    standing = tuple(WatchedLink(link=link, under_failure=None) for link in intact.links)
    if not keys or not len(rates_bps):
        return WatchList(links=standing, demands=())
    sample = _sample(rates_bps, len(intact.links))
    size = rates_bps.mean(axis=0)
    sizes = dict(zip(keys, size.tolist(), strict=True))
    return WatchList(
        links=(*standing, *_leading(_pair_loads(routing, keys, sample), pairs, before.pairs)),
        demands=_leading(sizes, demands, before.demands),
    )


def _pair_loads(
    routing: Present, keys: tuple[DemandKey, ...], rates_bps: Array
) -> dict[WatchedLink, float]:
    """The high load of every link under every failure that adds to it noticeably."""
    intact = routing.under(NO_CUT, keys)
    base = _ratios(intact, rates_bps)
    found = {}
    network = routing.what_if
    entries = len(network.topology.nodes) * len(network.exits)
    most = max(1, min(_MOST_CUTS, _MOST_ENTRIES // max(1, entries)))
    for cut in _heaviest(single_cuts(network.topology), intact, rates_bps)[:most]:
        failed = _ratios(routing.under(cut, keys), rates_bps)
        added, high = _high(failed - base), _high(failed)
        (failure,) = cut
        for row, link in enumerate(intact.links):
            if added[row] > NOTICEABLE:
                found[WatchedLink(link=link, under_failure=failure)] = float(high[row])
    return found


def _heaviest(
    cuts: tuple[frozenset[LinkId], ...], intact: RoutingMatrix, rates_bps: Array
) -> list[frozenset[LinkId]]:
    """The failures that send most traffic elsewhere; each takes a routing of its own to judge."""
    carried: dict[LinkId, float] = {}
    for row, high in zip(intact.links, _high(rates_bps @ intact.shares.T).tolist(), strict=True):
        carried[row.link] = carried.get(row.link, 0.0) + high
    return sorted(cuts, key=lambda cut: -sum(carried.get(link, 0.0) for link in cut))


def _leading(values: Mapping[T, float], most: int, before: tuple[T, ...]) -> tuple[T, ...]:
    """The highest, highest first; one that was among them stays while it nearly is."""
    ranked = sorted(values, key=lambda item: -values[item])
    if len(ranked) <= most:
        return tuple(ranked)
    held = frozenset(before)
    favoured = {
        item: values[item] * (1 + _CLEARLY if item in held else 1)
        for item in ranked[: most + len(before)] + [item for item in before if item in values]
    }
    chosen = sorted(favoured, key=lambda item: -favoured[item])[:most]
    return tuple(sorted(chosen, key=lambda item: -values[item]))


def _sample(rates_bps: Array, n_links: int) -> Array:
    """Steps evenly taken from the past, fewer the larger the network is."""
    steps = max(_FEWEST_STEPS, int(_MOST_PRODUCTS / max(1, n_links * rates_bps.shape[1])))
    if len(rates_bps) <= steps:
        return rates_bps
    rows = np.linspace(0, len(rates_bps) - 1, steps).round().astype(np.int64)
    return rates_bps[rows]


def projection(routing: Present, watched: WatchList, keys: tuple[DemandKey, ...]) -> Array:
    """The matrix that makes series out of demand, shape (n_series, n_demands).

    Rows of links give load ratios, rows of demands Gbit/s; a link that is gone carries nothing.
    """
    rows = np.zeros((len(watched), len(keys)))
    by_cut: dict[frozenset[LinkId], list[tuple[int, DirectedLink]]] = {}
    for row, pair in enumerate(watched.links):
        by_cut.setdefault(pair.cut, []).append((row, pair.link))
    for cut, wanted in by_cut.items():
        matrix = routing.under(cut, keys)
        place = {link: index for index, link in enumerate(matrix.links)}
        capacity_bps = _capacity(matrix)
        for row, link in wanted:
            if link in place:
                rows[row] = matrix.shares[place[link]] / capacity_bps[place[link]]
    column = {key: index for index, key in enumerate(keys)}
    for row, key in enumerate(watched.demands, start=len(watched.links)):
        if key in column:
            rows[row, column[key]] = 1 / DEMAND_SCALE_BPS
    return rows


def capacities(routing: Present) -> dict[DirectedLink, float]:
    """Bits per second of every direction that has a capacity."""
    known = routing.what_if.topology.capacities()
    return {link: capacity for link, capacity in known.items() if capacity > 0}


def _ratios(matrix: RoutingMatrix, rates_bps: Array) -> Array:
    ratios: Array = rates_bps @ matrix.shares.T / _capacity(matrix)
    return ratios


def _capacity(matrix: RoutingMatrix) -> Array:
    """Bits per second per link; a link whose capacity nobody configured is never full."""
    return np.where(matrix.capacity_bps > 0, matrix.capacity_bps, np.inf)


def _high(values: Array) -> Array:
    return np.asarray(np.percentile(values, _HIGH_PERCENTILE, axis=0))
