"""Each stage holds on good evidence, and on nothing else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.demo.judgement import (
    RollbackFacts,
    judge_day,
    judge_drill,
    judge_feedback,
    judge_forecast,
    judge_policy,
    judge_rollback,
    judge_rollout,
    judge_shadow,
    judge_sync,
    judge_telemetry,
    judge_triage,
)
from console.report_model import STAGE_NAMES, DeadMan, Rollback, Stage, WorstLink
from foreshadow.candidate import Candidate
from foreshadow.experiment import ExperimentResult, Verdict
from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Stream
from foreshadow.rollout_event import Feedback, GateResult, RolloutEvent, RolloutStep
from foreshadow.state import Vector
from foreshadow.sync_report import StreamTally, SyncReport
from foreshadow.topology import LinkId, NodeId
from foreshadow.triage_report import TriageReport, TriageRow
from foreshadow.warning import SpikeWarning
from tests.proven_policy import candidate, drill, proof
from tests.square_story import AT, CUT, demand

ROUTERS = (NodeId("NE"), NodeId("SE"))
NOTHING_WENT_BACK = RollbackFacts(rollback=None, failed_gate="", dead_man=None, controller_says="")


@pytest.mark.parametrize(
    "stage",
    [
        judge_telemetry(ROUTERS, {}, stale=(), rejected=0, demand_steps=0),
        judge_sync([]),
        judge_shadow(None),
        judge_forecast(None, AT),
        judge_triage(None, CUT),
        judge_drill(None),
        judge_policy(None, []),
        judge_rollout(candidate(), []),
        judge_day(None, 85),
        judge_rollback(NOTHING_WENT_BACK),
        judge_feedback([]),
    ],
    ids=lambda stage: stage.name,
)
def test_what_was_not_observed_did_not_hold(stage: Stage) -> None:
    """Absence of evidence is no success, and it is said in words."""
    assert not stage.held
    assert stage.summary


def test_every_stage_of_the_report_has_a_judge() -> None:
    """The cases above are all eleven, in the report's order."""
    cases = test_what_was_not_observed_did_not_hold.pytestmark[0].args[1]  # type: ignore[attr-defined]

    assert tuple(stage.name for stage in cases) == STAGE_NAMES


def _vector(*, without: tuple[NodeId, Stream] | None = None) -> Vector:
    places = {(d, s): (1, 2) for d in ROUTERS for s in Stream}
    return {place: position for place, position in places.items() if place != without}


def test_telemetry_holds_when_every_stream_of_every_router_is_there() -> None:
    """Configuration, tables, sessions and demand; the sentence counts them."""
    stage = judge_telemetry(ROUTERS, _vector(), stale=(), rejected=3, demand_steps=7)

    assert stage.held
    assert "3 records on the dead-letter topic" in stage.summary


@pytest.mark.parametrize(
    ("vector", "stale", "steps", "named"),
    [
        (_vector(without=(ROUTERS[1], Stream.FIB)), (), 7, "missing SE/fib"),
        (_vector(), ((ROUTERS[0], Stream.CONFIG),), 7, "stale NE/config"),
        (_vector(), (), 0, "0 demand intervals"),
    ],
)
def test_telemetry_with_a_hole_does_not_hold(
    vector: Vector, stale: tuple[tuple[NodeId, Stream], ...], steps: int, named: str
) -> None:
    """A stream that is missing or stale is named; routers without demand are not enough."""
    stage = judge_telemetry(ROUTERS, vector, stale=stale, rejected=0, demand_steps=steps)

    assert not stage.held
    assert named in stage.summary


def _sync(sent: int, full: int, epoch: int = 1) -> SyncReport:
    tally = StreamTally(
        stream=Stream.FIB, readings=9, messages=4, bytes=sent, full_state_bytes=full
    )
    return SyncReport(
        epoch=epoch,
        at=AT,
        messages=4,
        bytes=sent,
        full_state_bytes=full,
        rejects=0,
        streams=(tally,),
    )


def test_sync_adds_up_the_epochs_of_its_owner() -> None:
    """A restarted owner counts from nothing; both of its lives were paid for."""
    stage = judge_sync([_sync(1_000, 50_000), _sync(2_000, 70_000, epoch=2)])

    assert stage.held
    assert "8 messages, 3.0 kB sent instead of 120.0 kB" in stage.summary
    assert "40x fewer" in stage.summary


@pytest.mark.parametrize(("sent", "full"), [(0, 0), (100, 100), (200, 100)])
def test_sync_that_saves_nothing_does_not_hold(sent: int, full: int) -> None:
    """Differences that cost as much as the whole state are no differential sync."""
    assert not judge_sync([_sync(sent, full)]).held


def _fidelity(agree: int, *, is_stale: bool = False) -> FidelityReport:
    return FidelityReport(
        at=AT,
        adjacencies_agree=10,
        adjacencies_total=10,
        next_hops_agree=agree,
        next_hops_total=180,
        sessions_agree=10,
        sessions_total=10,
        disagreements=(),
        links_down=(),
        vector=(),
        is_stale=is_stale,
    )


@pytest.mark.parametrize(
    ("report", "is_held"),
    [
        (_fidelity(180), True),
        (_fidelity(178), True),
        (_fidelity(177), False),
        (_fidelity(180, is_stale=True), False),
    ],
)
def test_shadow_holds_at_99_percent_of_what_is_current(
    report: FidelityReport, *, is_held: bool
) -> None:
    """Two next hops of 200 facts may differ; agreement with an old picture is none."""
    assert judge_shadow(report).held is is_held


WARNING = SpikeWarning(
    id="w-1",
    link="SW->NW",
    under_failure=CUT,
    quantile=0.95,
    upper_ratio=1.01,
    limit_ratio=0.85,
    made_at=AT - timedelta(hours=3),
    window_start=AT - timedelta(minutes=20),
    window_end=AT,
    lead_s=9600.0,
    demand=demand(),
)


def test_forecast_says_what_and_how_long_before() -> None:
    """Link, failure, quantile, limit, window and lead are in the sentence."""
    stage = judge_forecast(WARNING, AT)

    assert stage.held
    assert stage.summary == (
        "at 17:10 P95 of SW->NW if NE-SE fails reads 101.0% (limit 85%) for 19:50-20:10, "
        "lead 2 h 40 min"
    )


@pytest.mark.parametrize(
    "warning",
    [replace(WARNING, made_at=AT), replace(WARNING, upper_ratio=0.85, under_failure=None)],
)
def test_a_forecast_that_came_too_late_or_warned_of_nothing_does_not_hold(
    warning: SpikeWarning,
) -> None:
    """It must be made before the failure and lie above the limit."""
    assert not judge_forecast(warning, AT).held


def _triage(*failures: str) -> TriageReport:
    rows = tuple(
        TriageRow(failure=LinkId(name), worst_link="SW->NW", worst_ratio=1.2, lost_bps=0)
        for name in failures
    )
    return TriageReport(warning="w-1", made_at=AT, rows=rows)


@pytest.mark.parametrize(
    ("report", "is_held"),
    [
        (_triage("NE-SE", "SE-SW"), True),
        (_triage("SE-NE"), True),
        (_triage("SE-SW", "NE-SE"), False),
        (_triage(), False),
    ],
)
def test_triage_holds_when_the_storys_cut_leads(report: TriageReport, *, is_held: bool) -> None:
    """Whichever end of the link is named first."""
    assert judge_triage(report, CUT).held is is_held


def test_drill_holds_when_the_failure_was_made_found_harmful_and_undone() -> None:
    """The sentence has the verdict, the load, the convergence and the lost probes."""
    stage = judge_drill(drill())

    assert stage.held
    assert "NE-SE cut in the bench: FAILED, SW->NW at 120.0%" in stage.summary
    assert "12 of 1000 probes lost; undo verified" in stage.summary


@pytest.mark.parametrize(
    "result",
    [
        replace(drill(), undo_verified=False),
        replace(drill(), verdict=Verdict.INCONCLUSIVE),
        replace(drill(), load_limit=1.5),
        replace(drill(), convergence=None),
        replace(drill(), phases=drill().phases[:1], reasons=()),
    ],
)
def test_drill_without_one_of_its_proofs_does_not_hold(result: ExperimentResult) -> None:
    """No undo, no verdict, no excess, no convergence, no cut."""
    stage = judge_drill(result)

    assert not stage.held
    assert stage.summary


def test_policy_holds_when_it_was_measured_below_the_limit_and_can_be_taken_back() -> None:
    """The chosen set's own score decides, with the proofs it cites."""
    stage = judge_policy(candidate(), [proof()])

    assert stage.held
    assert "2 prefixes to SW by local preference 200: worst link 36.0%" in stage.summary
    assert "inverse restores the RIB digest" in stage.summary


@pytest.mark.parametrize(
    ("proposed", "proofs"),
    [
        (candidate(), []),
        (candidate(), [replace(proof(), id="p-2")]),
        (candidate(), [replace(proof(), revert_verified=False)]),
        (replace(candidate(), load_limit=0.3), [proof()]),
        (replace(candidate(), scores=candidate().scores[1:]), [proof()]),
    ],
    ids=["no proof", "another's proof", "no way back", "over the limit", "not measured"],
)
def test_policy_without_one_of_its_proofs_does_not_hold(
    proposed: Candidate, proofs: list[ExperimentResult]
) -> None:
    """A score is not enough; neither is somebody else's proof."""
    assert not judge_policy(proposed, proofs).held


def _event(step: RolloutStep, wave: int, verdict: Verdict | None = None) -> RolloutEvent:
    gates = (GateResult(gate="G1", verdict=verdict, says=""),) if verdict is not None else ()
    return RolloutEvent(txn="c-1", seq=1, at=AT, step=step, wave=wave, gates=gates, says="so")


GOOD_ROLLOUT = (
    *(_event(RolloutStep.GATE_PASSED, wave, Verdict.PASSED) for wave in (1, 2, 3)),
    *(_event(RolloutStep.CONFIRMED, wave) for wave in (1, 2, 3)),
    _event(RolloutStep.COMPLETE, 0),
)


def test_rollout_holds_when_all_of_three_waves_were_confirmed() -> None:
    """The sentence has the shares and the gates; other transactions do not count."""
    foreign = replace(_event(RolloutStep.REVERTED, 0), txn="c-9")
    stage = judge_rollout(candidate(), [*GOOD_ROLLOUT, foreign])

    assert stage.held
    assert stage.summary == (
        "3 of 3 waves confirmed (30%, 60%, 100% of the affected traffic), 3 of 3 gates passed"
    )


@pytest.mark.parametrize(
    ("proposed", "events"),
    [
        (candidate(), GOOD_ROLLOUT[:-1]),
        (candidate(), tuple(e for e in GOOD_ROLLOUT if e.wave != 2)),
        (replace(candidate(), waves=candidate().waves[:2]), GOOD_ROLLOUT),
        (candidate(), tuple(replace(e, txn="c-9") for e in GOOD_ROLLOUT)),
    ],
    ids=["not complete", "a wave unconfirmed", "two waves", "another's"],
)
def test_rollout_cut_short_does_not_hold(
    proposed: Candidate, events: tuple[RolloutEvent, ...]
) -> None:
    """Fewer than three waves, one unconfirmed, no end, or another change's events."""
    assert not judge_rollout(proposed, events).held


def _day(without: float, with_policy: float) -> WorstLink:
    return WorstLink(
        name="SW->NW",
        at=AT.isoformat(),
        load_pct_no_failure=33,
        load_pct_failure=without,
        load_pct_failure_with_policy=with_policy,
    )


@pytest.mark.parametrize(
    ("worst", "is_held"),
    [
        (_day(120, 80), True),
        (_day(120, 85), True),
        (_day(120, 86), False),
        (_day(85, 80), False),
    ],
)
def test_the_day_holds_when_the_policy_made_the_difference(
    worst: WorstLink, *, is_held: bool
) -> None:
    """Under the limit with it, over the limit without it."""
    assert judge_day(worst, 85).held is is_held


WENT_BACK = RollbackFacts(
    rollback=Rollback(gate_to_reverted_s=1.4, rib_digest_before="a", rib_digest_after="a"),
    failed_gate="G1",
    dead_man=DeadMan(armed_s=10, reverted_after_s=10.3),
    controller_says="the router reverted alone",
    is_configuration_back=True,
)


def test_rollback_holds_when_both_bad_endings_went_back() -> None:
    """The gate's failure and the controller's death, with their times."""
    stage = judge_rollback(WENT_BACK)

    assert stage.held
    assert "G1 failed, reverted 1.4 s later, RIB digest as before" in stage.summary
    assert "reverted alone 10.3 s after arming (10 s)" in stage.summary


@pytest.mark.parametrize(
    "facts",
    [
        replace(WENT_BACK, rollback=None),
        replace(
            WENT_BACK,
            rollback=Rollback(gate_to_reverted_s=1, rib_digest_before="a", rib_digest_after="b"),
        ),
        replace(WENT_BACK, dead_man=None),
        replace(WENT_BACK, controller_says=""),
        replace(WENT_BACK, is_configuration_back=False),
        replace(WENT_BACK, failed_gate="G3"),
    ],
    ids=[
        "no rollback",
        "another digest",
        "no dead-man",
        "the controller is silent",
        "another configuration",
        "another gate",
    ],
)
def test_rollback_with_half_an_ending_does_not_hold(facts: RollbackFacts) -> None:
    """Each of the two endings is needed, whole."""
    assert not judge_rollback(facts).held


def _feedback(under: str | None, shadow: float | None, observed: float = 0.74) -> Feedback:
    return Feedback(
        link="SW->NW",
        under_failure=under,
        made_at=datetime(2004, 3, 11, tzinfo=UTC),
        at=AT,
        forecast_upper_ratio=0.76,
        shadow_ratio=shadow,
        observed_ratio=observed,
    )


def test_feedback_tells_the_shadows_largest_error() -> None:
    """Over all links that were compared under the failure."""
    stage = judge_feedback([_feedback(None, None), _feedback(CUT, 0.73), _feedback(CUT, 0.70)])

    assert stage.held
    assert "3 records" in stage.summary
    assert "off by at most 4.0 points" in stage.summary


def test_feedback_without_the_failure_does_not_hold() -> None:
    """The rollout's own records compare nothing with the shadow."""
    assert not judge_feedback([_feedback(None, 0.7), _feedback(CUT, None)]).held
