"""Where every router and link direction goes on the map, and what is written beside it.

Latitude and longitude give the picture its shape; routers of one city are pulled apart until both
can be read. Each direction of a link is a lane of its own on the right-hand side of travel, with
its load beside it, so that a full direction is never hidden by an empty one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from console.report_model import MapLink, MapNode, Report
from console.report_story import arrow, pct

WIDTH, HEIGHT = 1080.0, 540.0
_MARGIN_X, _MARGIN_Y = 80.0, 52.0
_APART = 58.0
_LANE = 4.2
_LABEL = 11.0
_CHARACTER = 3.6  # Half a character of the labels, wide ones included.
_CLEAR = 13.0
_ROUNDS = 60

Point = tuple[float, float]


class Moment(StrEnum):
    """Which loads a map shows."""

    NO_FAILURE = "no_failure"
    FAILURE = "failure"
    WITH_POLICY = "failure_with_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A router."""

    name: str
    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One direction of a link."""

    x1: float
    y1: float
    x2: float
    y2: float
    head: str
    """Points of the arrow head."""
    label_x: float
    label_y: float
    label: str
    band: str
    """CSS class: `idle`, `light`, `busy`, `over` or `cut`."""
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkMap:
    """The network at one moment."""

    moment: Moment
    title: str
    worst: str
    is_over: bool
    dots: tuple[Dot, ...]
    lanes: tuple[Lane, ...]
    """The emptiest first, so that the fullest is drawn on top."""


TITLES = {
    Moment.NO_FAILURE: "Before: no failure",
    Moment.FAILURE: "Failure, no policy",
    Moment.WITH_POLICY: "Failure, with policy",
}


def network_maps(report: Report) -> tuple[NetworkMap, ...]:
    """The three maps: before, failure without policy, failure with it; none without loads."""
    if not report.routers or not report.links:
        return ()
    places = _places(report.routers, report.links)
    dots = _dots(places, report.links)
    return tuple(_map(report, moment, places, dots) for moment in Moment)


def load_band(load_pct: float | None, limit_pct: float) -> str:
    """Which of the legend's bands a load is in."""
    if load_pct is None:
        return "cut"
    if load_pct >= limit_pct:
        return "over"
    return "idle" if load_pct < 25 else "light" if load_pct < 50 else "busy"


def _map(
    report: Report, moment: Moment, places: Mapping[str, Point], dots: tuple[Dot, ...]
) -> NetworkMap:
    known = [link for link in report.links if link.src in places and link.dst in places]
    known.sort(key=lambda link: _load(link, moment, report.cut) or 0.0)
    fullest = known[-1]
    load = _load(fullest, moment, report.cut)
    return NetworkMap(
        moment=moment,
        title=TITLES[moment],
        worst=f"{arrow(f'{fullest.src}->{fullest.dst}')} {pct(load)}",
        is_over=load_band(load, report.limit_pct) == "over",
        dots=dots,
        lanes=tuple(_lane(link, moment, places, report) for link in known),
    )


def _load(link: MapLink, moment: Moment, cut: str) -> float | None:
    if moment is Moment.NO_FAILURE:
        return link.load_pct_no_failure
    if link.link == cut:
        return None
    if moment is Moment.FAILURE:
        return link.load_pct_failure
    return link.load_pct_failure_with_policy


def _lane(link: MapLink, moment: Moment, places: Mapping[str, Point], report: Report) -> Lane:
    (ax, ay), (bx, by) = places[link.src], places[link.dst]
    ux, uy = _unit(bx - ax, by - ay)
    # Right of travel: on a screen, where y grows downwards, that is (-uy, ux).
    nx, ny = -uy, ux
    x1, y1 = ax + ux * _CLEAR + nx * _LANE, ay + uy * _CLEAR + ny * _LANE
    x2, y2 = bx - ux * _CLEAR + nx * _LANE, by - uy * _CLEAR + ny * _LANE
    mid_x, mid_y = (x1 + x2) / 2, (y1 + y2) / 2
    load = _load(link, moment, report.cut)
    name = arrow(f"{link.src}->{link.dst}")
    label, band = _label(load, link, report.limit_pct), load_band(load, report.limit_pct)
    says = "cut" if load is None else f"{pct(load)} of {link.capacity_gbps:g} Gbit/s"
    return Lane(
        x1=round(x1, 1),
        y1=round(y1, 1),
        x2=round(x2, 1),
        y2=round(y2, 1),
        head=_head(x2, y2, ux, uy),
        label_x=round(mid_x + nx * (_LABEL + _CHARACTER * len(label)), 1),
        label_y=round(mid_y + ny * _LABEL, 1),
        label=label,
        band=band,
        title=f"{name}: {says}",
    )


def _label(load: float | None, link: MapLink, limit_pct: float) -> str:
    """Whole percents where little hangs on it; the word `cut` once for both directions."""
    if load is None:
        return "cut" if link.link.startswith(link.src) else ""
    return f"{load:.1f}" if load >= 50 or load >= limit_pct else f"{load:.0f}"


def _head(x: float, y: float, ux: float, uy: float) -> str:
    back_x, back_y = x - ux * 8, y - uy * 8
    corners = ((x, y), (back_x - uy * 4, back_y + ux * 4), (back_x + uy * 4, back_y - ux * 4))
    return " ".join(f"{cx:.1f},{cy:.1f}" for cx, cy in corners)


def _places(routers: Sequence[MapNode], links: Sequence[MapLink]) -> dict[str, Point]:
    """Positions on the canvas: true to the map, but never closer than a label is high."""
    squeeze = math.cos(math.radians(sum(r.latitude for r in routers) / len(routers)))
    raw = {r.name: (r.longitude * squeeze, -r.latitude) for r in routers}
    west, east = min(x for x, _ in raw.values()), max(x for x, _ in raw.values())
    north, south = min(y for _, y in raw.values()), max(y for _, y in raw.values())
    scale = min(
        (WIDTH - 2 * _MARGIN_X) / max(east - west, 1e-6),
        (HEIGHT - 2 * _MARGIN_Y) / max(south - north, 1e-6),
    )
    off_x = (WIDTH - (east - west) * scale) / 2
    off_y = (HEIGHT - (south - north) * scale) / 2
    places = {
        name: (off_x + (x - west) * scale, off_y + (y - north) * scale)
        for name, (x, y) in raw.items()
    }
    return _pulled_apart(places, links)


def _pulled_apart(places: dict[str, Point], links: Sequence[MapLink]) -> dict[str, Point]:
    """Move the router with fewer links into the open until no two are too close."""
    degree = {name: sum(link.src == name for link in links) for name in places}
    moved = dict(places)
    for _ in range(_ROUNDS):
        names = sorted(moved, key=lambda name: (degree[name], name))
        close = [
            (a, b)
            for index, a in enumerate(names)
            for b in names[index + 1 :]
            if math.dist(moved[a], moved[b]) < _APART - 0.5
        ]
        if not close:
            break
        for mover, stayer in close:
            dx, dy = moved[mover][0] - moved[stayer][0], moved[mover][1] - moved[stayer][1]
            if math.hypot(dx, dy) < 1.0:
                dx, dy = _open_direction(stayer, moved, links)
            ux, uy = _unit(dx, dy)
            x, y = moved[stayer]
            moved[mover] = (x + ux * _APART, y + uy * _APART)
    return moved


def _dots(places: Mapping[str, Point], links: Sequence[MapLink]) -> tuple[Dot, ...]:
    return tuple(_dot(name, places, links) for name in places)


def _dot(name: str, places: Mapping[str, Point], links: Sequence[MapLink]) -> Dot:
    x, y = places[name]
    ux, uy = _open_direction(name, places, links)
    # Beyond 0.4 the label clears the dot sideways; nearer the vertical it is centred on it.
    anchor = "start" if ux > 0.4 else "end" if ux < -0.4 else "middle"
    return Dot(
        name=name,
        x=round(x, 1),
        y=round(y, 1),
        label_x=round(x + ux * 13, 1),
        label_y=round(y + uy * 18 + 4, 1),
        anchor=anchor,
    )


def _open_direction(name: str, places: Mapping[str, Point], links: Sequence[MapLink]) -> Point:
    """The middle of the widest gap between a router's links: where its label is in no one's way."""
    x, y = places[name]
    angles = sorted(
        math.atan2(places[link.dst][1] - y, places[link.dst][0] - x)
        for link in links
        if link.src == name and link.dst in places and math.dist(places[link.dst], (x, y)) > 1.0
    )
    if not angles:
        return 0.0, 1.0
    turns = [*angles, angles[0] + 2 * math.pi]
    gap, start = max((after - before, before) for before, after in pairwise(turns))
    middle = start + gap / 2
    return math.cos(middle), math.sin(middle)


def _unit(dx: float, dy: float) -> Point:
    length = math.hypot(dx, dy) or 1.0
    return dx / length, dy / length
