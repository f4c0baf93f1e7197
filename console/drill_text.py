"""A drill's answer for a terminal: the verdict, its reasons, the checks, and what was measured."""

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.command_line import Exit
from console.report_story import arrow
from foreshadow.experiment import CheckFinding, ExperimentResult, Phase, Verdict

STYLES = {Verdict.PASSED: "green", Verdict.INCONCLUSIVE: "magenta", Verdict.FAILED: "bold red"}
_GLYPHS = {Verdict.PASSED: "✔", Verdict.INCONCLUSIVE: "?", Verdict.FAILED: "✘"}
_MOST_LINKS = 5


def render(result: ExperimentResult, *, where: str) -> RenderableType:
    """The whole answer.

    Args:
        result: Of the drill.
        where: Its evidence's folder; "" where there is none.
    """
    verdict = Text.assemble(
        (f"{_GLYPHS[result.verdict]} {result.verdict.name}", STYLES[result.verdict]),
        f"  {result.id}, {result.took_s:.1f} s",
    )
    parts: list[RenderableType] = ["", verdict]
    if result.verdict is not Verdict.PASSED:
        parts += [Text(f"  {reason}") for reason in result.reasons]
    if result.findings:
        parts += ["", _checks(result.findings)]
    parts += ["", *_measured(result), "", _loads(result)]
    parts += ["", Text(undone(result))]
    if where:
        parts.append(Text(f"Evidence: {where}"))
    return Group(*parts)


def _checks(findings: tuple[CheckFinding, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "when", "check", "measured"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        sign = Text(_GLYPHS[finding.verdict], style=STYLES[finding.verdict])
        table.add_row(sign, finding.moment, finding.check, arrow(finding.detail))
    return table


def _measured(result: ExperimentResult) -> list[RenderableType]:
    seen = result.convergence
    if seen is None:
        return [Text("No fault was measured.")]
    lines = [
        f"Convergence by packets: {seen.outage_ms:.0f} ms without a packet on the worst pair.",
        f"  {seen.probes_lost} of {seen.probes_sent} probes were lost.",
        f"Convergence by netlink: the last table changed after {seen.last_fib_change_ms:.0f} ms.",
    ]
    worst = seen.worst_pair
    if worst is not None and worst.probes_lost and worst.after is None:
        lines.append(
            f"From {worst.src} to {worst.address} nothing arrived again while the faults were in."
        )
    elif worst is not None and worst.meters_differ_ms is not None:
        lines.append(
            f"On {worst.src} to {worst.address} the two meters are "
            f"{worst.meters_differ_ms:.0f} ms apart."
        )
    return [Text(line) for line in lines]


def _loads(result: ExperimentResult) -> RenderableType:
    """The fullest links of the worst moment, beside before and after."""
    shown = shown_phases(result)
    if not shown or not any(phase.loads for phase in shown):
        return Text("No link's load is known.")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("link")
    for phase in shown:
        table.add_column(phase.name, justify="right")
    worst = max(shown, key=lambda phase: phase.worst.load_ratio if phase.loads else 0.0)
    for load in worst.loads[:_MOST_LINKS]:
        row = [arrow(load.link)]
        for phase in shown:
            ratio = next((it.load_ratio for it in phase.loads if it.link == load.link), None)
            row.append("down" if ratio is None else f"{ratio:.1%}")
        table.add_row(*row)
    lost = [f"{phase.lost_bps / 1e6:.1f}" for phase in shown]
    if any(phase.lost_bps > 1 for phase in shown):
        table.add_row("lost, Mbit/s", *lost, style="red")
    return table


def undone(result: ExperimentResult) -> str:
    """What became of what was injected, one sentence."""
    if not result.undo_verified:
        return "What was injected was NOT seen to be undone."
    if result.phase("undone") is None:
        return "Nothing was injected."
    return (
        "Everything injected was undone; kernels, configurations, tables and best paths were seen "
        "to be as before."
    )


def shown_phases(result: ExperimentResult) -> tuple[Phase, ...]:
    """Before, each window under the faults, and after."""
    return tuple(
        phase
        for phase in result.phases
        if phase.name in ("before", "undone") or phase.name.startswith("failed")
    )


def exit_status(verdict: Verdict) -> Exit:
    """What the shell is told."""
    return {
        Verdict.PASSED: Exit.PASSED,
        Verdict.INCONCLUSIVE: Exit.INCONCLUSIVE,
        Verdict.FAILED: Exit.FAILED,
    }[verdict]


def print_result(console: Console, result: ExperimentResult, *, where: str) -> None:
    """Show the answer."""
    console.print(render(result, where=where), soft_wrap=True)
