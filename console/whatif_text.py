"""The model's answer for a terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console.report_story import arrow
from console.whatif_answer import Answer, DemandAnswer, LinkAnswer

_BUSY = 0.5


def render(found: Answer, *, most: int) -> RenderableType:
    """The whole answer: what was asked, what it costs, and the links or failures behind it."""
    parts: list[RenderableType] = [_heading(found), ""]
    parts.append(_ranking(found) if found.ranking else _links(found.links[:most], found))
    if found.ranking:
        first = found.ranking[0].failure
        parts += ["", Text(f"Links under {first}:"), _links(found.links[:5], found)]
    if found.assumptions:
        parts += ["", *(Text(f"assumed: {it}", style="dim") for it in found.assumptions)]
    return Group(*parts)


def _heading(found: Answer) -> Text:
    now = found.without_failure.at[-1]
    said = Text(f"{found.network}, {_bps(now.offered_bps)} at {now.demand}")
    said.append(f"\nwithout failure  {_effect(now)}")
    if found.ranking:
        said.append(
            f"\n{found.tried} failures tried in {found.took_s:.3g} s; {found.harmful} lose traffic "
            f"or pass {found.limit_ratio:.0%}"
        )
    elif found.failure.failure:
        said.append(f"\nwithout {found.failure.failure}  {_effect(found.failure.at[-1])}")
    return said


def _effect(at: DemandAnswer) -> str:
    said = f"{arrow(at.worst_link)} {at.worst_ratio:.1%}"
    if at.over_bps:
        said += f", {_bps(at.over_bps)} above the limit"
    if at.lost_bps:
        said += f", {_bps(at.lost_bps)} lost"
    return said


def _ranking(found: Answer) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("failure", "lost", "over", "fullest link", "load"):
        table.add_column(column, justify="left" if "l" in column[:5] and " " in column else "right")
    table.columns[0].justify = "left"
    milder = [at.demand for at in found.without_failure.at[:-1]]
    for demand in milder:
        table.add_column(f"at {demand}", justify="right")
    for row in found.ranking:
        at = row.at[-1]
        more = f" (and {len(row.like)} alike)" if row.like else ""
        table.add_row(
            row.failure + more,
            _bps(at.lost_bps) if at.lost_bps else "",
            _bps(at.over_bps) if at.over_bps else "",
            arrow(at.worst_link),
            Text(f"{at.worst_ratio:.1%}", style=_style(at.worst_ratio, found.limit_ratio)),
            *(f"{milder.worst_ratio:.1%}" for milder in row.at[:-1]),
        )
    return table


def _links(links: tuple[LinkAnswer, ...], found: Answer) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("link")
    for column in ("capacity", "before", "load", ""):
        table.add_column(column, justify="right")
    for it in links:
        table.add_row(
            arrow(it.link),
            _bps(it.capacity_bps),
            "" if it.before_ratio is None else f"{it.before_ratio:.1%}",
            "cut"
            if it.is_cut
            else Text(
                "?" if it.load_ratio is None else f"{it.load_ratio:.1%}",
                style=_style(it.load_ratio or 0.0, found.limit_ratio),
            ),
            _bps(it.load_bps),
        )
    return table


def _style(ratio: float, limit: float) -> str:
    return "bold red" if ratio > limit else "yellow" if ratio > _BUSY else ""


def _bps(value: float) -> str:
    for unit, factor in (("Tbit/s", 1e12), ("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)):
        if value >= factor:
            return f"{value / factor:.4g} {unit}"
    return f"{value:.3g} bit/s"
