"""Which stages of the loop held: pure functions from what was heard to a verdict with its numbers.

A stage holds only on evidence; what was not observed did not hold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.report_model import DeadMan, Rollback, Stage, Sync, WorstLink
from foreshadow.candidate import Candidate, CandidateScore
from foreshadow.codec import to_plain
from foreshadow.experiment import ExperimentResult, Verdict
from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Stream
from foreshadow.rollout_event import Feedback, RolloutEvent, RolloutStep
from foreshadow.state import Vector
from foreshadow.sync_report import SyncReport
from foreshadow.topology import NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning

FIDELITY_FLOOR_PCT = 99.0
SHADOW_MARGIN = 0.05
"""How far shadow and production may be apart on a link, as gate G3 has it."""
_LEAST_WAVES = 3
_ROUTER_STREAMS = frozenset(Stream) - {Stream.DEMAND, Stream.RECEIVED}


def judge_telemetry(
    devices: Sequence[NodeId],
    vector: Vector,
    *,
    stale: Sequence[tuple[NodeId, Stream]],
    rejected: int,
    demand_steps: int,
) -> Stage:
    """Every router's every stream arrived, and demand with it."""
    missing = [f"{d}/{s}" for d in devices for s in _ROUTER_STREAMS if (d, s) not in vector]
    streams = sum(device in devices for device, _ in vector)
    problem = f"; missing {', '.join(missing[:3])}" if missing else ""
    problem += f"; stale {', '.join('/'.join(place) for place in stale[:3])}" if stale else ""
    return Stage(
        name="telemetry",
        held=not missing and not stale and demand_steps > 0,
        summary=f"{len(devices)} routers, {streams} streams, {demand_steps} demand intervals, "
        f"{rejected} records on the dead-letter topic{problem}",
        evidence={"missing": missing, "stale": ["/".join(place) for place in stale]},
    )


def total_sync(reports: Iterable[SyncReport]) -> Sync:
    """What all epochs of the state's owner sent, together."""
    listed = list(reports)
    return Sync(
        messages=sum(report.messages for report in listed),
        bytes=sum(report.bytes for report in listed),
        full_state_bytes=sum(report.full_state_bytes for report in listed),
        rejected=sum(report.rejects for report in listed),
    )


def judge_sync(reports: Sequence[SyncReport]) -> Stage:
    """Differences cost less than the full state they stand for."""
    sync = total_sync(reports)
    routers = [t for report in reports for t in report.streams if t.stream is not Stream.DEMAND]
    sent, full = sum(t.bytes for t in routers), sum(t.full_state_bytes for t in routers)
    return Stage(
        name="sync",
        held=0 < sync.bytes < sync.full_state_bytes,
        summary=f"{sync.messages:,} messages, {_size(sync.bytes)} sent instead of "
        f"{_size(sync.full_state_bytes)}; router state alone {_size(sent)} instead of {_size(full)}"
        f" ({full / max(sent, 1):.0f}x fewer)",
        evidence={"streams": [to_plain(tally) for report in reports for tally in report.streams]},
    )


def judge_shadow(report: FidelityReport | None) -> Stage:
    """The mirror agrees with production."""
    if report is None:
        return _unseen("shadow", "the mirror never came up")
    return Stage(
        name="shadow",
        held=report.percent >= FIDELITY_FLOOR_PCT and not report.is_stale,
        summary=f"built from synced state alone: {report.percent:.1f} % fidelity, "
        f"{report.adjacencies_agree}/{report.adjacencies_total} adjacencies, "
        f"{report.sessions_agree}/{report.sessions_total} sessions, "
        f"{report.next_hops_agree}/{report.next_hops_total} best next hops",
        evidence={"disagreements": list(report.disagreements)},
    )


def judge_forecast(warning: SpikeWarning | None, failure_at: datetime) -> Stage:
    """The spike was seen before it came."""
    if warning is None:
        return _unseen("forecast", "no warning before the failure came")
    condition = f" if {warning.under_failure} fails" if warning.under_failure else ""
    return Stage(
        name="forecast",
        held=warning.made_at < failure_at and warning.upper_ratio > warning.limit_ratio,
        summary=f"at {warning.made_at:%H:%M} P{warning.quantile * 100:.0f} of {warning.link}"
        f"{condition} reads {warning.upper_ratio:.1%} (limit {warning.limit_ratio:.0%}) for "
        f"{warning.window_start:%H:%M}-{warning.window_end:%H:%M}, lead {_span(warning.lead_s)}",
        evidence={k: v for k, v in to_plain(warning).items() if k != "demand"},
    )


def judge_triage(report: TriageReport | None, cut: str) -> Stage:
    """The failure that matters leads the list."""
    if report is None or not report.rows:
        return _unseen("triage", "no triage was published")
    first = report.rows[0]
    return Stage(
        name="triage",
        held=_same_link(first.failure, cut),
        summary=f"{len(report.rows)} single failures at the forecast demand: {first.failure} leads "
        f"with {first.worst_ratio:.1%} on {first.worst_link}",
        evidence={"rows": [to_plain(row) for row in report.rows]},
    )


def judge_drill(result: ExperimentResult | None) -> Stage:
    """The failure was really made in the bench, found harmful, and undone."""
    if result is None:
        return _unseen("drill", "no drill was run")
    failed = result.phase("failed")
    if failed is None or result.convergence is None:
        return _unseen("drill", "; ".join(result.reasons) or "the drill measured nothing")
    convergence = result.convergence
    return Stage(
        name="drill",
        held=result.verdict is Verdict.FAILED
        and failed.worst.load_ratio > result.load_limit
        and result.undo_verified,
        summary=f"{', '.join(result.cut)} cut in the bench: {result.verdict.name}, "
        f"{failed.worst.link} at {failed.worst.load_ratio:.1%}; converged in "
        f"{convergence.last_fib_change_ms:.0f} ms, {convergence.probes_lost} of "
        f"{convergence.probes_sent} probes lost; undo "
        f"{'verified' if result.undo_verified else 'NOT verified'}",
        evidence={
            "reasons": list(result.reasons),
            "convergence": to_plain(convergence),
            "fidelity": result.fidelity,
            "took_s": result.took_s,
            "phases": [
                {"name": p.name, "settle_ms": p.settle_ms, "worst": to_plain(p.worst)}
                for p in result.phases
            ],
        },
    )


def judge_policy(candidate: Candidate | None, proofs: Sequence[ExperimentResult]) -> Stage:
    """A candidate was measured that keeps every link under its limit, and can be taken back."""
    if candidate is None:
        return _unseen("policy", "no candidate was proven")
    chosen = chosen_score(candidate)
    cited = dict(candidate.evidence)
    evidence = {proof.id: proof for proof in proofs if proof.id in cited}
    is_reversible = bool(cited) and all(
        name in evidence and evidence[name].revert_verified for name in cited
    )
    worst = max(chosen.worst_no_failure_ratio, chosen.worst_failure_ratio) if chosen else 1.0
    return Stage(
        name="policy",
        held=chosen is not None
        and chosen.is_measured
        and worst <= candidate.load_limit
        and is_reversible,
        summary=f"{len(candidate.knob.prefixes)} prefixes to {candidate.knob.device} by local "
        f"preference {candidate.knob.local_preference}: worst link {worst:.1%} with or without the "
        f"failure, measured; {sum(s.is_measured for s in candidate.scores)} of "
        f"{len(candidate.scores)} candidates measured; inverse "
        f"{'restores the RIB digest' if is_reversible else 'NOT shown'}",
        evidence={"cited": cited, "digest_before": candidate.digest_before},
    )


def chosen_score(candidate: Candidate) -> CandidateScore | None:
    """The score of the set of prefixes the candidate moves."""
    wanted = frozenset(candidate.knob.prefixes)
    return next((s for s in candidate.scores if frozenset(s.prefixes) == wanted), None)


def judge_rollout(candidate: Candidate, events: Sequence[RolloutEvent]) -> Stage:
    """Every wave passed its gates and was confirmed."""
    own = [event for event in events if event.txn == candidate.id]
    confirmed = sorted({event.wave for event in own if event.step is RolloutStep.CONFIRMED})
    is_complete = any(event.step is RolloutStep.COMPLETE for event in own)
    gates = [gate for event in own for gate in event.gates]
    passed = sum(gate.verdict is Verdict.PASSED for gate in gates)
    shares = ", ".join(f"{wave.affected_share:.0%}" for wave in candidate.waves)
    return Stage(
        name="rollout",
        held=is_complete
        and len(confirmed) == len(candidate.waves)
        and len(candidate.waves) >= _LEAST_WAVES,
        summary=f"{len(confirmed)} of {len(candidate.waves)} waves confirmed ({shares} of the "
        f"affected traffic), {passed} of {len(gates)} gates passed"
        + ("" if is_complete else f"; ended {own[-1].step if own else 'before it began'}"),
        evidence={"last": own[-1].says if own else ""},
    )


def judge_day(worst: WorstLink | None, limit_pct: float) -> Stage:
    """The failure really came and the policy held."""
    if worst is None:
        return _unseen("the day", "the failure was not reached")
    return Stage(
        name="the day",
        held=worst.load_pct_failure_with_policy <= limit_pct < worst.load_pct_failure,
        summary=f"cut in production: worst link {worst.load_pct_failure_with_policy:.1f} % with "
        f"the policy; {worst.name} would be at {worst.load_pct_failure:.1f} % without it",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackFacts:
    """What the two bad endings showed."""

    rollback: Rollback | None
    failed_gate: str
    dead_man: DeadMan | None
    controller_says: str
    """What the restarted controller found."""
    is_configuration_back: bool = False
    """The changed router's configuration is the one from before the harmful change."""


def judge_rollback(facts: RollbackFacts) -> Stage:
    """A harmful change went back by itself, and so did one whose controller died."""
    rollback, dead_man = facts.rollback, facts.dead_man
    is_back = rollback is not None and rollback.rib_digest_before == rollback.rib_digest_after
    said = []
    if rollback is not None:
        said.append(
            f"{facts.failed_gate} failed, reverted {rollback.gate_to_reverted_s:.1f} s later, RIB "
            f"digest {'as before' if is_back else 'DIFFERS'}"
        )
    if dead_man is not None:
        said.append(
            f"controller killed in a wave, router reverted alone {dead_man.reverted_after_s:.1f} s "
            f"after arming ({dead_man.armed_s:.0f} s)"
        )
    return Stage(
        name="rollback",
        held=is_back
        and facts.is_configuration_back
        and "G1" in facts.failed_gate
        and dead_man is not None
        and bool(facts.controller_says),
        summary="; ".join(said) or "neither ending was seen",
        evidence={"failed_gate": facts.failed_gate, "controller_says": facts.controller_says},
    )


def judge_feedback(feedback: Sequence[Feedback]) -> Stage:
    """What came was compared with what was predicted, and published."""
    told = [f for f in feedback if f.under_failure is not None and f.shadow_ratio is not None]
    if not told:
        return _unseen("feedback", "the failure brought nothing to the feedback topic")
    first = told[0]
    shadow_error = max(abs(f.observed_ratio - (f.shadow_ratio or 0)) for f in told)
    return Stage(
        name="feedback",
        held=shadow_error <= SHADOW_MARGIN,
        summary=f"{len(feedback)} records: {first.link} forecast at most "
        f"{first.forecast_upper_ratio:.1%}, the shadow said {first.shadow_ratio:.1%}, production "
        f"carried {first.observed_ratio:.1%}; the shadow was off by at most "
        f"{100 * shadow_error:.1f} points",
    )


def _unseen(name: str, why: str) -> Stage:
    return Stage(name=name, held=False, summary=why, unseen=True)


def _same_link(one: str, other: str) -> bool:
    return frozenset(one.split("-")) == frozenset(other.split("-"))


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _span(duration_s: float) -> str:
    hours, minutes = divmod(round(duration_s / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
