"""A report of the reference drill with its known figures, and one of a run that broke early.

The loads are those of the network's own OSPF weights under the reference demand (2.5 times the
matrix of 2004-03-11 20:10 UTC, all six prefixes moved); the forecast series is made up in its
shape.
"""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import yaml

from console.report_model import (
    STAGE_NAMES,
    CandidateRow,
    DeadMan,
    FeedbackRow,
    ForecastPoint,
    ForecastSeries,
    GateRow,
    MapLink,
    MapNode,
    Report,
    Rollback,
    Stage,
    Sync,
    Times,
    TriageRow,
    WaveRow,
    WorstLink,
)

CUT = "CHINng-NYCMng"
WATCHED = "ATLAng->IPLSng"
NETWORK = Path(__file__).parents[2] / "console" / "networks" / "abilene.yaml"
PREFIXES = tuple(f"203.0.113.{last}/27" for last in (0, 32, 64, 96, 128, 160))
FAILURE_AT = datetime(2004, 3, 11, 20, 10, tzinfo=UTC)

# Per link of the network file, a to b then b to a: no failure, failure, failure with policy.
LOADS_PCT: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "ATLAM5-ATLAng": ((0.2, 0.2, 0.2), (0.3, 0.3, 0.3)),
    "ATLAng-HSTNng": ((4.6, 6.6, 6.6), (3.6, 5.5, 8.0)),
    "ATLAng-IPLSng": ((11.5, 101.1, 73.8), (9.7, 51.1, 72.0)),
    "ATLAng-WASHng": ((5.1, 17.3, 25.4), (9.5, 33.9, 27.5)),
    "CHINng-IPLSng": ((20.3, 9.2, 9.2), (23.1, 24.2, 9.7)),
    "CHINng-NYCMng": ((12.2, 0.0, 0.0), (24.4, 0.0, 0.0)),
    "DNVRng-KSCYng": ((16.9, 15.0, 13.2), (14.8, 12.8, 12.8)),
    "DNVRng-SNVAng": ((6.7, 4.7, 4.7), (7.6, 5.8, 3.9)),
    "DNVRng-STTLng": ((3.7, 3.7, 3.7), (3.8, 3.8, 3.8)),
    "HSTNng-KSCYng": ((1.6, 1.6, 1.0), (2.0, 2.0, 2.0)),
    "HSTNng-LOSAng": ((6.2, 8.2, 8.2), (4.8, 6.7, 8.5)),
    "IPLSng-KSCYng": ((19.3, 17.3, 17.3), (19.0, 17.2, 14.7)),
    "LOSAng-SNVAng": ((8.6, 6.8, 4.9), (7.0, 5.0, 5.0)),
    "NYCMng-WASHng": ((12.9, 18.5, 15.2), (18.7, 12.1, 23.3)),
    "SNVAng-STTLng": ((2.3, 2.3, 2.3), (1.3, 1.3, 1.3)),
}

SUMMARIES = (
    "12 routers read every 1.0 s; 118 demands for 2,918 steps, nothing rejected.",
    "3,704 messages, 1.9 MB sent; full state for every reading would have been 212.4 MB.",
    "12 routers and 2 peers up in 4.8 s from the synced state; 100.0 % agree with production.",
    "P95 of the 3 h peak on ATLAng->IPLSng if CHINng-NYCMng fails: 101.3 % at 17:00, 2 h 40 ahead.",
    "14 single failures ranked at the forecast demand: CHINng-NYCMng leads with 101.3 %.",
    "Cut in the bench in FRR: ATLAng->IPLSng at 101.3 %, outage 212 ms, undo returned the digest.",
    "13 candidates proven; all six prefixes at NYCMng keep the worst link at 74.0 %.",
    "4 waves to NYCMng, every gate passed; 13.4 % of all traffic moved, the cap is 15 %.",
    "CHINng-NYCMng failed at 20:10 UTC: 73.8 % on the fullest link, 101.1 % without the policy.",
    "G1 failed on the harmful change: reverted in 1.4 s, digest as before; dead-man after 10.3 s.",
    "Three links compared: forecast 74.9 %, shadow 74.0 %, production 73.8 % on the fullest.",
)


def sample_report(**changes: Any) -> Report:
    """A run in which all eleven stages held."""
    return Report.model_validate({**_whole().model_dump(), **changes})


def broken_report() -> Report:
    """A run that broke at stage 4: nothing after it, and no forecast."""
    whole = _whole()
    stages = [
        *whole.stages[:3],
        whole.stages[3].model_copy(
            update={"held": False, "summary": "No warning within 3 h of the failure."}
        ),
    ]
    return Report(
        run_id=whole.run_id,
        network=whole.network,
        assumption=whole.assumption,
        traffic=whole.traffic,
        growth=whole.growth,
        limit_pct=whole.limit_pct,
        held=False,
        wall_s=71.0,
        peak_memory_mb=1900.0,
        broker=whole.broker,
        stages=tuple(stages),
        sync=whole.sync,
        fidelity_pct=whole.fidelity_pct,
        times=whole.times,
        routers=whole.routers,
        cut=whole.cut,
    )


def _whole() -> Report:
    network = yaml.safe_load(NETWORK.read_text(encoding="utf-8"))
    return Report(
        run_id="fs3fa9c1",
        network=network["name"],
        assumption=network["assumption"],
        traffic="built-in profile",
        growth=2.5,
        limit_pct=85.0,
        held=True,
        wall_s=221.4,
        peak_memory_mb=2870.0,
        broker="Apache Kafka 4.3.1 (KRaft, one node)",
        stages=_stages(),
        worst_link=WorstLink(
            name=WATCHED,
            at="2004-03-11T20:10:00Z",
            load_pct_no_failure=24.4,
            load_pct_failure=101.1,
            load_pct_failure_with_policy=73.8,
        ),
        sync=Sync(messages=3704, bytes=1_912_300, full_state_bytes=212_400_000, rejected=0),
        fidelity_pct=100.0,
        rollback=Rollback(
            gate_to_reverted_s=1.38,
            rib_digest_before="9f2c61d07be4" + "a3" * 26,
            rib_digest_after="9f2c61d07be4" + "a3" * 26,
        ),
        dead_man=DeadMan(armed_s=10.0, reverted_after_s=10.3),
        times=Times(
            profile="demo",
            settle_s=1.0,
            soak_s=5.0,
            dead_man_s=10.0,
            production_settle_s=30.0,
            production_soak_s=300.0,
            production_dead_man_s=600.0,
        ),
        routers=tuple(
            MapNode(name=r["name"], latitude=r["latitude"], longitude=r["longitude"])
            for r in network["routers"]
        ),
        links=_links(network["links"]),
        cut=CUT,
        forecast=_forecast(),
        triage=_triage(),
        candidates=_candidates(),
        waves=_waves(),
        feedback=_feedback(),
        notes=(
            (
                "10 Gbit/s of packets are not to be had on a laptop: "
                "loads are matrices walked over the routers' real FIBs."
            ),
            "Production is emulated: FRR routers in network namespaces, reached over OpenSSH.",
            "The demo's settle, soak and dead-man times are shorter than production's defaults.",
        ),
    )


def _stages() -> tuple[Stage, ...]:
    took_s = (8.0, 8.4, 4.8, 61.0, 0.4, 6.2, 21.5, 34.0, 9.7, 31.2, 2.0)
    evidence: tuple[dict[str, Any], ...] = (
        {"samples": 41_022, "rejected": 0, "routers": 12},
        {"messages": 3704, "bytes": 1_912_300, "full_state_bytes": 212_400_000},
        {"adjacencies": "30/30", "next_hops": "216/216", "up_s": 4.8},
        {"warnings": 3, "first_at": "2004-03-11T17:00:00Z", "quantile": 0.95},
        {"failures": 14, "model_ms": 38},
        {"probes_sent": 6600, "probes_lost": 140, "outage_ms": 212, "undo": "digest as before"},
        {"measured": 13, "estimated": 51, "moved_traffic_cap_pct": 15.0},
        {"txn": "chg-3fa9c1-1", "gates_passed": 16},
        {"at": "2004-03-11T20:10:00Z", "lost_bps": 0},
        {"failed_gate": "G1", "override": "demo: show a rollback", "journal": "rollout.db"},
        {"records": 3},
    )
    return tuple(
        Stage(name=name, held=True, summary=summary, took_s=took, evidence=facts)
        for name, summary, took, facts in zip(STAGE_NAMES, SUMMARIES, took_s, evidence, strict=True)
    )


def _links(links: list[dict[str, Any]]) -> tuple[MapLink, ...]:
    rows: list[MapLink] = []
    for link in links:
        name = f"{link['a']}-{link['b']}"
        ends = ((link["a"], link["b"]), (link["b"], link["a"]))
        for (src, dst), (calm, failed, treated) in zip(ends, LOADS_PCT[name], strict=True):
            is_cut = name == CUT
            rows.append(
                MapLink(
                    link=name,
                    src=src,
                    dst=dst,
                    capacity_gbps=link["capacity_gbps"],
                    load_pct_no_failure=calm,
                    load_pct_failure=None if is_cut else failed,
                    load_pct_failure_with_policy=None if is_cut else treated,
                )
            )
    return tuple(rows)


def _forecast() -> ForecastSeries:
    start = datetime(2004, 3, 11, 15, 0, tzinfo=UTC)
    steps = range(int((FAILURE_AT - start) / timedelta(minutes=5)) + 1)
    points = tuple(_point(start, step, len(steps)) for step in steps)
    return ForecastSeries(
        link=WATCHED,
        under_failure=CUT,
        horizon_s=10_800,
        quantile=0.95,
        limit_pct=85.0,
        points=points,
    )


def _point(start: datetime, step: int, steps: int) -> ForecastPoint:
    ripple = 1.6 * math.sin(step * 1.7) + 1.1 * math.sin(step * 0.61)
    now = 101.1 if step == steps - 1 else 60.0 + 24.0 * step / steps + ripple
    return ForecastPoint(
        at=(start + timedelta(minutes=5 * step)).isoformat(),
        now_pct=now,
        median_pct=70.0 + 16.0 * step / steps + 0.4 * ripple,
        upper_pct=76.0 + 28.0 / (1 + math.exp((19 - step) / 3)) + 0.4 * ripple,
        naive_last_pct=now,
        naive_day_pct=71.0 + 4.0 * math.sin(step / 14),
    )


def _triage() -> tuple[TriageRow, ...]:
    rows = (
        ("CHINng-NYCMng", WATCHED, 101.3),
        ("NYCMng-WASHng", WATCHED, 85.4),
        ("CHINng-IPLSng", "IPLSng->ATLAng", 72.6),
        ("IPLSng-KSCYng", WATCHED, 55.2),
        ("ATLAng-WASHng", "NYCMng->CHINng", 33.9),
        ("ATLAng-HSTNng", "NYCMng->CHINng", 28.4),
        ("HSTNng-LOSAng", "NYCMng->CHINng", 26.9),
    )
    return tuple(TriageRow(failure=f, worst_link=w, load_pct=load) for f, w, load in rows)


def _candidates() -> tuple[CandidateRow, ...]:
    rows = (
        ("all six prefixes at NYCMng", 6, 13.4, 22.0, WATCHED, 74.0, ""),
        ("five prefixes at NYCMng", 5, 12.7, 22.1, WATCHED, 75.3, "the chosen one is better"),
        ("the four heaviest", 4, 11.6, 22.2, WATCHED, 77.5, "the chosen one is better"),
        ("the three heaviest", 3, 10.0, 22.3, WATCHED, 80.8, "the chosen one is better"),
        ("equal local preference at both", 6, 6.2, 24.4, WATCHED, 87.9, "over the limit of 85 %"),
        ("do nothing", 0, 0.0, 24.4, WATCHED, 101.3, "over the limit of 85 %"),
    )
    return tuple(
        CandidateRow(
            label=label,
            prefixes=PREFIXES[:count],
            moved_pct=moved,
            worst_no_failure="IPLSng->CHINng" if count else "NYCMng->CHINng",
            worst_no_failure_pct=calm,
            worst_failure=link,
            worst_failure_pct=failed,
            is_measured=label != "equal local preference at both",
            is_chosen=not reason,
            rejected_because=reason,
        )
        for label, count, moved, calm, link, failed, reason in rows
    )


_GOOD_DAY = (
    "locked",
    "staged",
    "armed",
    "flipped",
    "settling",
    "soaking",
    "gate-passed",
    "confirmed",
)


def _waves() -> tuple[WaveRow, ...]:
    good = tuple(
        _wave(
            "chg-3fa9c1-1",
            "proven",
            number=number,
            affected_pct=affected,
            prefixes=PREFIXES[-count:],
            steps=_GOOD_DAY,
            outcome="confirmed",
        )
        for number, (affected, count) in enumerate(((5.0, 1), (25.0, 3), (70.0, 5), (100.0, 6)), 1)
    )
    harmful = _wave(
        "chg-3fa9c1-2",
        "harmful",
        number=1,
        affected_pct=100.0,
        prefixes=PREFIXES[:4],
        steps=(*_GOOD_DAY[:5], "reverting", "reverted"),
        outcome="reverted",
        failed_gate="G1",
    )
    killed = _wave(
        "chg-3fa9c1-3",
        "controller-killed",
        number=1,
        affected_pct=5.0,
        prefixes=PREFIXES[-1:],
        steps=(*_GOOD_DAY[:6], "reverted"),
        outcome="reverted by the router itself",
        is_judged=False,
    )
    return (*good, harmful, killed)


def _wave(
    txn: str,
    kind: Literal["proven", "harmful", "controller-killed"],
    *,
    number: int,
    affected_pct: float,
    prefixes: tuple[str, ...],
    steps: tuple[str, ...],
    outcome: str,
    is_judged: bool = True,
    failed_gate: str = "",
) -> WaveRow:
    says = {
        "G0": "12 of 12 sessions and 30 of 30 adjacencies as before.",
        "G1": "5 best-path changes, as predicted; none unexpected.",
        "G2": "All 132 pairs reachable, nothing looped or dropped.",
        "G3": "Every link within 0.4 points of the shadow; fullest 22.0 %.",
    }
    if failed_gate:
        says = {"G0": says["G0"], failed_gate: "20 of 24 best-path changes were not predicted."}
    return WaveRow(
        txn=txn,
        kind=kind,
        number=number,
        affected_pct=affected_pct,
        prefixes=prefixes,
        devices=("NYCMng",),
        steps=steps,
        outcome=outcome,
        gates=tuple(
            GateRow(gate=gate, verdict="FAILED" if gate == failed_gate else "PASSED", says=text)
            for gate, text in says.items()
            if is_judged
        ),
    )


def _feedback() -> tuple[FeedbackRow, ...]:
    rows = (
        (WATCHED, CUT, 74.9, 74.0, 73.8),
        ("IPLSng->ATLAng", CUT, 73.4, 72.2, 72.0),
        ("NYCMng->CHINng", None, 27.0, None, 18.0),
    )
    return tuple(
        FeedbackRow(
            link=link,
            under_failure=cut,
            made_at="2004-03-11T17:00:00Z",
            at="2004-03-11T20:10:00Z",
            forecast_upper_pct=forecast,
            shadow_pct=shadow,
            observed_pct=observed,
        )
        for link, cut, forecast, shadow, observed in rows
    )
