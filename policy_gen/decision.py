"""What to ask the bench next about a proposal, or how it ends.

    measure the finalists, each as one whole change -> the best one that held, once more wave by
    wave -> publish

The decision looks only at the proposal and at the answers so far, so whoever asks again after a
restart gets the same next step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from foreshadow.candidate import Candidate, CandidateScore, Wave
from foreshadow.experiment import Experiment, ExperimentResult, Phase, evidence_sha256
from foreshadow.routing import LocRibs, path_changes
from policy_gen.candidates import rates_bps
from policy_gen.proposal import Proposal
from policy_gen.trial import Answers, Trial
from policy_gen.waves import share

_KEPT_SCORES = 64
"""Scores a candidate carries; ten prefixes alone have 1023."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send these to the bench and come back with the answers."""

    experiments: tuple[Experiment, ...]


@dataclass(frozen=True, slots=True)
class Publish:
    """Proven: ready to roll out."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nothing holds, and why."""

    because: str


def decide(proposal: Proposal, answers: Answers) -> Ask | Publish | GiveUp:
    """The next step, given what the bench has answered so far."""
    if not proposal.finalists:
        return GiveUp(_why_nobody(proposal))
    trials = [proposal.whole(finalist) for finalist in proposal.finalists]
    questions = tuple(_questions(trials, answers))
    if questions:
        return Ask(questions)
    for trial in _held(trials, answers):
        in_waves = proposal.in_waves(trial.finalist)
        question = in_waves.question(answers)
        if question is not None:
            return Ask((question,))
        if in_waves.has_passed(answers):
            scores = _scores(proposal, trials, trial.score(answers), answers)
            evidence = [a for t in (trial, in_waves) if (a := t.answer(answers))]
            return Publish(_candidate(proposal, in_waves, scores, evidence))
    said = (f"{trial.score(answers).label}: {_reasons(trial, answers)}" for trial in trials)
    return GiveUp("; ".join(said))


def _questions(trials: Iterable[Trial], answers: Answers) -> Iterator[Experiment]:
    for trial in trials:
        question = trial.question(answers)
        if question is not None:
            yield question


def _held(trials: Iterable[Trial], answers: Answers) -> list[Trial]:
    """The trials that passed, lowest worst load first; of equal ones the one that moves less."""

    def rank(trial: Trial) -> tuple[float, float]:
        score = trial.score(answers)
        return round(_worst(score), 4), score.moved_share

    return sorted((trial for trial in trials if trial.has_passed(answers)), key=rank)


def _reasons(trial: Trial, answers: Answers) -> str:
    answer = trial.answer(answers)
    return "; ".join(answer.reasons) if answer else "not measured"


def _why_nobody(proposal: Proposal) -> str:
    tried = [each for each in proposal.estimates if each.shift is not None]
    if not tried:
        return "no prefix has another way out of the network"
    best = min(tried, key=lambda each: each.worst_ratio)
    return (
        f"{len(tried)} candidates were estimated and none is allowed; the best, "
        f"{best.score.label}: {best.score.rejected_because}"
    )


def _candidate(
    proposal: Proposal,
    proof: Trial,
    scores: tuple[CandidateScore, ...],
    evidence: list[ExperimentResult],
) -> Candidate:
    """The winner, whole, from what the bench measured; the last evidence is the proof in waves."""
    drill, shift = proposal.drill, proof.finalist.shift
    return Candidate(
        id=f"c{drill.id.removeprefix('d')}",
        drill=drill.id,
        warning=drill.cause,
        made_at=proposal.made_at,
        expires_at=proposal.made_at + timedelta(seconds=proposal.rules.settings.valid_s),
        knob=shift,
        under_failure=drill.cut[0] if drill.cut else None,
        demand=drill.demand,
        waves=tuple(_waves(proof, evidence[-1])),
        precondition=((shift.device, proposal.configs[shift.device]),),
        digest_before=proposal.digest_before,
        governance=proposal.rules.governance,
        scores=scores,
        evidence=tuple((result.id, evidence_sha256(result)) for result in evidence),
        load_limit=drill.load_limit,
    )


def _waves(proof: Trial, result: ExperimentResult) -> Iterator[Wave]:
    """Each wave with what the bench saw after it."""
    before = result.phase("before")
    rates = rates_bps(result.demand, proof.finalist.shift.prefixes)
    changes = proof.finalist.changes(proof.steps)
    for number, (prefixes, change) in enumerate(zip(proof.steps, changes, strict=True), start=1):
        after = result.phase(f"treated-{number}")
        if before is None or after is None:
            continue
        yield Wave(
            number=number,
            affected_share=share(rates, prefixes),
            prefixes=prefixes,
            changes=(change,),
            path_changes=tuple(sorted(path_changes(_ribs(before), _ribs(after)))),
            tables=after.tables,
        )


def _ribs(phase: Phase) -> LocRibs:
    return {tables.router: tables.loc_rib for tables in phase.tables}


def _scores(
    proposal: Proposal, trials: list[Trial], winner: CandidateScore, answers: Answers
) -> tuple[CandidateScore, ...]:
    """Every candidate's score, the chosen one first, then what was measured, then the rest."""
    measured = {trial.finalist.shift.prefixes: trial.score(answers) for trial in trials}
    rest = [each.score for each in proposal.estimates if each.score.prefixes not in measured]
    rest[0] = _measured_nothing(proposal.drill, rest[0])
    beaten = [
        replace(score, rejected_because=score.rejected_because or f"{winner.label} is better")
        for score in measured.values()
        if score.prefixes != winner.prefixes
    ]
    known = [
        replace(score, rejected_because=score.rejected_because or "others have better estimates")
        for score in rest
    ]
    ranked = sorted((*beaten, *known), key=lambda score: (not score.is_measured, _worst(score)))
    return (winner, *ranked)[:_KEPT_SCORES]


def _measured_nothing(drill: ExperimentResult, estimated: CandidateScore) -> CandidateScore:
    """Doing nothing is what the drill itself measured."""
    before, failed = drill.phase("before"), drill.phase("failed")
    if before is None or failed is None:
        return estimated
    return replace(
        estimated,
        worst_no_failure=before.worst.link,
        worst_no_failure_ratio=before.worst.load_ratio,
        worst_failure=failed.worst.link,
        worst_failure_ratio=failed.worst.load_ratio,
        is_measured=True,
        rejected_because="; ".join(drill.reasons),
    )


def _worst(score: CandidateScore) -> float:
    return max(score.worst_no_failure_ratio, score.worst_failure_ratio)
