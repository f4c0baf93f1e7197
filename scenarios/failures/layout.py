"""The network as arrays: what the kernel works on, made once per topology and set of exits."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import numpy as np

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.exits import Exits
from foreshadow.topology import DirectedLink, LinkId, Node, NodeId, Prefix, Topology
from foreshadow.walk import parts_of
from scenarios.failures.arrays import Flags, Floats, Ints, Offer, Ways, Wiring

_NO_LOOPBACK = IPv4Address("255.255.255.255")
_NOTHING = -1

Way = tuple[NodeId, int, LinkId | None]
"""A router, how far down it is in the order of preference, and the external link it hangs on."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """Where everything of a network is in the arrays.

    Attributes:
        routers: Each internal router's number.
        links: Each link's number, external ones too.
        arcs: Every internal link direction, in the order of the arrays.
        target_of: Number of the destination of every set of ways.
        is_down: Per link.
    """

    routers: Mapping[NodeId, int]
    links: Mapping[LinkId, int]
    arcs: tuple[DirectedLink, ...]
    wiring: Wiring
    ways: Ways
    target_of: Mapping[tuple[Way, ...], int]
    is_down: Flags
    table: "_Table"


def layout(
    topology: Topology, exits: Exits, *, reflectors: frozenset[NodeId], down: frozenset[LinkId]
) -> Layout:
    """The arrays of a network.

    Args:
        topology: A metric below 1 counts as 1, the least that OSPF has.
        exits: Where each prefix can leave.
        reflectors: Route reflectors; empty means full-mesh iBGP.
        down: Links that are down anyway.
    """
    inside = tuple(node for node in topology.nodes if not node.is_external)
    routers = {node.id: number for number, node in enumerate(inside)}
    links = {link.id: number for number, link in enumerate(topology.links)}
    arcs, wiring = _wiring(topology, inside, down)
    table = _Table.of(exits, routers.keys(), links.keys())
    reflecting = tuple(routers[it] for it in sorted(reflectors & routers.keys()))
    targets = _targets({table.ways(prefix) for prefix in exits}, has_probes=bool(reflecting))
    return Layout(
        routers=routers,
        links=links,
        arcs=arcs,
        wiring=wiring,
        ways=_flattened(targets, routers, links, reflecting),
        target_of={ways: number for number, ways in enumerate(targets)},
        is_down=np.asarray([link.id in down for link in topology.links], dtype=np.bool_),
        table=table,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where a set of demands enters the arrays; the same set comes interval after interval.

    Attributes:
        keys: The demands.
        begin: Where each destination's entries begin.
        router: Of each entry.
        entry: Per part of a demand, the entry it adds to.
        row: Per part, the demand it is a part of.
        share: Per part, how much of the demand it is.
        lost_share: Per demand, what has no way whatever fails.
    """

    keys: tuple[DemandKey, ...]
    begin: Ints
    router: Ints
    entry: Ints
    row: Ints
    share: Floats
    lost_share: Floats


def keys_of(demands: Sequence[DemandMatrix]) -> tuple[DemandKey, ...]:
    """Every demand that one of the matrices holds, in order."""
    keys = demands[0].keys
    if all(demand.keys == keys for demand in demands):
        return keys
    return tuple(sorted({key for demand in demands for key in demand.keys}))


def place(found: Layout, keys: tuple[DemandKey, ...]) -> Placement:
    """Where the demands enter: their router and, part by part of their prefix, their destination.

    A part is what has routes of its own.
    """
    prefixes = frozenset(key.prefix for key in keys)
    parts = parts_of(found.table.prefixes, prefixes)
    ways = {
        prefix: [
            (found.target_of.get(found.table.ways(part), _NOTHING), share)
            for part, share in parts.get(prefix, ((prefix, 1.0),))
        ]
        for prefix in prefixes
    }
    lost_share = np.zeros(len(keys))
    rows: list[int] = []
    shares: list[float] = []
    places: list[int] = []
    routers = len(found.routers)
    for row, key in enumerate(keys):
        router = found.routers.get(key.ingress, _NOTHING)
        for target, share in ways[key.prefix]:
            if _NOTHING in (target, router):
                lost_share[row] += share
            else:
                rows.append(row)
                shares.append(share)
                places.append(target * routers + router)
    entries, entry = np.unique(np.asarray(places, dtype=np.int64), return_inverse=True)
    begin = np.searchsorted(entries, routers * np.arange(len(found.target_of) + 1))
    return Placement(
        keys=keys,
        begin=begin.astype(np.int32),
        router=(entries % max(1, routers)).astype(np.int32),
        entry=entry.astype(np.int32),
        row=np.asarray(rows, dtype=np.int32),
        share=np.asarray(shares, dtype=np.float64),
        lost_share=lost_share,
    )


def offered(placement: Placement, demands: Sequence[DemandMatrix]) -> tuple[Offer, Floats]:
    """Who sends how much to which destination, and what has no way whatever fails (per matrix)."""
    rates = np.stack([demand.aligned(placement.keys) for demand in demands], axis=1)
    rate = np.zeros((len(placement.router), len(demands)))
    np.add.at(rate, placement.entry, placement.share[:, np.newaxis] * rates[placement.row])
    offer = Offer(begin=placement.begin, router=placement.router, rate=rate)
    return offer, placement.lost_share @ rates


@dataclass(frozen=True, slots=True)
class _Table:
    """Which ways there are to a prefix: its own, then those of what covers it."""

    exits: Mapping[Prefix, tuple[Way, ...]]
    prefixes: tuple[Prefix, ...]
    lengths: tuple[int, ...]
    """Prefix lengths in use, the longest first."""
    known: dict[Prefix, tuple[Way, ...]]

    @classmethod
    def of(cls, exits: Exits, routers: Collection[NodeId], links: Collection[LinkId]) -> "_Table":
        found = {
            prefix: tuple(
                (way.router, -way.local_preference, way.via)
                for way in ways
                if way.router in routers and (way.via is None or way.via in links)
            )
            for prefix, ways in exits.items()
        }
        lengths = sorted({prefix.prefixlen for prefix in exits}, reverse=True)
        return cls(found, tuple(sorted(exits)), tuple(lengths), {})

    def ways(self, prefix: Prefix) -> tuple[Way, ...]:
        """The ways of the longest match first, and those of less specific routes behind them."""
        if prefix not in self.known:
            chain = [
                (level, lower, router, via)
                for level, length in enumerate(self.lengths)
                if length <= prefix.prefixlen
                for router, lower, via in self.exits.get(prefix.supernet(new_prefix=length), ())
            ]
            place = {it: number for number, it in enumerate(sorted({it[:2] for it in chain}))}
            ways = {(router, place[level, lower], via) for level, lower, router, via in chain}
            self.known[prefix] = tuple(sorted(ways, key=lambda it: (it[1], it[0], it[2] or "")))
        return self.known[prefix]


def _targets(sets: set[tuple[Way, ...]], *, has_probes: bool) -> tuple[tuple[Way, ...], ...]:
    """Every destination; those that are one router, which others may be measured by, first."""
    wanted = {ways for ways in sets if ways}
    if has_probes:
        wanted |= {((router, 0, None),) for ways in sets if len(ways) > 1 for router, _, _ in ways}
    return tuple(
        sorted(wanted, key=lambda ways: (len(ways), [(r, p, via or "") for r, p, via in ways]))
    )


def _flattened(
    targets: Sequence[tuple[Way, ...]],
    routers: Mapping[NodeId, int],
    links: Mapping[LinkId, int],
    reflectors: tuple[int, ...],
) -> Ways:
    number = {ways: target for target, ways in enumerate(targets)}
    flat = [way for ways in targets for way in ways]
    return Ways(
        begin=_offsets([len(ways) for ways in targets]),
        router=_ints(routers[router] for router, _, _ in flat),
        preference=_ints(preference for _, preference, _ in flat),
        link=_ints(_NOTHING if via is None else links[via] for _, _, via in flat),
        probe=_ints(number.get(((router, 0, None),), _NOTHING) for router, _, _ in flat),
        reflectors=_ints(reflectors),
    )


def _wiring(
    topology: Topology, inside: Sequence[Node], down: frozenset[LinkId]
) -> tuple[tuple[DirectedLink, ...], Wiring]:
    routers = {node.id: number for number, node in enumerate(inside)}
    ends = sorted(
        (routers[near.node], routers[far.node], number, max(near.metric, 1), direction)
        for number, link in enumerate(topology.links)
        if not link.is_external and link.id not in down
        for (near, far), direction in zip(link.ends(), link.directions(), strict=True)
    )
    tail, head = _ints(end[0] for end in ends), _ints(end[1] for end in ends)
    by_link: dict[int, list[int]] = defaultdict(list)
    for arc, end in enumerate(ends):
        by_link[end[2]].append(arc)
    numbers = range(len(topology.links))
    ranked = sorted(inside, key=lambda node: (node.loopback or _NO_LOOPBACK, node.id))
    rank = {node.id: place for place, node in enumerate(ranked)}
    return tuple(end[4] for end in ends), Wiring(
        tail=tail,
        head=head,
        weight=np.asarray([end[3] * len(inside) for end in ends], dtype=np.int64),
        out_begin=_offsets(np.bincount(tail, minlength=len(inside)).tolist()),
        in_begin=_offsets(np.bincount(head, minlength=len(inside)).tolist()),
        in_arc=np.argsort(head, kind="stable").astype(np.int32),
        link_begin=_offsets([len(by_link[number]) for number in numbers]),
        link_arc=_ints(arc for number in numbers for arc in by_link[number]),
        rank=_ints(rank[node.id] for node in inside),
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.fromiter(values, dtype=np.int32)


def _offsets(counts: Sequence[int]) -> Ints:
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64))).astype(np.int32)
