"""Which prefixes could leave elsewhere, and what that would do, estimated for every subset.

The knob is local preference at an alternate exit. A prefix is routed by its own
exits alone, so moving a set of prefixes changes every link's load by the sum of what each of them
changes: four routings (as it is and all moved, with and without the failure) give all 2^n - 1
subsets as sums. Estimates rank; the shadow measures the best few.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

import numpy as np
import numpy.typing as npt

from foreshadow.candidate import CandidateScore, LocalPreferenceShift
from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import LinkId, NodeId, Prefix, Topology
from foreshadow.walk import RoutingMatrix, load_ratios
from foreshadow.whatif import NO_CUT, WhatIf

DO_NOTHING = "do nothing"
EXHAUSTIVE_PREFIXES = 10
"""Up to this many prefixes every subset is tried: 1023 sums."""

_PREFERENCE_STEP = 50
_LOST_BPS = 1.0
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a failed drill and the synced state say, together.

    Attributes:
        network: Its model as it stands now.
        demand: The traffic the drill was judged by.
        cut: What the drill failed.
        load_limit: Load ratio no link may exceed.
        moved_traffic_cap: Share of all traffic one change may move.
    """

    network: Present
    demand: DemandMatrix
    cut: frozenset[LinkId]
    load_limit: float
    moved_traffic_cap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One candidate and what the model says it does; `shift` is None for doing nothing."""

    shift: LocalPreferenceShift | None
    score: CandidateScore

    @property
    def is_feasible(self) -> bool:
        """Worth measuring: nothing speaks against it so far."""
        return self.shift is not None and not self.score.rejected_because

    @property
    def worst_ratio(self) -> float:
        """The fullest link without and under the failure, whichever is worse."""
        return max(self.score.worst_no_failure_ratio, self.score.worst_failure_ratio)


def estimates(situation: Situation) -> tuple[Estimate, ...]:
    """Doing nothing first, then every candidate, those nothing speaks against before the others.

    Both groups are in the order of their worst load; of equal ones the one that moves less leads.
    """
    tried = [
        estimate
        for (router, via), prefixes in sorted(alternates(situation).items())
        for estimate in _Alternate(situation, router, via, prefixes).estimates()
    ]
    tried.sort(
        key=lambda each: (
            not each.is_feasible,
            each.worst_ratio,
            each.score.moved_share,
            each.score.prefixes,
        )
    )
    return (_do_nothing(situation), *tried)


def alternates(situation: Situation) -> Mapping[tuple[NodeId, LinkId], tuple[Prefix, ...]]:
    """Per exit towards a peer, the prefixes that have a way out there and do not all use it."""
    found: dict[tuple[NodeId, LinkId], list[Prefix]] = defaultdict(list)
    for prefix in sorted({key.prefix for key in situation.demand.keys}):
        ways = situation.network.what_if.exits.get(prefix, ())
        for way in ways:
            rivals = [other.local_preference for other in ways if other.router != way.router]
            if way.via is not None and rivals and max(rivals) >= way.local_preference:
                found[way.router, way.via].append(prefix)
    return {place: tuple(prefixes) for place, prefixes in found.items()}


@dataclass(frozen=True, slots=True)
class _Loads:
    """Loads as a base and what each prefix adds to it when it moves."""

    matrix: RoutingMatrix
    base_bps: Vector
    """Shape (n_links,)."""
    moved_bps: Vector
    """Shape (n_links, n_prefixes)."""
    lost_bps: float
    moved_lost_bps: Vector

    def after(self, mask: Vector) -> tuple[str, float, float]:
        """The fullest link, its load ratio and the traffic lost, with some prefixes moved."""
        ratios = load_ratios(self.base_bps + self.moved_bps @ mask, self.matrix.capacity_bps)
        fullest = int(np.argmax(ratios))
        lost_bps = self.lost_bps + float(self.moved_lost_bps @ mask)
        return str(self.matrix.links[fullest]), float(ratios[fullest]), lost_bps


class _Alternate:
    """All candidates that use one alternate exit."""

    def __init__(
        self, situation: Situation, router: NodeId, via: LinkId, prefixes: tuple[Prefix, ...]
    ) -> None:
        self._situation, self._router, self._prefixes = situation, router, prefixes
        what_if = situation.network.what_if
        self._neighbor = _neighbor(what_if.topology, router, via)
        self._preference = _PREFERENCE_STEP + max(
            way.local_preference for prefix in prefixes for way in what_if.exits[prefix]
        )
        rates = rates_bps(situation.demand, prefixes)
        self._rates = np.asarray([rates[prefix] for prefix in prefixes])
        moved = self._moved(via)
        self._calm = self._loads(moved, NO_CUT)
        self._failed = self._loads(moved, situation.cut)

    def estimates(self) -> Iterator[Estimate]:
        if len(self._prefixes) <= EXHAUSTIVE_PREFIXES:
            for number in range(1, 1 << len(self._prefixes)):
                yield self._estimate(number)
            return
        yield from self._greedy()

    def _greedy(self) -> Iterator[Estimate]:
        """Grow a set by the prefix that helps most; each size on the way is a candidate."""
        chosen, left = 0, set(range(len(self._prefixes)))
        while left:
            best = min(left, key=lambda bit: (self._estimate(chosen | 1 << bit).worst_ratio, bit))
            left.discard(best)
            chosen |= 1 << best
            yield self._estimate(chosen)

    def _estimate(self, number: int) -> Estimate:
        """The candidate whose prefixes are the bits of `number`."""
        chosen = [bool(number >> bit & 1) for bit in range(len(self._prefixes))]
        mask = np.asarray(chosen, dtype=np.float64)
        prefixes = tuple(p for p, is_in in zip(self._prefixes, chosen, strict=True) if is_in)
        calm, failed = self._calm.after(mask), self._failed.after(mask)
        share = float(self._rates @ mask) / self._situation.demand.total_bps
        score = CandidateScore(
            label=f"{self._named(prefixes)} to {self._router}",
            prefixes=prefixes,
            moved_share=share,
            worst_no_failure=calm[0],
            worst_no_failure_ratio=calm[1],
            worst_failure=failed[0],
            worst_failure_ratio=failed[1],
            is_measured=False,
        )
        lost_bps = max(calm[2] - self._calm.lost_bps, failed[2] - self._failed.lost_bps)
        return Estimate(
            shift=LocalPreferenceShift(
                device=self._router,
                neighbor=self._neighbor,
                local_preference=self._preference,
                prefixes=prefixes,
            ),
            score=replace(score, rejected_because=objection(score, self._situation, lost_bps)),
        )

    def _named(self, prefixes: tuple[Prefix, ...]) -> str:
        if len(prefixes) == 1:
            return str(prefixes[0])
        every = len(self._prefixes)
        return f"all {every} prefixes" if len(prefixes) == every else f"{len(prefixes)} of {every}"

    def _moved(self, via: LinkId) -> Present:
        """The network with every prefix of this exit moved to it."""
        network = self._situation.network
        exits = dict(network.what_if.exits)
        for prefix in self._prefixes:
            exits[prefix] = tuple(
                replace(way, local_preference=self._preference) if way.via == via else way
                for way in exits[prefix]
            )
        what_if = WhatIf(network.what_if.topology, exits, reflectors=network.what_if.reflectors)
        return replace(network, what_if=what_if)

    def _loads(self, moved: Present, cut: frozenset[LinkId]) -> _Loads:
        demand = self._situation.demand
        before = self._situation.network.under(cut, demand.keys)
        after = moved.under(cut, demand.keys)
        rates = demand.vector()
        columns = np.asarray(
            [[key.prefix == prefix for prefix in self._prefixes] for key in demand.keys],
            dtype=np.float64,
        )
        by_prefix = rates[:, np.newaxis] * columns
        return _Loads(
            matrix=before,
            base_bps=before.shares @ rates,
            moved_bps=(after.shares - before.shares) @ by_prefix,
            lost_bps=float(before.lost @ rates),
            moved_lost_bps=(after.lost - before.lost) @ by_prefix,
        )


def objection(score: CandidateScore, situation: Situation, lost_bps: float = 0.0) -> str:
    """What speaks against a candidate, "" if nothing does.

    Args:
        score: What it does.
        situation: The limits.
        lost_bps: Traffic that is lost because of it.
    """
    if lost_bps > _LOST_BPS:
        return f"{lost_bps / 1e6:.1f} Mbit/s would no longer arrive"
    for link, ratio, when in (
        (score.worst_no_failure, score.worst_no_failure_ratio, "with no failure"),
        (score.worst_failure, score.worst_failure_ratio, "under the failure"),
    ):
        if ratio > situation.load_limit:
            return f"{link} at {ratio:.1%} {when}; the limit is {situation.load_limit:.0%}"
    if score.moved_share > situation.moved_traffic_cap:
        cap = situation.moved_traffic_cap
        return f"moves {score.moved_share:.1%} of all traffic; the cap is {cap:.0%}"
    return ""


def _do_nothing(situation: Situation) -> Estimate:
    def fullest(cut: frozenset[LinkId]) -> tuple[str, float]:
        matrix = situation.network.under(cut, situation.demand.keys)
        ratios = matrix.load_ratios(situation.demand)
        link = max(ratios, key=lambda each: (ratios[each], each))
        return str(link), ratios[link]

    calm, failed = fullest(NO_CUT), fullest(situation.cut)
    score = CandidateScore(
        label=DO_NOTHING,
        prefixes=(),
        moved_share=0.0,
        worst_no_failure=calm[0],
        worst_no_failure_ratio=calm[1],
        worst_failure=failed[0],
        worst_failure_ratio=failed[1],
        is_measured=False,
    )
    return Estimate(shift=None, score=replace(score, rejected_because=objection(score, situation)))


def rates_bps(demand: DemandMatrix, prefixes: tuple[Prefix, ...]) -> dict[Prefix, float]:
    """Bits per second towards each prefix, over all ingress routers."""
    total = dict.fromkeys(prefixes, 0.0)
    for key, rate_bps in zip(demand.keys, demand.rates_bps, strict=True):
        if key.prefix in total:
            total[key.prefix] += rate_bps
    return total


def _neighbor(topology: Topology, router: NodeId, via: LinkId) -> IPv4Address:
    ends = next(link.ends() for link in topology.links if link.id == via)
    return next(far.address for near, far in ends if near.node == router)
