"""Whether a wave did what the shadow predicted and nothing else: gates G0 to G3, pure.

G0 device      the new generation is in force; no BGP session and no IGP adjacency was lost
G1 route-diff  the best paths that changed are those the shadow predicted
G2 invariants  whatever reached its destination before still does, by a walk over the routers' FIBs
G3 capacity    every link carries what the shadow predicted, and none is over the limit

Path changes are counted against the state before the first wave, because a wave's generation holds
the prefixes of the waves before it. What cannot be judged, because telemetry is stale or silent or
has no prediction to hold against, is INCONCLUSIVE, never PASSED.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from foreshadow.candidate import Wave
from foreshadow.demand import DemandKey
from foreshadow.experiment import Verdict
from foreshadow.observed import Stream
from foreshadow.rollout_event import GateResult
from foreshadow.routing import LocRibs, PathChange, path_changes
from foreshadow.topology import DirectedLink, NodeId, Prefix
from foreshadow.walk import walk, worst
from rollout.observation import Observation, fibs_of

LEAST_JACCARD = 0.98
PREDICTION_MARGIN = 0.05
"""Load ratio a link may differ from the prediction, and may pass the limit by (5 points)."""
_NEGLIGIBLE_SHARE = 1e-6
_NAMED = 3
"""How many examples a sentence gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that the gates look at.

    Attributes:
        before: Production before the first wave.
        now: Production now.
        missing: Flip lines that are not in force, by device; a device that was not read is absent.
        stale: Streams with a gap: nothing can be said.
        silent: Streams not heard of since the flip: what they will say may still change the
            picture, so only an unexpected path, which is there already, counts.
    """

    wave: Wave
    before: Observation
    now: Observation
    missing: Mapping[NodeId, tuple[str, ...]]
    load_limit: float
    stale: tuple[tuple[NodeId, Stream], ...] = ()
    silent: tuple[tuple[NodeId, Stream], ...] = ()


def judge(evidence: Evidence) -> tuple[GateResult, ...]:
    """Every gate's verdict, in order."""
    device = _device(evidence)
    if evidence.stale:
        says = f"telemetry is stale: {_some(evidence.stale)}"
        blind = (_result(gate, Verdict.INCONCLUSIVE, says) for gate in ("G1", "G2", "G3"))
        return (device, *blind)
    seen = (_route_diff(evidence), _invariants(evidence), _capacity(evidence))
    if evidence.silent:
        says = f"not heard of since the flip: {_some(evidence.silent)}"
        return (device, *(_doubted(result, evidence, says) for result in seen))
    return (device, *seen)


def _doubted(result: GateResult, evidence: Evidence, says: str) -> GateResult:
    """What is left of a result while some routers have not spoken since the flip."""
    if result.gate == "G1" and _unexpected(evidence):
        return result
    return _result(result.gate, Verdict.INCONCLUSIVE, f"{says}; so far: {result.says}")


def worst_of(results: tuple[GateResult, ...]) -> Verdict:
    """The verdict on the wave; no gates are no evidence."""
    return max((result.verdict for result in results), default=Verdict.INCONCLUSIVE)


def is_as_predicted(wave: Wave, before: LocRibs, now: LocRibs) -> bool:
    """Whether exactly the predicted best paths have changed: the wave has settled."""
    return path_changes(before, now) == frozenset(wave.path_changes)


def _device(evidence: Evidence) -> GateResult:
    """G0."""
    unread = [c.device for c in evidence.wave.changes if c.device not in evidence.missing]
    absent = [f"{d}: {line}" for d, lines in evidence.missing.items() for line in lines]
    sessions = set(evidence.before.sessions) - set(evidence.now.sessions)
    adjacencies = set(evidence.before.adjacencies) - set(evidence.now.adjacencies)
    if absent:
        return _result("G0", Verdict.FAILED, f"not in force: {_some(absent)}")
    if sessions:
        lost = [f"{lost.device} with {lost.peer}" for lost in sorted(sessions)]
        return _result("G0", Verdict.FAILED, f"{len(lost)} BGP sessions lost: {_some(lost)}")
    if adjacencies:
        gone = [f"{lost.device} on {lost.interface}" for lost in sorted(adjacencies)]
        return _result("G0", Verdict.FAILED, f"{len(gone)} adjacencies lost: {_some(gone)}")
    if unread:
        return _result("G0", Verdict.INCONCLUSIVE, f"not read back: {_some(unread)}")
    return _result(
        "G0",
        Verdict.PASSED,
        f"generation in force on {_some(tuple(evidence.missing))}; {len(evidence.now.sessions)} "
        f"session ends and {len(evidence.now.adjacencies)} adjacency ends up, none lost",
    )


def _route_diff(evidence: Evidence) -> GateResult:
    """G1."""
    predicted = frozenset(evidence.wave.path_changes)
    observed = path_changes(evidence.before.ribs, evidence.now.ribs)
    both, either = predicted & observed, predicted | observed
    jaccard = len(both) / len(either) if either else 1.0
    unexpected = _unexpected(evidence)
    says = f"{len(both)} of {len(predicted)} predicted best-path changes, Jaccard {jaccard:.3f}"
    if unexpected:
        named = [f"{c.prefix} at {c.router} via {c.after}" for c in unexpected]
        says += f"; {len(unexpected)} unexpected: {_some(named)}"
        return _result("G1", Verdict.FAILED, says)
    if not predicted:
        return _result("G1", Verdict.INCONCLUSIVE, "the shadow predicted no best-path change")
    if jaccard < LEAST_JACCARD:
        return _result("G1", Verdict.FAILED, f"{says}, below {LEAST_JACCARD}")
    return _result("G1", Verdict.PASSED, f"{says}, none unexpected")


def _unexpected(evidence: Evidence) -> list[PathChange]:
    observed = path_changes(evidence.before.ribs, evidence.now.ribs)
    extra = observed - frozenset(evidence.wave.path_changes)
    return sorted(extra, key=lambda change: (change.router, change.prefix))


def _invariants(evidence: Evidence) -> GateResult:
    """G2: no (router, prefix) that was reachable before is lost or looped now."""
    before, now = evidence.before, evidence.now
    keys = _every_way(before)
    was = walk(before.topology, before.fibs, keys)
    is_now = walk(now.topology, now.fibs, keys)
    broken = [
        f"{key.prefix} from {key.ingress}"
        for key, lost_before, lost_now in zip(keys, was.lost, is_now.lost, strict=True)
        if lost_now > lost_before + _NEGLIGIBLE_SHARE
    ]
    reached = int((was.lost < _NEGLIGIBLE_SHARE).sum())
    if not reached:
        return _result("G2", Verdict.INCONCLUSIVE, "nothing was reachable before: no FIB known")
    if broken:
        says = f"{len(broken)} of {reached} ways no longer arrive: {_some(broken)}"
        return _result("G2", Verdict.FAILED, says)
    return _result("G2", Verdict.PASSED, f"all {reached} ways that arrived before still arrive")


def _capacity(evidence: Evidence) -> GateResult:
    """G3."""
    now, wave = evidence.now, evidence.wave
    if not wave.tables or now.demand.total_bps <= 0:
        return _result("G3", Verdict.INCONCLUSIVE, "no predicted tables or no demand to walk")
    loads = link_loads(wave, now)
    if not loads:
        return _result("G3", Verdict.INCONCLUSIVE, "no link with a known capacity is up")
    off = max(loads, key=lambda load: abs(load.observed_ratio - load.predicted_ratio))
    differs_by = abs(off.observed_ratio - off.predicted_ratio)
    fullest, ratio = worst({load.link: load.observed_ratio for load in loads})
    ceiling = evidence.load_limit + PREDICTION_MARGIN
    says = f"worst link {fullest} at {ratio:.1%}; furthest from the prediction {off.link} by "
    says += f"{100 * differs_by:.1f} points"
    if ratio > ceiling:
        return _result("G3", Verdict.FAILED, f"{says}; more than {ceiling:.0%} is not allowed")
    if differs_by > PREDICTION_MARGIN:
        return _result("G3", Verdict.FAILED, f"{says}, {100 * PREDICTION_MARGIN:g} are allowed")
    return _result("G3", Verdict.PASSED, says)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedLoad:
    """A link direction: what the shadow's tables say, what production's do, same demand."""

    link: DirectedLink
    predicted_ratio: float
    observed_ratio: float


def link_loads(wave: Wave, now: Observation) -> tuple[PredictedLoad, ...]:
    """Every internal link direction under the present demand, predicted and observed.

    A link whose capacity nobody knows has no load ratio and is not among them.
    """
    keys = now.demand.keys
    predicted = walk(now.topology, fibs_of(wave.tables), keys).loads_bps(now.demand)
    observed = walk(now.topology, now.fibs, keys).loads_bps(now.demand)
    return tuple(
        PredictedLoad(
            link=link,
            predicted_ratio=predicted[link] / capacity_bps,
            observed_ratio=observed[link] / capacity_bps,
        )
        for link, capacity_bps in now.topology.capacities().items()
        if capacity_bps > 0
    )


def _every_way(before: Observation) -> tuple[DemandKey, ...]:
    """Each router towards each prefix that anybody had a best path for."""
    prefixes: set[Prefix] = {path.prefix for rib in before.ribs.values() for path in rib}
    return tuple(
        DemandKey(ingress=router, prefix=prefix)
        for router in sorted(before.ribs)
        for prefix in sorted(prefixes)
    )


def _some(things: tuple[object, ...] | list[str] | list[NodeId]) -> str:
    named = [" ".join(map(str, t)) if isinstance(t, tuple) else str(t) for t in things[:_NAMED]]
    rest = len(things) - len(named)
    return ", ".join(named) + (f" and {rest} more" if rest > 0 else "")


def _result(gate: str, verdict: Verdict, says: str) -> GateResult:
    return GateResult(gate=gate, verdict=verdict, says=says)
