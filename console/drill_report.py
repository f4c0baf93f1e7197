"""A drill's evidence as one HTML file: no script, no request, right in light, dark and print."""

from dataclasses import dataclass
from pathlib import Path

from console.charts import BarRow, Bars
from console.drill_chart import gap_chart
from console.drill_text import shown_phases, undone
from console.report_html import template
from console.report_story import Figure, arrow
from foreshadow.experiment import ExperimentResult, Phase, Verdict
from scenarios.check import CheckKind
from scenarios.drill_plan import DrillPlan
from scenarios.drills.checks import say
from scenarios.drills.evidence import Bundle
from scenarios.drills.planned_cut import plan_of

_MOST_BARS = 10
_CLASSES = {"before": "calm", "undone": "treated"}
_TITLES = {
    Verdict.PASSED: "held: every check passed",
    Verdict.FAILED: "did not hold",
    Verdict.INCONCLUSIVE: "proves nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check for the page."""

    moment: str
    check: str
    measured: str
    limit: str
    verdict: str
    detail: str


def write_drill_html(bundle: Bundle, path: Path) -> Path:
    """Write the report to `path` and return it."""
    path.write_text(render_drill_html(bundle), encoding="utf-8")
    return path


def render_drill_html(bundle: Bundle) -> str:
    """The whole report as one self-contained page; everything from the drill is escaped."""
    result, plan = bundle.result, plan_of(bundle.experiment)
    shown = shown_phases(result)
    return template("drill.html.j2").render(
        bundle=bundle,
        evidence=bundle.evidence,
        result=result,
        plan=plan,
        title=f"{plan.scenario or 'The experiment'} {_TITLES[result.verdict]}",
        tone=_tone(result.verdict),
        undone=undone(result),
        figures=_figures(result, plan, shown),
        checks=_checks(result),
        chart=gap_chart(bundle),
        bars=_bars(shown, plan.load_limit),
        phases=shown,
        pairs=result.convergence.pairs if result.convergence else (),
    )


def _tone(verdict: Verdict) -> str:
    return {Verdict.PASSED: "good", Verdict.FAILED: "bad"}.get(verdict, "")


def _figures(
    result: ExperimentResult, plan: DrillPlan, shown: tuple[Phase, ...]
) -> tuple[Figure, ...]:
    """The headline: both meters, and the fullest link under the faults."""
    found = []
    seen = result.convergence
    if seen is not None:
        worst = seen.worst_pair
        way = f"{worst.src} to {worst.address}" if worst else "no pair was watched"
        found.append(Figure(label="Outage by packets", value=f"{seen.outage_ms:.0f} ms", says=way))
        found.append(
            Figure(
                label="Last table change",
                value=f"{seen.last_fib_change_ms:.0f} ms",
                says="after the injection, any router",
            )
        )
    under = [phase for phase in shown if phase.name.startswith("failed") and phase.loads]
    if under:
        load = max((phase.worst for phase in under), key=lambda it: it.load_ratio)
        found.append(
            Figure(
                label="Fullest link under the faults",
                value=f"{load.load_ratio:.1%}",
                says=f"{arrow(load.link)}; limit {plan.load_limit:.0%}",
                tone="bad" if load.load_ratio > plan.load_limit else "",
            )
        )
    return tuple(found)


def _checks(result: ExperimentResult) -> tuple[CheckRow, ...]:
    rows = []
    for finding in result.findings:
        kind = CheckKind(finding.check)
        rows.append(
            CheckRow(
                moment=finding.moment,
                check=finding.check,
                measured="not" if finding.measured is None else say(kind, finding.measured),
                limit="" if finding.limit is None else say(kind, finding.limit),
                verdict=finding.verdict.name,
                detail=finding.detail,
            )
        )
    return tuple(rows)


def _bars(shown: tuple[Phase, ...], limit: float) -> Bars | None:
    """Loads of the links that were fullest at any moment, moment by moment."""
    loads = {phase.name: {it.link: it.load_ratio for it in phase.loads} for phase in shown}
    links = {link for of in loads.values() for link in of}
    if not links:
        return None
    weight = {link: max(of.get(link, 0.0) for of in loads.values()) for link in links}
    ranked = sorted(links, key=lambda link: (-weight[link], link))[:_MOST_BARS]
    scale = max(1.1, weight[ranked[0]] * 1.15)
    return Bars(
        rows=tuple(
            BarRow(
                link=arrow(link),
                capacity_gbps=0.0,
                bars=tuple(_bar(name, of.get(link)) for name, of in loads.items()),
            )
            for link in ranked
        ),
        scale_pct=100 * scale,
        limit_share=limit / scale,
    )


def _bar(phase: str, ratio: float | None) -> tuple[str, float | None, str]:
    name = _CLASSES.get(phase, "bare")
    if ratio is None:
        return name, None, f"{phase}: down"
    return name, 100 * ratio, f"{phase} {ratio:.1%}"
