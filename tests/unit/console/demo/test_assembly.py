"""The report of a run: every figure from what was heard, and nothing made up where nothing was."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar, cast

import msgspec
import pytest

from console.broker import Broker, BrokerKind
from console.demo.assembly import assemble
from console.demo.findings import Findings
from console.demo.judgement import RollbackFacts
from console.demo.observer import Heard
from console.demo.opening import Wishes, write_script
from console.demo.scene import Scene
from console.demo.script import Script
from console.ownership import Run
from console.report_model import STAGE_NAMES, DeadMan, Report, Rollback, Stage, WorstLink
from foreshadow.candidate import Candidate
from foreshadow.experiment import Verdict
from foreshadow.fidelity_report import FidelityReport
from foreshadow.rollout_event import Feedback, GateResult, RolloutEvent, RolloutStep
from foreshadow.settings import BusSettings
from foreshadow.sync_report import SyncReport
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageReport, TriageRow
from foreshadow.walk import walk
from foreshadow.warning import Forecast, ForecastStep, SpikeWarning
from shadow.emulation.design import topology_of
from tests.fakes.clock import FakeClock
from tests.proven_policy import candidate, drill
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square
from tests.square_tables import tables

T = TypeVar("T")

E2E = Path(__file__).resolve().parents[3] / "e2e"
HELD = tuple(Stage(name=name, held=True, summary="so") for name in STAGE_NAMES)
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


@dataclass
class _Remembered:
    """Everything an observer has heard, without a bus."""

    heard: Heard

    def look(self, at: Callable[[Heard], T]) -> T:
        return at(self.heard)


@dataclass
class _Standing:
    """What the report reads of a scene, without anything that runs."""

    script: Script
    observer: "_Remembered"
    run: Run = field(default_factory=lambda: Run(run_id="fs3fa9c1", directory=Path()))
    broker: Broker = field(
        default_factory=lambda: Broker(
            kind=BrokerKind.GIVEN, bus=BusSettings(), description="a broker"
        )
    )
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 1, 1, tzinfo=UTC)))
    started_s: float = -221.44


@pytest.fixture(scope="module")
def script() -> Script:
    """Of the smallest network."""
    return write_script(
        Wishes(network=E2E / "square.yaml", profile=E2E / "square_profile.yaml", cut="ALPHA-BRAVO")
    )


def _report(
    script: Script,
    heard: Heard,
    findings: Findings | None = None,
    stages: tuple[Stage, ...] = HELD,
) -> Report:
    scene = cast("Scene", _Standing(script, _Remembered(heard)))
    return assemble(scene, findings or Findings(), stages, peak_memory_mb=2870.04)


def test_a_run_that_found_nothing_says_so(script: Script) -> None:
    """No figure stands for something that was not observed, and the run did not hold."""
    report = _report(script, Heard(), stages=HELD[:3])

    assert not report.held
    assert (report.worst_link, report.sync, report.fidelity_pct) == (None, None, None)
    assert (report.rollback, report.dead_man, report.forecast) == (None, None, None)
    assert (report.triage, report.candidates, report.waves, report.feedback) == ((), (), (), ())
    assert (report.wall_s, report.peak_memory_mb, report.run_id) == (221.4, 2870.0, "fs3fa9c1")
    assert [router.name for router in report.routers] == ["ALPHA", "BRAVO", "CHARLIE", "DELTA"]
    assert (report.times.profile, report.times.production_soak_s > report.times.soak_s) == (
        "demo",
        True,
    )


def test_a_run_holds_only_if_all_eleven_stages_did(script: Script) -> None:
    """One broken or one not reached is enough."""
    broken = (*HELD[:-1], HELD[-1].model_copy(update={"held": False}))

    assert _report(script, Heard()).held
    assert not _report(script, Heard(), stages=broken).held
    assert not _report(script, Heard(), stages=HELD[:-1]).held


def test_sync_fidelity_and_endings_are_what_was_heard(script: Script) -> None:
    """Totals over the owner's epochs, the last fidelity, the two endings as found."""

    def told(epoch: int, sent: int) -> SyncReport:
        return SyncReport(
            epoch=epoch,
            at=AT,
            messages=sent,
            bytes=sent,
            full_state_bytes=10 * sent,
            rejects=1,
            streams=(),
        )

    worst = WorstLink(
        name="SW->NW",
        at=AT.isoformat(),
        load_pct_no_failure=1,
        load_pct_failure=120,
        load_pct_failure_with_policy=12,
    )
    facts = RollbackFacts(
        rollback=Rollback(gate_to_reverted_s=1.4, rib_digest_before="a", rib_digest_after="a"),
        failed_gate="G1",
        dead_man=DeadMan(armed_s=10, reverted_after_s=10.2),
        controller_says="alone",
    )
    heard = Heard(
        sync_reports={1: told(1, 100), 2: told(2, 11)}, fidelity=[_fidelity(1), _fidelity(2)]
    )
    report = _report(script, heard, Findings(worst_link=worst, rollback=facts))

    assert report.sync is not None
    assert (report.sync.messages, report.sync.full_state_bytes, report.sync.rejected) == (
        111,
        1110,
        2,
    )
    assert report.fidelity_pct == 66.67
    assert (report.worst_link, report.rollback, report.dead_man) == (
        worst,
        facts.rollback,
        facts.dead_man,
    )


def _fidelity(agree: int) -> FidelityReport:
    return FidelityReport(
        at=AT,
        adjacencies_agree=agree,
        adjacencies_total=3,
        next_hops_agree=0,
        next_hops_total=0,
        sessions_agree=0,
        sessions_total=0,
        disagreements=(),
        links_down=(),
        vector=(),
        is_stale=False,
    )


def test_loads_are_shown_for_the_three_days_side_by_side(script: Script) -> None:
    """As it was, as the failure would have left it, as it came; a cut link has no load then."""
    now, plain = demand(), topology_of(square())
    cut = plain.without((CUT,))
    matrices = {
        "no_failure": (walk(plain, tables(moved=(HEAVY, LIGHT)), now.keys), now),
        "failure": (walk(cut, tables(cut=(CUT,)), now.keys), now),
        "with_policy": (walk(cut, tables(cut=(CUT,), moved=(HEAVY, LIGHT)), now.keys), now),
    }
    links = {row.link: row for row in _report(script, Heard(), Findings(matrices=matrices)).links}

    assert len(links) == 8
    crowded, gone = links["SW->NW"], links["NE->SE"]
    assert (crowded.load_pct_failure, crowded.capacity_gbps) == (120.0, 2.5)
    assert crowded.load_pct_failure_with_policy == 0.0
    assert gone.load_pct_no_failure > 0
    assert (gone.load_pct_failure, gone.load_pct_failure_with_policy) == (None, None)


def test_links_of_a_day_that_was_not_reached_are_not_shown(script: Script) -> None:
    """Without the calm picture there is nothing to compare with."""
    assert _report(script, Heard()).links == ()


def _forecast(at: datetime, horizon_s: int, upper: float, link: str = "SW->NW") -> Forecast:
    return Forecast(
        series=link,
        under_failure=CUT,
        made_at=at,
        horizon_s=horizon_s,
        now_ratio=0.5,
        median=0.6,
        upper=upper,
        quantile=0.95,
        naive_last=0.5,
        naive_day=0.4,
    )


def test_the_warned_series_is_drawn_from_the_live_hours_at_its_longest_horizon(
    script: Script,
) -> None:
    """History carries none; other links, failures and horizons are left out."""
    live = script.story.live_from
    heard = Heard(
        forecasts=[
            _step(live - timedelta(minutes=5), 3600, 10_800),
            _step(live, 10_800, 3600),
            _step(live + timedelta(minutes=5), 3600, link="SE->NE"),
        ]
    )
    series = _report(script, heard, Findings(warning=WARNING)).forecast
    empty = _report(script, Heard(), Findings(warning=WARNING)).forecast

    assert series is not None
    assert (series.link, series.under_failure, series.horizon_s) == ("SW->NW", CUT, 10_800)
    assert [(p.at, p.upper_pct, p.naive_day_pct) for p in series.points] == [
        (live.isoformat(), 108.0, 40.0)
    ]
    assert empty is not None
    assert (empty.points, empty.horizon_s) == ((), 0)


def _step(at: datetime, *horizons_s: int, link: str = "SW->NW") -> ForecastStep:
    forecasts = tuple(_forecast(at, s, s / 10_000, link) for s in horizons_s)
    return ForecastStep(made_at=at, is_live=True, steps_seen=1, forecasts=forecasts)


def test_triage_is_that_of_the_storys_warning(script: Script) -> None:
    """Other warnings were triaged too."""
    row = TriageRow(failure=CUT, worst_link="SW->NW", worst_ratio=1.2, lost_bps=0)
    other = msgspec.structs.replace(row, failure=LinkId("SE-SW"))
    heard = Heard(
        triage=[
            TriageReport(warning="w-0", made_at=AT, rows=(other,)),
            TriageReport(warning="w-1", made_at=AT, rows=(row, other)),
        ]
    )
    report = _report(script, heard, Findings(warning=WARNING))

    assert [(r.failure, r.load_pct) for r in report.triage] == [("NE-SE", 120.0), ("SE-SW", 120.0)]


def test_candidates_are_shown_with_the_chosen_one_marked(script: Script) -> None:
    """By the set of prefixes it moves; the others with their reason."""
    rows = _report(script, Heard(), Findings(candidate=candidate())).candidates

    assert [(r.label, r.is_chosen, r.rejected_because) for r in rows] == [
        ("both at SW", True, ""),
        ("do nothing", False, "over the limit"),
    ]
    assert (rows[0].moved_pct, rows[0].worst_failure_pct) == (20.0, 12.0)


def _event(proposed: Candidate, step: RolloutStep, wave: int, says: str = "") -> RolloutEvent:
    gate = GateResult(gate="G1", verdict=Verdict.FAILED, says="not predicted")
    gates = (gate,) if step is RolloutStep.REVERTING else ()
    return RolloutEvent(txn=proposed.id, seq=1, at=AT, step=step, wave=wave, says=says, gates=gates)


def test_waves_are_told_apart_by_what_their_change_was(script: Script) -> None:
    """Proven, harmful, controller killed: each with its own steps, gates and last word."""
    proven, harmful, killed = (candidate(name=name) for name in ("c-1", "c-2", "c-3"))
    heard = Heard(
        rollout=[
            _event(proven, RolloutStep.ARMED, 1),
            _event(proven, RolloutStep.CONFIRMED, 1),
            _event(proven, RolloutStep.ARMED, 2),
            _event(harmful, RolloutStep.REVERTING, 1),
            _event(harmful, RolloutStep.REVERTED, 1, "as before"),
            _event(killed, RolloutStep.ARMED, 1),
            _event(proven, RolloutStep.COMPLETE, 0),
        ]
    )
    found = Findings(drill=drill(), candidate=proven, harmful=harmful, interrupted=killed)
    rows = _report(script, heard, found).waves

    assert [(r.txn, r.kind, r.number, r.outcome) for r in rows] == [
        ("c-1", "proven", 1, "confirmed"),
        ("c-1", "proven", 2, "armed"),
        ("c-2", "harmful", 1, "as before"),
        ("c-3", "controller-killed", 1, "armed"),
    ]
    assert rows[0].steps == ("armed", "confirmed")
    assert [(g.gate, g.verdict) for g in rows[2].gates] == [("G1", "FAILED")]
    assert (rows[0].affected_pct, rows[0].devices) == (30.0, ("SW",))


def test_feedback_is_shown_in_percent(script: Script) -> None:
    """What the shadow did not say stays unsaid."""
    told = Feedback(
        link="SW->NW",
        under_failure=None,
        made_at=AT,
        at=AT,
        forecast_upper_ratio=0.761,
        shadow_ratio=None,
        observed_ratio=0.735,
    )
    heard = Heard(feedback=[told, replace(told, under_failure=CUT, shadow_ratio=0.74)])
    rows = _report(script, heard).feedback

    assert [(r.forecast_upper_pct, r.shadow_pct, r.observed_pct) for r in rows] == [
        (76.1, None, 73.5),
        (76.1, 74.0, 73.5),
    ]


def test_a_report_reads_back_as_it_was_written(script: Script) -> None:
    """report.json is a public interface."""
    report = _report(script, Heard(), Findings(candidate=candidate()))

    assert Report.model_validate_json(report.model_dump_json()) == report
