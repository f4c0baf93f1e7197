"""From a failed drill to a candidate, step by step, whatever the bench answers."""

from collections.abc import Callable
from ipaddress import IPv4Address

import pytest

from foreshadow.candidate import Governance
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.settings import PolicySettings
from policy_gen.decision import Ask, GiveUp, Publish, decide
from policy_gen.proposal import Proposal, Rules, propose
from tests.bench_answers import answer
from tests.planned_network import planned
from tests.production_state import state_of
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square

DRILL = answer(
    Experiment(
        id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
    ),
    Verdict.FAILED,
    failed_ratio=1.2,
)
Bench = Callable[[Experiment], ExperimentResult]


@pytest.fixture
def proposal() -> Proposal:
    """Against the made-up network's drill, with a cap that allows all of it."""
    return _proposal(cap=1.0)


def _proposal(cap: float) -> Proposal:
    rules = Rules(settings=PolicySettings(), governance=Governance(moved_traffic_cap=cap))
    network = square()
    return propose(DRILL, state_of(network), planned(network), rules=rules, made_at=AT)


def _as_estimated(asked: Experiment) -> ExperimentResult:
    """All pass; moving both prefixes is best."""
    return answer(asked, Verdict.PASSED, failed_ratio=0.6 / _listed(asked))


def _listed(asked: Experiment) -> int:
    return asked.treatments[-1].stage.count("ip prefix-list")


def _play(proposal: Proposal, bench: Bench) -> tuple[Publish | GiveUp, list[Experiment]]:
    """Ask and answer until it ends."""
    answers: dict[str, ExperimentResult] = {}
    asked: list[Experiment] = []
    while True:
        step = decide(proposal, answers)
        if not isinstance(step, Ask):
            return step, asked
        for experiment in step.experiments:
            assert experiment.id not in answers
            asked.append(experiment)
            answers[experiment.id] = bench(experiment)


def test_best_measured_candidate_is_published_not_the_best_estimate(proposal: Proposal) -> None:
    """Estimates choose whom to measure; measurements choose whom to publish."""

    def bench(asked: Experiment) -> ExperimentResult:
        return answer(asked, Verdict.PASSED, failed_ratio=0.4 * _listed(asked))

    step, _ = _play(proposal, bench)

    assert proposal.finalists[0].shift.prefixes == (HEAVY, LIGHT)
    assert isinstance(step, Publish)
    assert step.candidate.knob.prefixes != (HEAVY, LIGHT)


def test_candidate_holds_what_a_rollout_needs(proposal: Proposal) -> None:
    """Waves, their text and way back, evidence, precondition, scores with reasons."""
    step, asked = _play(proposal, _as_estimated)

    assert isinstance(step, Publish)
    candidate = step.candidate
    assert candidate.drill == "d-1"
    assert candidate.warning == "w-1"
    assert candidate.id == "c-1"
    assert candidate.knob.neighbor == IPv4Address("10.253.0.3")
    assert candidate.under_failure == CUT
    assert candidate.waves[-1].prefixes == candidate.knob.prefixes
    assert candidate.waves[-1].affected_share == 1.0
    assert [name for name, _ in candidate.evidence][-1] == asked[-1].id
    assert candidate.precondition[0][0] == candidate.knob.device
    assert candidate.expires_at > candidate.made_at
    nothing = next(score for score in candidate.scores if score.label == "do nothing")
    assert nothing.is_measured
    assert nothing.worst_failure_ratio == 1.2
    assert candidate.scores[0].prefixes == candidate.knob.prefixes
    assert all(score.rejected_because for score in candidate.scores[1:])


def test_winner_is_measured_again_wave_by_wave(proposal: Proposal) -> None:
    """The last question applies the winner's generations one after the other."""
    step, asked = _play(proposal, _as_estimated)

    assert isinstance(step, Publish)
    waves = step.candidate.waves
    assert [len(e.treatments) for e in asked[:-1]] == [1] * len(proposal.finalists)
    assert asked[-1].treatments == tuple(change for wave in waves for change in wave.changes)


def test_inconclusive_proof_is_asked_for_once_more(proposal: Proposal) -> None:
    """A bad moment of the host does not cost a candidate; two of them do."""
    step, asked = _play(proposal, lambda e: answer(e, Verdict.INCONCLUSIVE))

    assert isinstance(step, GiveUp)
    assert len(asked) == 2 * len(proposal.finalists)
    assert len({e.id for e in asked}) == len(asked)


def test_next_best_is_tried_when_waves_fail(proposal: Proposal) -> None:
    """A winner whose waves do not hold makes way for the second."""
    failed: list[str] = []

    def bench(asked: Experiment) -> ExperimentResult:
        if len(asked.treatments) > 1 and not failed:
            failed.append(asked.id)
            return answer(asked, Verdict.FAILED, failed_ratio=0.9)
        return _as_estimated(asked)

    step, _ = _play(proposal, bench)

    assert failed
    assert isinstance(step, Publish)
    assert failed[0] not in dict(step.candidate.evidence)


def test_nothing_is_published_when_nothing_holds(proposal: Proposal) -> None:
    """No candidate rather than a bad one, and the reasons are said."""
    step, _ = _play(proposal, lambda e: answer(e, Verdict.FAILED, failed_ratio=0.95))

    assert isinstance(step, GiveUp)
    assert "made up: FAILED" in step.because


def test_nobody_is_measured_when_governance_forbids_all() -> None:
    """The cap is kept before the bench is asked, and named."""
    step, asked = _play(_proposal(cap=0.01), lambda e: answer(e, Verdict.PASSED))

    assert asked == []
    assert isinstance(step, GiveUp)
    assert "the cap is 1%" in step.because


def test_same_drill_and_state_ask_the_same_questions(proposal: Proposal) -> None:
    """A restarted process finds its answers under the same names."""
    first, again = decide(proposal, {}), decide(_proposal(cap=1.0), {})

    assert isinstance(first, Ask)
    assert first == again
