"""Whether a rollout may begin: facts first (VERIFIED), then who allowed it (APPROVED). Pure.

Where the operator allows overrides, one lets a candidate without passing evidence, or predicted
over a limit, through. It never lifts what protects the way back: configuration, RIB digest, fresh
telemetry, an inverse.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from foreshadow.candidate import Candidate, Wave
from foreshadow.demand import DemandMatrix
from foreshadow.observed import Stream
from foreshadow.settings import RolloutTimes
from foreshadow.topology import NodeId
from rollout.gates import link_loads
from rollout.observation import Observation
from rollout.proof import Proofs, evidence_objections
from rollout.rules import Rules

DEFAULT_TRAFFIC_CAP = 0.10
"""Share of all traffic one change may move unless governance says more."""
SETTLE_TRIES = 3
"""Settle times a wave may take before it is judged as it is."""
REVERT_BUDGET_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known when a rollout asks to begin.

    Attributes:
        configs: SHA-256 of each device's running configuration, read from the device.
        now: Event time.
        proofs: What the bench has published.
    """

    before: Observation
    configs: Mapping[NodeId, str]
    untrusted: tuple[tuple[NodeId, Stream], ...]
    now: datetime
    times: RolloutTimes
    proofs: Proofs
    rules: Rules


def objections(candidate: Candidate, standing: Standing) -> tuple[str, ...]:
    """Why the rollout must not begin; empty where it may."""
    return (
        *_shape(candidate, standing.times),
        *_ground(candidate, standing),
        *_trust(candidate, standing),
    )


def governance_objections(
    candidate: Candidate, demand: DemandMatrix, rules: Rules
) -> tuple[str, ...]:
    """Why nobody has allowed this much; empty where it is allowed."""
    asked, moved = candidate.governance.moved_traffic_cap, moved_share(candidate, demand)
    cap = rules.traffic_cap(candidate)
    reasons = []
    if asked > DEFAULT_TRAFFIC_CAP and not (
        candidate.governance.raised_by and candidate.governance.reason
    ):
        reasons.append(f"the cap is raised to {asked:.0%} without a name and a reason")
    if moved > cap and not rules.lets_override(candidate):
        whose = "" if cap == asked else " (FORESHADOW_ROLLOUT__MOVED_TRAFFIC_CAP)"
        reasons.append(f"it moves {moved:.1%} of all traffic, {cap:.0%} is the cap{whose}")
    return tuple(reasons)


def moved_share(candidate: Candidate, demand: DemandMatrix) -> float:
    """Share of all traffic whose best path changes at its ingress, under this demand."""
    moved = {(c.router, c.prefix) for wave in candidate.waves for c in wave.path_changes}
    rates = zip(demand.keys, demand.rates_bps, strict=True)
    affected = sum(rate for key, rate in rates if (key.ingress, key.prefix) in moved)
    return affected / demand.total_bps if demand.total_bps else 0.0


def plan_s(candidate: Candidate, times: RolloutTimes) -> float:
    """How long the whole rollout may take, one way back included, in seconds."""
    return len(candidate.waves) * (times.settle_s + times.soak_s) + REVERT_BUDGET_S


def _shape(candidate: Candidate, times: RolloutTimes) -> Iterator[str]:
    waves = candidate.waves
    if not waves:
        yield "it has no waves"
    if [wave.number for wave in waves] != list(range(1, len(waves) + 1)):
        yield "its waves are not numbered from 1"
    for earlier, later in pairwise(waves):
        if not set(earlier.prefixes) <= set(later.prefixes):
            yield f"wave {later.number} leaves out prefixes of wave {earlier.number}"
    yield from (said for wave in waves for said in _inverses(wave))
    if times.dead_man_s < times.settle_s + times.soak_s:
        yield (
            f"the dead-man of {times.dead_man_s:g} s would fire during settle and soak "
            f"({times.settle_s + times.soak_s:g} s)"
        )


def _inverses(wave: Wave) -> Iterator[str]:
    if not wave.changes:
        yield f"wave {wave.number} changes nothing"
    for change in wave.changes:
        lacking = [
            part
            for part, text in (
                ("stage", change.stage),
                ("flip", change.flip),
                ("revert", change.revert),
                ("gc", change.gc),
            )
            if not text.strip()
        ]
        if lacking:
            yield f"wave {wave.number} on {change.device} has no {', '.join(lacking)} text"


def _ground(candidate: Candidate, standing: Standing) -> Iterator[str]:
    if standing.untrusted:
        device, stream = standing.untrusted[0]
        yield f"telemetry is stale: {stream} of {device} ({len(standing.untrusted)} streams)"
    changed = {change.device for wave in candidate.waves for change in wave.changes}
    for device in sorted(changed - {device for device, _ in candidate.precondition}):
        yield f"it changes {device}, but not on which configuration it was measured"
    for device, sha256 in candidate.precondition:
        found = standing.configs.get(device)
        if found is None:
            yield f"the configuration of {device} could not be read"
        elif found != sha256:
            yield (
                f"the configuration of {device} has changed since it was measured "
                f"({sha256[:12]} then, {found[:12]} now)"
            )
    if standing.before.digest != candidate.digest_before:
        yield (
            "the RIBs are not those it was measured on "
            f"(digest {candidate.digest_before[:12]} then, {standing.before.digest[:12]} now)"
        )
    ends = standing.now + timedelta(seconds=plan_s(candidate, standing.times))
    if candidate.expires_at <= ends:
        yield (
            f"it expires at {candidate.expires_at:%Y-%m-%d %H:%M:%S} UTC, before its waves and one "
            f"way back are done ({plan_s(candidate, standing.times):g} s)"
        )


def _trust(candidate: Candidate, standing: Standing) -> Iterator[str]:
    rules = standing.rules
    if rules.lets_override(candidate):
        return
    if candidate.override:
        yield (
            f"it asks for an override ({candidate.override}) and none is allowed here; see "
            "FORESHADOW_ROLLOUT__ALLOW_OVERRIDE"
        )
    yield from evidence_objections(candidate, standing.proofs, least_fidelity=rules.least_fidelity)
    yield from _prediction(candidate, standing.before, rules.limit(candidate))


def _prediction(candidate: Candidate, before: Observation, limit: float) -> Iterator[str]:
    for wave in candidate.waves:
        if not wave.tables or not wave.path_changes:
            yield f"wave {wave.number} was not measured in the shadow"
            continue
        loads = link_loads(wave, before)
        if not loads:
            yield "no link of known capacity is up, as far as telemetry tells"
            return
        fullest = max(loads, key=lambda load: load.predicted_ratio)
        if fullest.predicted_ratio > limit:
            yield (
                f"wave {wave.number} would load {fullest.link} to {fullest.predicted_ratio:.1%} "
                f"under the present demand, {limit:.0%} is the limit"
            )
