"""A comparison of designs as one table: a row a design, the worst of its drills in each column."""

from collections.abc import Callable, Iterable

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.design_compare import Comparison
from foreshadow.experiment import Verdict
from scenarios.designs.design_comparison import DesignOutcome, DrillOutcome

_MARKS = {
    Verdict.PASSED: Text("✔", style="green"),
    Verdict.INCONCLUSIVE: Text("?", style="yellow"),
    Verdict.FAILED: Text("✘", style="red"),
}
_LEGEND = (
    "Each column shows the worst of a design's drills. tbl: from the fault to the last change of "
    "any forwarding table; pkt: the longest time no probe arrived. load: the fullest link. "
    "stretch: delay of the traffic over the least possible. churn: table entries one failure "
    "changed."
)
_HEADERS = (
    "up\ns",
    "down, ms\ntbl/pkt",
    "silent, ms\ntbl/pkt",
    "probes\nlost",
    "load, %\nok>fail",
    "stretch\nok>fail",
    "churn",
    "",
)


def comparison_text(found: Comparison) -> RenderableType:
    """The table with what has to be known to read it."""
    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=0,
    )
    table.add_column("design", no_wrap=True)
    for header in _HEADERS:
        table.add_column(header, justify="right", no_wrap=True)
    for outcome in found.designs:
        table.add_row(*_row(outcome))
    title = Text(f"Designs of {found.network}, under {', '.join(found.faults)}", style="bold")
    return Group(title, "", table, *_notes(found))


def _row(outcome: DesignOutcome) -> Iterable[RenderableType]:
    yield outcome.name
    yield _number(outcome.up_s, ".1f")
    for is_silent in (False, True):
        drills = [it for it in outcome.drills if it.is_silent is is_silent]
        tables = _worst(drills, lambda it: it.tables_ms)
        outage = _worst(drills, lambda it: it.outage_ms)
        yield f"{_number(tables, '.0f')}/{_number(outage, '.0f')}"
    yield str(sum(it.probes_lost for it in outcome.drills))
    load = _worst(outcome.drills, lambda it: it.worst_load)
    yield f"{_percent(outcome.worst_load)}>{_percent(load)}"
    stretch = _worst(outcome.drills, lambda it: it.stretch)
    yield f"{_number(outcome.stretch, '.2f')}>{_number(stretch, '.2f')}"
    yield _number(_worst(outcome.drills, lambda it: it.churn), ".0f")
    yield _MARKS[outcome.verdict]


def _worst(
    drills: Iterable[DrillOutcome], figure: Callable[[DrillOutcome], float | None]
) -> float | None:
    return max((it for drill in drills if (it := figure(drill)) is not None), default=None)


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _percent(ratio: float | None) -> str:
    return _number(None if ratio is None else 100 * ratio, ".0f")


def _notes(found: Comparison) -> Iterable[RenderableType]:
    for outcome in found.designs:
        if outcome.changes:
            yield Text(f"{outcome.name}: {', '.join(outcome.changes)}", style="dim")
    yield Text(_LEGEND, style="dim")
    yield Text(f"Traffic: {found.traffic}.", style="dim")
    for outcome in found.designs:
        if outcome.failure:
            yield Text(f"{outcome.name}: {outcome.failure}", style="red")
        for drill in outcome.drills:
            if drill.verdict is not Verdict.PASSED:
                reasons = "; ".join(drill.reasons[:2])
                yield Text(f"{outcome.name}, {drill.fault}: {reasons}", style="yellow")
    for left in found.left_out:
        yield Text(f"{left.name} was left out: {left.reason}", style="dim")
