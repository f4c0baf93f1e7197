"""Which failures would hurt most at a given demand, by the routing model.

It ranks; it proves nothing. What leads the list is drilled in the shadow, and what the drill
measures is held against what was expected here (`model_check`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from foreshadow.demand import DemandMatrix
from foreshadow.present import Present
from foreshadow.topology import LinkId
from foreshadow.triage_report import CostAt, FailureCost, TriageRow
from scenarios.failures.cases import Case, Kind, link_cases, pair_cases, usual_cases
from scenarios.failures.engine import FailureEngine, Loaded
from scenarios.failures.ranking import Effect, Ranked, effects_of, rank

MOST_COSTS = 50
"""Rows of a report: nobody drills, or reads, more."""
MOST_PAIRS = 20_000
"""Pairs of links tried within a report: all of 200 links, some seconds' work."""

ODDS = {Kind.LINK: 1.0, Kind.SRLG: 0.2, Kind.NODE: 0.2, Kind.PAIR: 0.01}
"""How likely a failure of each kind is, compared with a single link's.

Source: Markopoulou et al., "Characterization of failures in an operational IP backbone network",
IEEE/ACM Transactions on Networking 16(4), 2008: some 70 % of unplanned failures are of one link,
16 % of a router, 11 % of what links share. Two links by chance at once are rarer by far.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDemand:
    """A demand matrix and what to call it: `now`, `P95`."""

    name: str
    matrix: DemandMatrix


@dataclass(frozen=True, slots=True, kw_only=True)
class Triage:
    """What was found.

    Attributes:
        rows: Every single link that is up, the one that makes a link fullest first.
        costs: The dearest failures of every kind, equals merged, the dearest first.
        without_failure: The network as it stands; its `failure` is empty.
        tried: How many failures were tried.
    """

    rows: tuple[TriageRow, ...]
    costs: tuple[FailureCost, ...]
    without_failure: TriageRow
    tried: int

    def by_urgency(self) -> tuple[FailureCost, ...]:
        """The costs in the order in which a drill is worth its while.

        What has no way at all is lost under any policy, and no drill is needed to know it. What
        makes other links too full might be steered: that counts, weighed by how likely it is.
        """
        return tuple(sorted(self.costs, key=lambda cost: -urgency(cost)))


def urgency(cost: FailureCost) -> float:
    """Bits per second that might be steered, weighed by how likely the failure is."""
    return ODDS[Kind(cost.kind)] * cost.worst.over_bps


def triage(
    network: Present, demands: Sequence[NamedDemand], *, limit_ratio: float, with_pairs: bool = True
) -> Triage:
    """Every failure of one more link, risk group, router or pair of links.

    Args:
        network: As it stands.
        demands: From the mildest to the one that is ranked by.
        limit_ratio: Load over capacity no link should pass.
        with_pairs: Try pairs of links too, unless there are too many.
    """
    loaded = engine_of(network).under([demand.matrix for demand in demands])
    topology = network.what_if.topology
    down = network.down
    nothing = Case(name="", kind=Kind.LINK, cut=frozenset())
    links = [case for case in link_cases(topology) if not case.cut & down]
    standing, *single = effects_of(loaded, [nothing, *links], limit_ratio=limit_ratio)
    cases = [case for case in usual_cases(topology) if not case.cut <= down]
    if with_pairs and len(links) * (len(links) - 1) // 2 <= MOST_PAIRS:
        cases += [case for case in pair_cases(topology) if not case.cut & down]
    ranking = rank(loaded, cases, limit_ratio=limit_ratio)
    names = [demand.name for demand in demands]
    costs = tuple(_cost(ranked, names) for ranked in ranking.rows)
    return Triage(
        rows=tuple(
            sorted(
                (_row(ranked.case.name, ranked.severe) for ranked in single),
                key=lambda row: (-row.worst_ratio, -row.lost_bps, row.failure),
            )
        ),
        costs=_kept(costs),
        without_failure=_row("", standing.severe),
        tried=ranking.tried,
    )


@lru_cache(maxsize=2)
def engine_of(network: Present) -> FailureEngine:
    """The engine of a network, made once for as long as the network stays what it is."""
    what_if = network.what_if
    return FailureEngine(
        what_if.topology, what_if.exits, reflectors=what_if.reflectors, down=network.down
    )


def loaded_with(network: Present, demand: DemandMatrix) -> Loaded:
    """The network with one demand matrix on it."""
    return engine_of(network).under((demand,))


def _kept(costs: tuple[FailureCost, ...]) -> tuple[FailureCost, ...]:
    """The dearest, and those that a drill would be about, should they be others."""
    urgent = sorted(costs, key=lambda cost: -urgency(cost))[: MOST_COSTS // 2]
    wanted = {cost.failure for cost in (*costs[: MOST_COSTS // 2], *urgent)}
    return tuple(cost for cost in costs if cost.failure in wanted)


def _cost(ranked: Ranked, names: Sequence[str]) -> FailureCost:
    return FailureCost(
        failure=ranked.case.name,
        kind=ranked.case.kind.value,
        cut=tuple(sorted(ranked.case.cut)),
        at=tuple(
            CostAt(
                demand=name,
                lost_bps=effect.lost_bps,
                over_bps=effect.over_bps,
                worst_link=_named(effect),
                worst_ratio=effect.worst_ratio,
            )
            for name, effect in zip(names, ranked.effects, strict=True)
        ),
        like=ranked.like[:MOST_COSTS],
    )


def _row(failure: str, effect: Effect) -> TriageRow:
    return TriageRow(
        failure=LinkId(failure),
        worst_link=_named(effect),
        worst_ratio=effect.worst_ratio,
        lost_bps=effect.lost_bps,
        over_bps=effect.over_bps,
    )


def _named(effect: Effect) -> str:
    return "" if effect.worst_link is None else str(effect.worst_link)
