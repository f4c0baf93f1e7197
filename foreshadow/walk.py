"""What every link carries: the demand matrix walked over the routers' forwarding tables.

A walk over FIBs is linear in the demand, so it is done once per set of FIBs and gives a routing
matrix: the share of every demand on every link direction. Loads at any time are then one matrix
product. ECMP splits evenly per next hop, as routers with hash-based load sharing do over many flows
(RFC 2992); longest match decides the entry. Where a router has a more specific route for part of a
demanded prefix, that part goes its own way, and the demand is taken to be spread evenly over the
prefix's addresses.

Right after a change the routers' FIBs disagree for some 100 ms and a walk finds transient loops:
measure loads when the FIBs have settled.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.routing import Fib, FibEntry, Fibs, Terminal
from foreshadow.topology import DirectedLink, NodeId, Prefix, Topology

_NEGLIGIBLE_SHARE = 1e-9
_SMALLEST_PART = 1e-3
"""Share of a prefix below which a more specific route is passed over: host routes by the hundred
would make a walk long and change no load that anybody sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingMatrix:
    """Which share of which demand is on which link.

    Attributes:
        keys: The demands, one per column.
        links: Internal link directions, one per row.
        capacity_bps: Per row.
        shares: Shape (n_links, n_demands), 0 to 1.
        lost: Shape (n_demands,): the share that is looped, unrouted or sent out of a dead
            interface.
        looped: Shape (n_demands,): the part of `lost` that goes round in circles.
    """

    keys: tuple[DemandKey, ...]
    links: tuple[DirectedLink, ...]
    capacity_bps: npt.NDArray[np.float64]
    shares: npt.NDArray[np.float64]
    lost: npt.NDArray[np.float64]
    looped: npt.NDArray[np.float64]

    def loads_bps(self, demand: DemandMatrix) -> dict[DirectedLink, float]:
        """Bits per second on every internal link direction."""
        loads = self.shares @ demand.aligned(self.keys)
        return dict(zip(self.links, loads.tolist(), strict=True))

    def load_ratios(self, demand: DemandMatrix) -> dict[DirectedLink, float]:
        """Load over capacity on every internal link direction; 1.0 is a full link."""
        ratios = load_ratios(self.shares @ demand.aligned(self.keys), self.capacity_bps)
        return dict(zip(self.links, ratios.tolist(), strict=True))

    def lost_bps(self, demand: DemandMatrix) -> float:
        """Traffic that does not arrive, bits per second."""
        return float(self.lost @ demand.aligned(self.keys))


def load_ratios(
    loads_bps: npt.NDArray[np.float64], capacity_bps: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Load over capacity, link by link.

    A link whose capacity nobody configured (0) is infinitely full as soon as it carries anything:
    0 / 0 would be NaN, which is over no limit and spoils every maximum.
    """
    unknown = np.where(loads_bps > 0, np.inf, 0.0)
    return np.divide(loads_bps, capacity_bps, out=unknown, where=capacity_bps > 0)


def worst(ratios: Mapping[DirectedLink, float]) -> tuple[DirectedLink, float]:
    """The fullest link direction and its load ratio."""
    return max(ratios.items(), key=lambda item: (item[1], item[0]))


def walk(topology: Topology, fibs: Fibs, keys: tuple[DemandKey, ...]) -> RoutingMatrix:
    """Walk each demand from its ingress over the FIBs until it is delivered, lost or leaves the AS.

    Args:
        topology: Links that are up; a next hop over any other link loses its share.
        fibs: Forwarding tables of the internal routers.
        keys: The demands to route.
    """
    capacities = topology.capacities()
    row = {direction: index for index, direction in enumerate(capacities)}
    shares = np.zeros((len(row), len(keys)))
    lost, looped = np.zeros(len(keys)), np.zeros(len(keys))
    internal = frozenset(node.id for node in topology.nodes if not node.is_external)
    steps = _Steps(fibs, topology.egress(), internal)
    known = sorted({entry.prefix for fib in fibs.values() for entry in fib})
    parts = parts_of(known, frozenset(key.prefix for key in keys))
    for column, key in enumerate(keys):
        for part, size in parts.get(key.prefix, ((key.prefix, 1.0),)):
            flow, dropped, going_round = steps.spread(key, part)
            looped[column] += size * going_round
            lost[column] += size * (dropped + going_round)
            for direction, share in flow.items():
                if direction in row:
                    shares[row[direction], column] += size * share
    return RoutingMatrix(
        keys=keys,
        links=tuple(row),
        capacity_bps=np.asarray(list(capacities.values())),
        shares=shares,
        lost=lost,
        looped=looped,
    )


def longest_match(fib: Fib, prefix: Prefix) -> FibEntry | None:
    """The entry a packet to `prefix` uses, or None where the router has no route."""
    covering = [entry for entry in fib if prefix.subnet_of(entry.prefix)]
    return max(covering, key=lambda entry: entry.prefix.prefixlen, default=None)


def parts_of(
    known: Sequence[Prefix], prefixes: frozenset[Prefix]
) -> dict[Prefix, tuple[tuple[Prefix, float], ...]]:
    """The prefixes of which parts have routes of their own: each part, and its share of addresses.

    A part's share is without the parts inside it; the first part is the prefix itself.

    Args:
        known: Every prefix that has a route, sorted.
        prefixes: Those that are asked about.
    """
    found = {}
    for prefix in prefixes:
        if inside := _more_specific(prefix, known):
            sizes = {part: part.num_addresses / prefix.num_addresses for part in (prefix, *inside)}
            around = [prefix]
            for part in inside:
                while not part.subnet_of(around[-1]):
                    around.pop()
                sizes[around[-1]] -= part.num_addresses / prefix.num_addresses
                around.append(part)
            found[prefix] = tuple(sizes.items())
    return found


def _more_specific(prefix: Prefix, known: Sequence[Prefix]) -> list[Prefix]:
    """Those of sorted prefixes that are a part of one worth looking at, the larger ones first."""
    inside = []
    last = prefix.broadcast_address
    for index in range(bisect_left(known, prefix), len(known)):
        each = known[index]
        if each.network_address > last:
            break
        if each != prefix and each.num_addresses >= _SMALLEST_PART * prefix.num_addresses:
            inside.append(each)
    return inside


class _Steps:
    """Next steps per router and prefix, looked up once and kept for the length of one walk."""

    def __init__(
        self,
        fibs: Fibs,
        egress: Mapping[tuple[NodeId, str], DirectedLink],
        internal: frozenset[NodeId],
    ) -> None:
        self._fibs, self._egress, self._internal = fibs, egress, internal
        self._exact = {node: {entry.prefix: entry for entry in fib} for node, fib in fibs.items()}
        self._known: dict[tuple[NodeId, Prefix, Prefix], tuple[DirectedLink | None, ...]] = {}

    def spread(
        self, key: DemandKey, part: Prefix
    ) -> tuple[dict[DirectedLink, float], float, float]:
        """What becomes of one part of a demand's prefix.

        Its share per link direction, the share dropped, and the share that loops.
        """
        flow: dict[DirectedLink, float] = {}
        dropped = 0.0
        pending = {key.ingress: 1.0}
        # A loop-free path visits each router at most once, so what is still moving after that many
        # rounds is caught in a loop.
        for _ in range(len(self._internal) + 1):
            moved: dict[NodeId, float] = {}
            for node, share in pending.items():
                hops = self._next(node, part, key.prefix)
                for hop in hops:
                    if hop is None:
                        dropped += share / len(hops)
                        continue
                    flow[hop] = flow.get(hop, 0.0) + share / len(hops)
                    if hop.dst in self._internal:
                        moved[hop.dst] = moved.get(hop.dst, 0.0) + share / len(hops)
            pending = {node: share for node, share in moved.items() if share > _NEGLIGIBLE_SHARE}
            if not pending:
                return flow, dropped, 0.0
        return flow, dropped, sum(pending.values())

    def _next(self, node: NodeId, part: Prefix, prefix: Prefix) -> tuple[DirectedLink | None, ...]:
        """Directions a packet takes at `node`: empty if it is delivered there, None if lost."""
        known = self._known.get((node, part, prefix))
        if known is None:
            known = self._look_up(node, part, prefix)
            self._known[node, part, prefix] = known
        return known

    def _look_up(
        self, node: NodeId, part: Prefix, prefix: Prefix
    ) -> tuple[DirectedLink | None, ...]:
        # No entry that counts is longer than the part; to look at all of them is the exception.
        entry = self._exact.get(node, {}).get(part)
        if entry is None:
            entry = longest_match(self._fibs.get(node, ()), part)
        if entry is None:
            return (None,)
        if entry.terminal is not None:
            # An owner holds its prefix with a discard route; one for a part of it is a blackhole.
            is_part = entry.prefix.prefixlen > prefix.prefixlen
            return (None,) if is_part and entry.terminal is Terminal.DISCARDED else ()
        return tuple(self._egress.get((node, hop.interface)) for hop in entry.forwards)
