"""From what a run found to its report: pure but for reading what the scene knows."""

from collections.abc import Iterator
from datetime import datetime

from console.demo.findings import Findings
from console.demo.judgement import chosen_score, total_sync
from console.demo.observer import Heard
from console.demo.scene import Scene
from console.report_model import (
    STAGE_NAMES,
    CandidateRow,
    FeedbackRow,
    ForecastPoint,
    ForecastSeries,
    GateRow,
    MapLink,
    MapNode,
    Report,
    Stage,
    Times,
    TriageRow,
    WaveRow,
)
from foreshadow.candidate import Candidate, Wave
from foreshadow.rollout_event import RolloutEvent, RolloutStep
from foreshadow.settings import PRODUCTION_TIMES
from foreshadow.warning import Forecast, SpikeWarning

NOTES = (
    "Production is emulated: real FRR routers in network namespaces, reached over real SSH.",
    (
        "Link loads are the demand matrices walked over the routers' real forwarding tables; "
        "10 Gbit/s of packets are not to be had on one machine. Probes are real packets."
    ),
    "The replay stands still while a drill, a proof or a rollout runs.",
)


def assemble(
    scene: Scene, findings: Findings, stages: tuple[Stage, ...], *, peak_memory_mb: float
) -> Report:
    """The report of one run."""
    return scene.observer.look(
        lambda heard: _report(scene, findings, heard, stages, peak_memory_mb=peak_memory_mb)
    )


def _report(
    scene: Scene,
    findings: Findings,
    heard: Heard,
    stages: tuple[Stage, ...],
    *,
    peak_memory_mb: float,
) -> Report:
    script = scene.script
    return Report(
        run_id=scene.run.run_id,
        network=script.network.name,
        assumption=script.network.assumption,
        traffic=script.demand.name,
        growth=script.growth,
        limit_pct=100 * script.load_limit,
        held=len(stages) == len(STAGE_NAMES)
        and all(stage.held for stage in stages)
        and not heard.unreadable,
        wall_s=round(scene.clock.monotonic_s() - scene.started_s, 1),
        peak_memory_mb=round(peak_memory_mb, 1),
        broker=scene.broker.description,
        stages=stages,
        worst_link=findings.worst_link,
        sync=total_sync(heard.sync_reports.values()) if heard.sync_reports else None,
        fidelity_pct=round(heard.fidelity[-1].percent, 2) if heard.fidelity else None,
        rollback=findings.rollback.rollback,
        dead_man=findings.rollback.dead_man,
        times=_times(scene),
        routers=tuple(_routers(scene)),
        links=tuple(_links(findings)),
        cut=script.cut,
        forecast=_forecast(findings.warning, heard, scene),
        triage=tuple(_triage(findings.warning, heard)),
        candidates=tuple(_candidates(findings.candidate)),
        waves=tuple(_waves(findings, heard.rollout)),
        feedback=tuple(_feedback(heard)),
        notes=(*NOTES, *(f"unreadable record: {it}" for it in heard.unreadable[:3])),
    )


def _times(scene: Scene) -> Times:
    times = scene.script.times
    return Times(
        profile=times.name,
        settle_s=times.settle_s,
        soak_s=times.soak_s,
        dead_man_s=times.dead_man_s,
        production_settle_s=PRODUCTION_TIMES.settle_s,
        production_soak_s=PRODUCTION_TIMES.soak_s,
        production_dead_man_s=PRODUCTION_TIMES.dead_man_s,
    )


def _routers(scene: Scene) -> Iterator[MapNode]:
    for router in scene.script.network.routers:
        if router.latitude is not None and router.longitude is not None:
            yield MapNode(name=router.name, latitude=router.latitude, longitude=router.longitude)


def _links(findings: Findings) -> Iterator[MapLink]:
    loads = {
        name: {str(link): (link, ratio) for link, ratio in matrix.load_ratios(demand).items()}
        for name, (matrix, demand) in findings.matrices.items()
    }
    base = findings.matrices.get("no_failure")
    if base is None:
        return
    capacities = dict(zip(map(str, base[0].links), base[0].capacity_bps.tolist(), strict=True))
    for name, (link, ratio) in loads["no_failure"].items():
        yield MapLink(
            link=name,
            src=link.src,
            dst=link.dst,
            capacity_gbps=round(capacities[name] / 1e9, 3),
            load_pct_no_failure=round(100 * ratio, 2),
            load_pct_failure=_load_pct(loads.get("failure", {}).get(name)),
            load_pct_failure_with_policy=_load_pct(loads.get("with_policy", {}).get(name)),
        )


def _load_pct(found: tuple[object, float] | None) -> float | None:
    return round(100 * found[1], 2) if found else None


def _forecast(warning: SpikeWarning | None, heard: Heard, scene: Scene) -> ForecastSeries | None:
    if warning is None:
        return None
    live = [step for step in heard.forecasts if step.made_at >= scene.script.story.live_from]
    chosen = [
        (step.made_at, forecast)
        for step in live
        if (forecast := _longest(step.forecasts, warning)) is not None
    ]
    return ForecastSeries(
        link=warning.link,
        under_failure=warning.under_failure,
        horizon_s=chosen[-1][1].horizon_s if chosen else 0,
        quantile=warning.quantile,
        limit_pct=100 * warning.limit_ratio,
        policy_from=_policy_from(warning, heard, [at for at, _ in chosen]),
        points=tuple(
            ForecastPoint(
                at=at.isoformat(),
                now_pct=round(100 * f.now_ratio, 2),
                median_pct=round(100 * f.median, 2),
                upper_pct=round(100 * f.upper, 2),
                naive_last_pct=round(100 * f.naive_last, 2),
                naive_day_pct=round(100 * f.naive_day, 2),
            )
            for at, f in chosen
        ),
    )


def _policy_from(warning: SpikeWarning, heard: Heard, steps: list[datetime]) -> str | None:
    """The replay stood still at the warning until the rollout's end: the next step runs on it."""
    if not any(event.step is RolloutStep.COMPLETE for event in heard.rollout):
        return None
    return next((at.isoformat() for at in steps if at > warning.made_at), None)


def _longest(forecasts: tuple[Forecast, ...], warning: SpikeWarning) -> Forecast | None:
    wanted = (warning.link, warning.under_failure)
    own = [f for f in forecasts if (f.series, f.under_failure) == wanted]
    return max(own, key=lambda forecast: forecast.horizon_s, default=None)


def _triage(warning: SpikeWarning | None, heard: Heard) -> Iterator[TriageRow]:
    for report in heard.triage:
        if warning is not None and report.warning == warning.id:
            for row in report.rows:
                yield TriageRow(
                    failure=row.failure,
                    worst_link=row.worst_link,
                    load_pct=round(100 * row.worst_ratio, 2),
                )


def _candidates(candidate: Candidate | None) -> Iterator[CandidateRow]:
    if candidate is None:
        return
    chosen = chosen_score(candidate)
    for score in candidate.scores:
        yield CandidateRow(
            label=score.label,
            prefixes=tuple(str(prefix) for prefix in score.prefixes),
            moved_pct=round(100 * score.moved_share, 2),
            worst_no_failure=score.worst_no_failure,
            worst_no_failure_pct=round(100 * score.worst_no_failure_ratio, 2),
            worst_failure=score.worst_failure,
            worst_failure_pct=round(100 * score.worst_failure_ratio, 2),
            is_measured=score.is_measured,
            is_chosen=score is chosen,
            rejected_because=score.rejected_because,
        )


def _waves(findings: Findings, events: list[RolloutEvent]) -> Iterator[WaveRow]:
    for kind, candidate in (
        ("proven", findings.candidate),
        ("harmful", findings.harmful),
        ("controller-killed", findings.interrupted),
    ):
        for wave in candidate.waves if candidate else ():
            own = [
                e for e in events if candidate and (e.txn, e.wave) == (candidate.id, wave.number)
            ]
            if candidate and own:
                yield _wave_row(kind, candidate, wave, own)


def _wave_row(kind: str, candidate: Candidate, wave: Wave, own: list[RolloutEvent]) -> WaveRow:
    return WaveRow.model_validate(
        {
            "txn": candidate.id,
            "kind": kind,
            "number": wave.number,
            "affected_pct": round(100 * wave.affected_share, 2),
            "prefixes": tuple(str(prefix) for prefix in wave.prefixes),
            "devices": tuple(change.device for change in wave.changes),
            "steps": tuple(event.step.value for event in own),
            "outcome": own[-1].says or own[-1].step.value,
            "gates": tuple(
                GateRow(gate=g.gate, verdict=g.verdict.name, says=g.says)
                for event in own
                for g in event.gates
            ),
        }
    )


def _feedback(heard: Heard) -> Iterator[FeedbackRow]:
    for one in heard.feedback:
        yield FeedbackRow(
            link=one.link,
            under_failure=one.under_failure,
            made_at=one.made_at.isoformat(),
            at=one.at.isoformat(),
            forecast_upper_pct=round(100 * one.forecast_upper_ratio, 2),
            shadow_pct=None if one.shadow_ratio is None else round(100 * one.shadow_ratio, 2),
            observed_pct=round(100 * one.observed_ratio, 2),
        )
