"""The final report as one HTML file: no script, no request, right in light, dark and print."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import jinja2

from console import report_story
from console.charts import bars, forecast_chart
from console.network_map import HEIGHT, WIDTH, load_band, network_maps
from console.report_model import Report, WaveRow

_TEMPLATES = Path(__file__).parent / "templates"
_MOST_BARS = 10
_GATES = {"G0": "device", "G1": "route-diff", "G2": "invariants", "G3": "capacity"}
_KINDS = {
    "proven": "The proven policy",
    "harmful": "The harmful candidate, forced",
    "controller-killed": "The controller killed in a wave",
}


def write_html(report: Report, path: Path) -> Path:
    """Write the report to `path` and return it; folders on the way are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_html(report), encoding="utf-8")
    return path


def render_html(report: Report) -> str:
    """The whole report as one self-contained page; everything from the run is escaped."""
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            verdict=report_story.verdict(report),
            story=report_story.story(report),
            stages=report_story.stage_rows(report),
            reasons=report_story.reasons(report),
            gaps=report_story.missing(report),
            worst_figures=_metered(report),
            run_figures=report_story.run_figures(report),
            saving=report_story.sync_saving(report),
            maps=network_maps(report),
            map_width=WIDTH,
            map_height=HEIGHT,
            chart=forecast_chart(report.forecast) if report.forecast else None,
            bars=bars(report, _MOST_BARS),
            all_bars=bars(report),
            rollouts=_rollouts(report),
        )
    )
    # A number and its percent sign stay on one line.
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", page)


def template(name: str) -> jinja2.Template:
    """One of the page templates, with the filters they all share."""
    return _environment().get_template(name)


def _metered(report: Report) -> tuple[tuple[report_story.Figure, float], ...]:
    """Each headline load with its percent, for the meter under it."""
    worst = report.worst_link
    if worst is None:
        return ()
    loads = (
        worst.load_pct_no_failure,
        worst.load_pct_failure,
        worst.load_pct_failure_with_policy,
    )
    return tuple(zip(report_story.worst_figures(report), loads, strict=True))


def _rollouts(report: Report) -> tuple[tuple[str, str, tuple[WaveRow, ...]], ...]:
    """The waves of each transaction under its title, in the order they ran."""
    by_txn: dict[str, list[WaveRow]] = {}
    for wave in report.waves:
        by_txn.setdefault(wave.txn, []).append(wave)
    return tuple((txn, _KINDS[waves[0].kind], tuple(waves)) for txn, waves in by_txn.items())


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        pct=report_story.pct,
        arrow=report_story.arrow,
        seconds=report_story.seconds,
        size=report_story.size,
        when=report_story.when,
        fact=_fact,
        gate=lambda gate: f"{gate} {_GATES[gate]}" if gate in _GATES else gate,
    )
    environment.globals["load_band"] = load_band
    return environment


def _fact(value: Any) -> str:
    """A piece of evidence as text: plain where it is one value, JSON where it has parts."""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
