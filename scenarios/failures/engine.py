"""What any failure does to every link, by the thousand a second.

`FailureEngine` holds the routing of one network; it stays good until the topology or the exits
change. `under` puts demand matrices onto it, several at once for little more than the price of one,
and `Loaded.survey` tries failures: each a set of links, so that a shared risk group or a router is
a failure like any other.

Source: the incremental idea is that of Ramalingam and Reps, "On the computational complexity of
dynamic graph problems" (1996): work in proportion to what changes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foreshadow.demand import DemandMatrix
from foreshadow.exits import Exits
from foreshadow.topology import DirectedLink, LinkId, NodeId, Topology
from scenarios.failures import kernel
from scenarios.failures.arrays import CELL, Base, Findings, Floats, Ints
from scenarios.failures.layout import Layout, Placement, keys_of, layout, offered, place

Failure = frozenset[LinkId]

_NEGLIGIBLE = 1e-12
"""Share of all traffic that is the rounding of many sums, and no traffic."""
_SKETCH_SEED = 5
_CACHE_BYTES = 512 * 1024
"""Loads of the failures tried together: about what a core's own cache holds."""
_MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey:
    """What each of several failures does; arrays of shape (failures, matrices).

    Attributes:
        lost_bps: Traffic that has no way.
        over_bps: Traffic above the limit, summed over links.
        worst_ratio: Load over capacity of the fullest link direction.
        worst_arc: Which one it is, a row of `Loaded.arcs`.
        sketch: Equal where all loads are equal, whatever the failures are called.
    """

    lost_bps: Floats
    over_bps: Floats
    worst_ratio: Floats
    worst_arc: Ints
    sketch: Floats


class FailureEngine:
    """The routing of one network as it stands."""

    def __init__(
        self,
        topology: Topology,
        exits: Exits,
        *,
        reflectors: frozenset[NodeId] = frozenset(),
        down: Collection[LinkId] = (),
    ) -> None:
        """Work out every router's way to everywhere.

        Args:
            topology: The whole network.
            exits: Where each prefix can leave.
            reflectors: Route reflectors; empty means full-mesh iBGP.
            down: Links that are down now.
        """
        self.topology = topology
        self.layout = layout(topology, exits, reflectors=reflectors, down=frozenset(down))
        capacities = topology.capacities()
        self.capacity_bps = np.asarray([capacities[arc] for arc in self.layout.arcs], np.float64)
        self._base = _routed(self.layout)
        self._placement: Placement | None = None

    def placed(self, demands: Sequence[DemandMatrix]) -> Placement:
        """Where the demands enter; kept for the next matrices of the same demands."""
        keys = keys_of(demands)
        if self._placement is None or self._placement.keys != keys:
            self._placement = place(self.layout, keys)
        return self._placement

    def under(self, demands: Sequence[DemandMatrix]) -> "Loaded":
        """The network with this traffic on it, one column a matrix."""
        return Loaded(self, demands, self._base)


class Loaded:
    """A network and the traffic on it."""

    def __init__(self, engine: FailureEngine, demands: Sequence[DemandMatrix], base: Base) -> None:
        """Carry the demands over the base routing."""
        self.engine = engine
        self._offer, self._unroutable_bps = offered(engine.placed(demands), demands)
        targets, routers = base.cell.shape
        matrices = len(demands)
        self._base = base._replace(
            through=np.empty((targets, routers, matrices)),
            lost=np.empty((targets, matrices)),
            loads=np.empty((len(engine.layout.arcs), matrices)),
        )
        kernel.carry_all(engine.layout.wiring, self._offer, self._base)
        self.offered_bps = self._offer.rate.sum(axis=0) + self._unroutable_bps

    @property
    def arcs(self) -> tuple[DirectedLink, ...]:
        """Every internal link direction that is up, one per row of the loads."""
        return self.engine.layout.arcs

    def survey(self, failures: Sequence[Failure], *, limit_ratio: float) -> Survey:
        """What each failure does.

        Args:
            failures: Sets of links, external ones too; a name that is no link's is left out.
            limit_ratio: Load over capacity above which traffic counts as too much.
        """
        found = self._survey(failures, limit_ratio, with_loads=False)
        return Survey(
            lost_bps=found.lost + self._unroutable_bps,
            over_bps=found.over,
            worst_ratio=found.worst,
            worst_arc=found.worst_arc,
            sketch=found.sketch,
        )

    def loads_bps(self, failure: Failure) -> Floats:
        """The load of every arc under one failure, shape (arcs, matrices)."""
        loads: Floats = self._survey((failure,), 1.0, with_loads=True).loads[0]
        loads[loads < self._negligible_bps] = 0.0
        return loads

    @cached_property
    def _negligible_bps(self) -> Floats:
        return np.asarray(_NEGLIGIBLE * self.offered_bps + np.finfo(np.float64).tiny)

    @cached_property
    def _sketch(self) -> Floats:
        return np.random.default_rng(_SKETCH_SEED).uniform(0.5, 1.5, len(self.arcs))

    def _survey(
        self, failures: Sequence[Failure], limit_ratio: float, *, with_loads: bool
    ) -> Findings:
        number = self.engine.layout.links
        sets = [sorted(number[link] for link in cut if link in number) for cut in failures]
        begin = np.zeros(len(sets) + 1, np.int32)
        np.cumsum([len(cut) for cut in sets], out=begin[1:])
        arcs, matrices = self._base.loads.shape
        shape = len(sets), matrices
        findings = Findings(
            lost=np.empty(shape),
            over=np.empty(shape),
            worst=np.empty(shape),
            worst_arc=np.empty(shape, np.int32),
            sketch=np.empty(shape),
            loads=np.empty((len(sets) if with_loads else 0, arcs, matrices)),
        )
        kernel.survey(
            begin,
            np.asarray([link for cut in sets for link in cut], dtype=np.int32),
            self.engine.layout.wiring,
            self.engine.layout.ways,
            self._offer,
            self._base,
            self.engine.layout.is_down,
            self.engine.capacity_bps,
            float(limit_ratio),
            self._negligible_bps,
            self._sketch,
            max(1, min(_MOST_AT_ONCE, len(sets), _CACHE_BYTES // (8 * arcs * matrices + 1))),
            findings,
        )
        return findings


def _routed(found: Layout) -> Base:
    """The routing of the network as it stands, without traffic yet."""
    targets, routers = len(found.target_of), len(found.routers)
    shape = targets, routers
    base = Base(
        cell=np.empty(shape, CELL),
        next_arc=np.empty((targets, len(found.arcs)), np.int32),
        order=np.empty(shape, np.int32),
        uses=np.zeros((len(found.arcs), targets // 64 + 1), np.uint64),
        through=np.empty((0, 0, 0)),
        lost=np.empty((0, 0)),
        is_source=np.empty(len(found.ways.router), np.bool_),
        is_end=np.empty(len(found.ways.router), np.bool_),
        probed=np.empty((targets, len(found.ways.reflectors)), np.int64),
        island=np.empty(routers, np.int32),
        loads=np.empty((0, 0)),
    )
    work = kernel.scratch(routers, len(found.arcs), 1)
    kernel.route_all(found.wiring, found.ways, found.is_down, base, work)
    return base
