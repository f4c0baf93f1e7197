"""The final report on the screen: verdict first, then the loads that are the point, then the rest.

Everything is a plain rich renderable; in a pipe the same report comes without colours at the
console's width.
"""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from console import report_story
from console.report_model import CandidateRow, Report, WaveRow
from console.report_story import Figure, StageState, arrow, seconds

_TONES = {"good": "bold green", "bad": "bold red", "plain": "bold"}
_STATES = {
    StageState.HELD: ("✔", "green"),
    StageState.BROKEN: ("✘", "bold red"),
    StageState.NOT_REACHED: ("·", "dim"),
}
_VERDICTS = {"PASSED": ("✔", "green"), "FAILED": ("✘", "bold red")}
_TOP = 5


def render_text(report: Report, *, html_path: Path | None = None) -> RenderableType:
    """The whole report for a terminal or a pipe.

    Args:
        report: A run, whole or broken off.
        html_path: Where `report.html` lies, told in the last line.
    """
    return Group(*_parts(report, html_path))


def _parts(report: Report, html_path: Path | None) -> Iterator[RenderableType]:
    yield Text.assemble(
        ("✔ " if report.held else "✘ ", "bold green" if report.held else "bold red"),
        (report_story.verdict(report), "bold"),
        (f"  {report.run_id}", "dim"),
    )
    for reason in report_story.reasons(report):
        yield Padding(Text(arrow(reason), style="bold"), (0, 0, 0, 2))
    yield Padding(Text(report_story.story(report)), (0, 0, 0, 2))
    yield Text(
        f"  {report.network}, {report.traffic}, demand x {report.growth:g}; {report.broker}",
        style="dim",
    )
    if report.worst_link is not None:
        yield from _section("Fullest link", _figures(report_story.worst_figures(report)))
    yield from _section("The eleven stages", _stages(report))
    if report.waves:
        yield from _section("Waves and their gates", _waves(report.waves))
    if report.candidates:
        yield from _section("Candidates, under the failure", _candidates(report))
    if report.triage:
        yield from _section("Single failures at the forecast demand", _triage(report))
    if report.feedback:
        yield from _section("Forecast and shadow against what came", _feedback(report))
    yield from _section("The machinery", _figures(report_story.run_figures(report)))
    yield from _section("Times", _times(report))
    yield from _closing(report, html_path)


def _closing(report: Report, html_path: Path | None) -> Iterator[RenderableType]:
    gaps = report_story.missing(report)
    if gaps:
        yield from _section("What this run did not get to", _list(gaps))
    yield from _section("To know", _list((*report.notes, f"Assumption: {report.assumption}")))
    if html_path is not None:
        yield ""
        yield Text.assemble("The whole report: ", (str(html_path), "bold"), overflow="fold")


def _section(title: str, body: RenderableType) -> Iterator[RenderableType]:
    yield ""
    yield Text(title, style="bold cyan")
    yield Padding(body, (0, 0, 0, 2))


def _grid(*columns: str) -> Table:
    """A table with a header and no lines; a column whose name ends in `%` is flush right."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in columns:
        table.add_column(name, justify="right" if name.endswith("%") else "left")
    return table


def _figures(figures: tuple[Figure, ...]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    for figure in figures:
        table.add_row(
            figure.label,
            Text(figure.value, style=_TONES[figure.tone]),
            Text(figure.says, style="dim"),
        )
    return table


def _stages(report: Report) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    for stage in report_story.stage_rows(report):
        quiet = "dim" if stage.state is StageState.NOT_REACHED else ""
        table.add_row(
            Text(*_STATES[stage.state]),
            Text(str(stage.number), style="dim"),
            Text(stage.name, style=quiet),
            Text(
                arrow(stage.summary) if not quiet else "not reached",
                style=quiet,
            ),
        )
    return table


def _waves(waves: tuple[WaveRow, ...]) -> Group:
    table = _grid("rollout", "wave", "affected %", "devices", "outcome", "gates")
    last = ""
    for wave in waves:
        gates = Text()
        for gate in wave.gates:
            sign, style = _VERDICTS.get(gate.verdict, ("?", "magenta"))
            gates.append(f"{gate.gate} ").append(f"{sign} ", style)
        table.add_row(
            Text(wave.kind if wave.txn != last else "", style="bold"),
            str(wave.number),
            f"{wave.affected_pct:.0f}",
            ", ".join(wave.devices),
            Text(wave.outcome, style=_outcome_style(wave)),
            gates if wave.gates else Text("not judged", style="dim"),
        )
        last = wave.txn
    failed = tuple(
        f"{wave.kind} wave {wave.number}, {gate.gate} {gate.verdict}: {gate.says}"
        for wave in waves
        for gate in wave.gates
        if gate.verdict != "PASSED"
    )
    return Group(table, _list(failed))


def _outcome_style(wave: WaveRow) -> str:
    """Going back is what the harmful candidate and the dead-man are there to show."""
    is_back = "revert" in wave.outcome
    return "green" if is_back == (wave.kind != "proven") else "bold red"


def _candidates(report: Report) -> Table:
    """Those that were measured, and doing nothing; the page has them all."""
    table = _grid("", "candidate", "moved %", "worst link", "load %", "why not")
    shown = [row for row in report.candidates if row.is_measured or not row.prefixes]
    for row in shown:
        table.add_row(
            Text("→" if row.is_chosen else "", style="bold green"),
            Text(row.label, style="bold" if row.is_chosen else ""),
            f"{row.moved_pct:.1f}",
            arrow(row.worst_failure),
            _load(row.worst_failure_pct, report.limit_pct),
            Text(_reason(row), style="dim"),
        )
    if left := len(report.candidates) - len(shown):
        table.add_row("", Text(f"and {left} more, estimated only", style="dim"))
    return table


def _reason(row: CandidateRow) -> str:
    how = "" if row.is_measured else " (estimated)"
    return ("chosen" if row.is_chosen else row.rejected_because) + how


def _triage(report: Report) -> Table:
    table = _grid("if this fails", "fullest link", "load %")
    for row in report.triage[:_TOP]:
        table.add_row(row.failure, arrow(row.worst_link), _load(row.load_pct, report.limit_pct))
    return table


def _feedback(report: Report) -> Table:
    table = _grid("link", "under failure", "forecast %", "shadow %", "came %")
    for row in report.feedback:
        table.add_row(
            arrow(row.link),
            row.under_failure or "none",
            f"{row.forecast_upper_pct:.1f}",
            "–" if row.shadow_pct is None else f"{row.shadow_pct:.1f}",  # noqa: RUF001 - a dash.
            f"{row.observed_pct:.1f}",
        )
    return table


def _load(load_pct: float, limit_pct: float) -> Text:
    return Text(f"{load_pct:.1f}", style="bold red" if load_pct >= limit_pct else "")


def _times(report: Report) -> Table:
    times = report.times
    table = _grid("profile", "settle", "soak", "dead-man")
    table.add_row(
        f"{times.profile} (this run)",
        seconds(times.settle_s),
        seconds(times.soak_s),
        seconds(times.dead_man_s),
    )
    table.add_row(
        "production's defaults",
        seconds(times.production_settle_s),
        seconds(times.production_soak_s),
        seconds(times.production_dead_man_s),
        style="dim",
    )
    return table


def _list(sentences: tuple[str, ...]) -> Table:
    table = Table.grid(padding=(0, 1))
    for sentence in sentences:
        table.add_row(Text("·", style="dim"), Text(sentence))
    return table
