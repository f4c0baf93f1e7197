"""The network coloured by load, as a picture: one lane a direction, what is down dashed."""

from pathlib import Path
from typing import TYPE_CHECKING

import networkx as nx

from console.whatif_answer import Answer, LinkAnswer
from console.whatif_ground import Site
from foreshadow.errors import ConfigError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Point = tuple[float, float]
_BANDS = (
    (0.25, "#7f9bb3", "below 25 %"),
    (0.5, "#2f7fb8", "25 to 50 %"),
    (0.85, "#e0a100", "50 to 85 %"),
    (1.0, "#e0641b", "85 to 100 %"),
    (float("inf"), "#c01533", "above 100 %"),
)
_CUT = "#444444"
_ROUTER = "#1c2733"
_LANE = 0.006
_LABELLED = 0.25
_SMALL = 150
_FEW_LINKS = 120
"""Up to this many directions every load is written beside its lane."""


def draw(found: Answer, site: Site, path: Path) -> None:
    """Write the picture; the name's ending says whether it is PNG, SVG or PDF.

    Raises:
        ConfigError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - slow to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    places = _places(site)
    figure = Figure(figsize=(14, 8.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_axis_off()
    axes.set_xlim(-0.08, 1.08)
    axes.set_ylim(-0.1, 0.72)
    axes.set_aspect("equal")
    axes.set_title(_title(found), loc="left", fontsize=13)
    ends = {
        str(direction): (str(direction.src), str(direction.dst), str(direction.link))
        for link in site.network.what_if.topology.links
        if not link.is_external
        for direction in link.directions()
    }
    busiest_last = sorted(found.links, key=lambda it: it.load_ratio or 0.0)
    for link in busiest_last:
        src, dst, name = ends[link.link]
        number = int(name.partition(".")[2] or 1)
        _lane(axes, link, (places[src], places[dst]), number, is_few=len(ends) <= _FEW_LINKS)
    size = 9 if len(places) <= 60 else 6
    alone = _cut_off(found, site)
    for router, (x, y) in places.items():
        is_alone = router in alone
        axes.plot(x, y, "X" if is_alone else "o", color=_ROUTER, markersize=size, zorder=5)
        axes.annotate(
            router,
            (x, y),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            fontsize=size,
            zorder=6,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.6},
        )
    _legend(axes)
    try:
        figure.savefig(path, dpi=120)
    except (OSError, ValueError) as error:
        raise ConfigError(f"the picture cannot be written: {error}", path=path) from error


def _cut_off(found: Answer, site: Site) -> frozenset[str]:
    """Routers with no link left."""
    cut = set(found.failure.cut)
    topology = site.network.what_if.topology
    up = {
        str(end.node)
        for link in topology.links
        if link.id not in cut and not link.is_external
        for end in (link.a, link.b)
    }
    return frozenset(str(node.id) for node in topology.nodes) - up


def _title(found: Answer) -> str:
    at = found.failure.at[-1]
    what = f"without {found.failure.failure}" if found.failure.cut else "no failure"
    said = f"{found.network}, {what}, {at.demand}: {at.worst_link} {at.worst_ratio:.1%}"
    lost = f", {at.lost_bps / 1e6:.0f} Mbit/s lost" if at.lost_bps else ""
    return said.replace("->", "→") + lost


def _lane(
    axes: "Axes", link: LinkAnswer, ends: tuple[_Point, _Point], number: int, *, is_few: bool
) -> None:
    (ax, ay), (bx, by) = ends
    length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 or 1.0
    ux, uy = (bx - ax) / length, (by - ay) / length
    off = _LANE * (2 * number - 1)
    # Right of travel, as on a road.
    x1, y1, x2, y2 = ax + uy * off, ay - ux * off, bx + uy * off, by - ux * off
    ratio = link.load_ratio
    colour = _CUT if ratio is None else next(it[1] for it in _BANDS if ratio < it[0])
    axes.annotate(
        "",
        (x2, y2),
        (x1, y1),
        arrowprops={
            "arrowstyle": "-" if link.is_cut else "-|>",
            "color": colour,
            "linewidth": 1.0 if ratio is None else 1.2 + 2.5 * min(ratio, 1.2),
            "linestyle": "--" if link.is_cut else "-",
            "shrinkA": 7,
            "shrinkB": 7,
        },
        zorder=2 + min(ratio or 0.0, 2.0),
    )
    if ratio is not None and (is_few or ratio >= _LABELLED):
        text = f"{100 * ratio:.0f}" if ratio < 0.5 else f"{100 * ratio:.1f}"
        # A figure is wider than it is high.
        x = (x1 + x2) / 2 + uy * (0.006 + 0.004 * len(text))
        y = (y1 + y2) / 2 - ux * 0.013
        axes.text(x, y, text, color=colour, fontsize=8, ha="center", va="center", zorder=6)


def _legend(axes: "Axes") -> None:
    for place, (_, colour, says) in enumerate(_BANDS):
        x = 0.02 + 0.16 * place
        axes.plot([x, x + 0.03], [-0.08, -0.08], color=colour, linewidth=3)
        axes.text(x + 0.037, -0.08, says, fontsize=9, va="center")
    x = 0.02 + 0.16 * len(_BANDS)
    axes.plot([x, x + 0.03], [-0.08, -0.08], color=_CUT, linewidth=1, linestyle="--")
    axes.text(x + 0.037, -0.08, "down", fontsize=9, va="center")


def _places(site: Site) -> dict[str, _Point]:
    """By latitude and longitude where all are known, else by the links; within 1 by 0.62."""
    routers = site.file.routers
    known = [(it.longitude, it.latitude) for it in routers]
    if all(x is not None and y is not None for x, y in known):
        raw = {it.name: (it.longitude or 0.0, it.latitude or 0.0) for it in routers}
    else:
        graph: nx.Graph[str] = nx.Graph([(link.a, link.b) for link in site.file.links])
        is_small = len(graph) <= _SMALL
        laid = nx.kamada_kawai_layout(graph) if is_small else nx.spring_layout(graph, seed=1)
        raw = {name: (float(x), float(y)) for name, (x, y) in laid.items()}
    xs, ys = [x for x, _ in raw.values()], [y for _, y in raw.values()]
    wide, high = max(xs) - min(xs) or 1.0, max(ys) - min(ys) or 1.0
    places = {n: ((x - min(xs)) / wide, 0.62 * (y - min(ys)) / high) for n, (x, y) in raw.items()}
    return _apart(places)


def _apart(places: dict[str, _Point]) -> dict[str, _Point]:
    """Routers of one city pulled apart until both can be read."""
    least = min(0.055, 0.5 / len(places) ** 0.5)
    moved = dict(places)
    for _ in range(40):
        is_clear = True
        names = sorted(moved)
        for index, a in enumerate(names):
            for b in names[index + 1 :]:
                (ax, ay), (bx, by) = moved[a], moved[b]
                gap = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
                if gap < least:
                    is_clear = False
                    ux, uy = ((bx - ax) / gap, (by - ay) / gap) if gap > 1e-6 else (0.6, 0.8)
                    push = (least - gap) / 2 + 1e-4
                    moved[a] = (ax - ux * push, ay - uy * push)
                    moved[b] = (bx + ux * push, by + uy * push)
        if is_clear:
            break
    return moved
