"""Geometry of the report's drawings: the network map, the forecast, loads side by side.

Only numbers and labels come out of here; `templates/` turns them into inline SVG whose colours are
CSS variables, so that one file is right in light, in dark and in print. That is why the drawings
are made by hand: an image library would bake its colours in, and cost a second to import.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from console.report_model import ForecastPoint, ForecastSeries, MapLink, Report
from console.report_story import arrow, moment, pct

_TICKS_MIN = (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
_MOST_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRow:
    """One link direction in the three moments, percent of capacity."""

    link: str
    capacity_gbps: float
    bars: tuple[tuple[str, float | None, str], ...]
    """(css class, percent or None where the link is cut, words)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Loads per link direction, the fullest under the failure first."""

    rows: tuple[BarRow, ...]
    scale_pct: float
    """What a full-width bar means."""
    limit_share: float
    """Where the limit is, 0 to 1 of the width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point worth naming."""

    x: float
    y: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastChart:
    """The forecast of the watched link as SVG paths.

    Attributes:
        band: Closed outline between median and upper quantile.
        came: The highest load that really followed within the horizon, as far as the run saw it.
    """

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    limit_y: float
    over: float
    """Height of the area above the limit, for its tint."""
    now: str
    median: str
    upper: str
    band: str
    naive_last: str
    """Empty where it is the load now, which is drawn already."""
    naive_day: str
    came: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    says: str


def bars(report: Report, most: int | None = None) -> Bars:
    """Loads of every link direction without failure, with it, and with the policy."""
    ranked = sorted(report.links, key=_weight, reverse=True)
    top = max((_weight(link) for link in ranked), default=0.0)
    scale = max(110.0, top * 1.15)  # Room for the number behind the longest bar.
    return Bars(
        rows=tuple(_bar_row(link) for link in ranked[:most]),
        scale_pct=scale,
        limit_share=report.limit_pct / scale,
    )


def _weight(link: MapLink) -> float:
    loads = (link.load_pct_no_failure, link.load_pct_failure, link.load_pct_failure_with_policy)
    return max(load for load in loads if load is not None)


def _bar_row(link: MapLink) -> BarRow:
    def says(load: float | None) -> str:
        return "cut" if load is None else pct(load)

    loads = (
        ("calm", link.load_pct_no_failure),
        ("bare", link.load_pct_failure),
        ("treated", link.load_pct_failure_with_policy),
    )
    return BarRow(
        link=arrow(f"{link.src}->{link.dst}"),
        capacity_gbps=link.capacity_gbps,
        bars=tuple((name, load, says(load)) for name, load in loads),
    )


def forecast_chart(
    series: ForecastSeries, *, width: float = 1080, height: float = 340
) -> ForecastChart | None:
    """The live steps of the watched link: what was, what was expected, what came.

    Returns:
        None where fewer than two points carry a time: nothing to draw a line through.
    """
    timed = [(at, point) for point in series.points if (at := moment(point.at)) is not None]
    if len(timed) < 2:
        return None
    left, right, top, bottom = 52.0, width - 84.0, 14.0, height - 30.0
    begin, end = timed[0][0], timed[-1][0]
    highest = max(
        series.limit_pct, *(max(p.now_pct, p.upper_pct, p.naive_day_pct) for _, p in timed)
    )
    ceiling = 10.0 * (int(highest * 1.04 / 10) + 1)

    def x(at: datetime) -> float:
        return left + (right - left) * ((at - begin) / (end - begin))

    def y(load_pct: float) -> float:
        return bottom - (bottom - top) * min(max(load_pct, 0.0), ceiling) / ceiling

    def line(value: Callable[[ForecastPoint], float]) -> str:
        return _path((x(at), y(value(point))) for at, point in timed)

    upper = [(x(at), y(point.upper_pct)) for at, point in timed]
    median = [(x(at), y(point.median_pct)) for at, point in timed]
    marks, says = _marks(timed, series, x, y)
    return ForecastChart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        limit_y=round(y(series.limit_pct), 1),
        over=round(y(series.limit_pct) - top, 1),
        now=line(lambda p: p.now_pct),
        median=line(lambda p: p.median_pct),
        upper=line(lambda p: p.upper_pct),
        band=_path([*upper, *reversed(median)]) + "Z",
        naive_last=line(lambda p: p.naive_last_pct) if _is_apart(timed) else "",
        naive_day=line(lambda p: p.naive_day_pct),
        came=_path((x(at), y(load)) for at, load in _came(timed, series.horizon_s)),
        x_ticks=_time_ticks(begin, end, x),
        y_ticks=tuple(
            Tick(at=round(y(value), 1), label=f"{value} %")
            for value in range(0, int(ceiling) + 1, 20)
        ),
        marks=marks,
        says=says,
    )


def _is_apart(timed: Sequence[tuple[datetime, ForecastPoint]]) -> bool:
    return any(abs(point.naive_last_pct - point.now_pct) > 0.05 for _, point in timed)


def _came(
    timed: Sequence[tuple[datetime, ForecastPoint]], horizon_s: int
) -> Iterable[tuple[datetime, float]]:
    """Per point the highest load in the horizon after it, where the run saw any of it."""
    horizon = timedelta(seconds=horizon_s)
    for index, (at, _) in enumerate(timed):
        ahead = [p.now_pct for later, p in timed[index + 1 :] if later - at <= horizon]
        if ahead:
            yield at, max(ahead)


def _marks(
    timed: Sequence[tuple[datetime, ForecastPoint]],
    series: ForecastSeries,
    x: Callable[[datetime], float],
    y: Callable[[float], float],
) -> tuple[tuple[Mark, ...], str]:
    """The first time the band crossed the limit, and the highest load that came."""
    peak_at, peak = max(timed, key=lambda item: item[1].now_pct)
    crossed = next(((at, p) for at, p in timed if p.upper_pct >= series.limit_pct), None)
    marks = [_mark(x(peak_at), y(peak.now_pct), f"{peak_at:%H:%M}: {pct(peak.now_pct)}")]
    says = f"The highest load was {pct(peak.now_pct)} at {peak_at:%H:%M} UTC."
    if series.policy_from is not None:
        since = datetime.fromisoformat(series.policy_from)
        says += f" From {since:%H:%M} on the policy is in force, and the load is the load with it."
    if crossed is None:
        return tuple(marks), f"The upper band never reached the limit. {says}"
    at, point = crossed
    marks.append(_mark(x(at), y(point.upper_pct), f"{at:%H:%M}: the limit is in the band"))
    lead = int((peak_at - at).total_seconds() // 60)
    ahead = f", {lead // 60} h {lead % 60:02d} min before the highest load" if lead > 0 else ""
    says = f"The upper band first reached the limit at {at:%H:%M} UTC{ahead}. {says}"
    return tuple(marks), says


def _mark(x: float, y: float, label: str) -> Mark:
    return Mark(x=round(x, 1), y=round(y, 1), label=label, anchor="start" if x < 540 else "end")


def _time_ticks(begin: datetime, end: datetime, x: Callable[[datetime], float]) -> tuple[Tick, ...]:
    minutes = (end - begin).total_seconds() / 60
    step = next((s for s in _TICKS_MIN if minutes / s <= _MOST_TICKS), _TICKS_MIN[-1])
    midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    first = -(-int((begin - midnight).total_seconds() // 60) // step)
    count = int(minutes // step) + 2
    at = (midnight + timedelta(minutes=step * (first + index)) for index in range(count))
    form = "%H:%M" if minutes <= 1440 else "%d %b %H:%M"
    return tuple(Tick(at=round(x(t), 1), label=f"{t:{form}}") for t in at if begin <= t <= end)


def _path(points: Iterable[tuple[float, float]]) -> str:
    return "".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))
