"""Geometry of a drill's gap chart: which packets arrived around the injection, and which did not.

One lane a watched pair, red where its packets did not arrive; below them the changes of all
forwarding tables. Both meters on one axis: milliseconds from the injection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from console.charts import Tick
from scenarios.drills.drill_story import Event, Step
from scenarios.drills.evidence import Bundle

_WIDTH, _LEFT, _RIGHT, _TOP = 1080.0, 190.0, 92.0, 30.0
_LANE, _BAR, _BOTTOM = 30.0, 12.0, 34.0
_STEPS_MS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000)
_MOST_TICKS = 9
_SHOWN = frozenset({Step.INJECTED, Step.VERIFIED, Step.UNDOING})
_LEAST_SPAN_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch without arrivals."""

    x: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GapLane:
    """One watched pair."""

    name: str
    y: float
    gaps: tuple[Gap, ...]
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapMark:
    """Something that was done at a moment."""

    x: float
    label: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapChart:
    """Everything the drawing needs.

    Attributes:
        changes: Where a forwarding table changed.
    """

    width: float
    height: float
    left: float
    right: float
    bar: float
    lanes: tuple[GapLane, ...]
    changes: tuple[float, ...]
    changes_y: float
    changes_say: str
    marks: tuple[GapMark, ...]
    ticks: tuple[Tick, ...]
    axis_y: float


def gap_chart(bundle: Bundle) -> GapChart | None:
    """The chart of a drill; None where nothing was injected or watched."""
    injected = [event.at_s for event in bundle.timeline if event.step is Step.INJECTED]
    if not injected or not bundle.trails:
        return None
    zero_s = injected[0]
    undone = [event.at_s for event in bundle.timeline if event.step is Step.UNDOING]
    until_s = undone[0] if undone else float("inf")
    lost = [_gaps(sent_s, arrived) for _, sent_s, arrived in bundle.trails]
    inside = [[(a, b) for a, b in gaps if zero_s - 0.05 <= a < until_s] for gaps in lost]
    changed = [it.at_s for it in bundle.changes if zero_s <= it.at_s < until_s]
    last_s = max([zero_s, *changed, *(b for gaps in inside for _, b in gaps)])
    span_s = max(_LEAST_SPAN_S, last_s - zero_s)
    begin_s, end_s = zero_s - 0.15 * span_s, zero_s + 1.15 * span_s
    plot = _WIDTH - _LEFT - _RIGHT

    def x(at_s: float) -> float:
        share = (at_s - begin_s) / (end_s - begin_s)
        return round(_LEFT + plot * min(max(share, 0.0), 1.0), 1)

    lanes = tuple(
        GapLane(
            name=name.replace(">", " → "),
            y=_TOP + _LANE * number,
            gaps=tuple(Gap(x=x(a), width=round(max(1.0, x(b) - x(a)), 1)) for a, b in gaps),
            says=_says(gaps),
        )
        for number, ((name, _, _), gaps) in enumerate(zip(bundle.trails, inside, strict=True))
    )
    changes_y = _TOP + _LANE * len(lanes)
    return GapChart(
        width=_WIDTH,
        height=changes_y + _LANE + _BOTTOM,
        left=_LEFT,
        right=_WIDTH - _RIGHT,
        bar=_BAR,
        lanes=lanes,
        changes=tuple(sorted({x(at_s) for at_s in changed})),
        changes_y=changes_y,
        changes_say=f"{1e3 * (max(changed) - zero_s):.0f} ms" if changed else "none",
        marks=tuple(
            GapMark(x=x(event.at_s), label=event.step.value, anchor="start")
            for event in _marked(bundle.timeline, begin_s, end_s)
        ),
        ticks=_ticks(zero_s, begin_s, end_s, x),
        axis_y=changes_y + _LANE,
    )


def _gaps(sent_s: np.ndarray, arrived: np.ndarray) -> list[tuple[float, float]]:
    """Stretches of probes that did not arrive, each until the next one was sent."""
    found: list[tuple[float, float]] = []
    numbers = range(len(sent_s))
    for came, group in groupby(numbers, key=lambda number: bool(arrived[number])):
        if came:
            continue
        run = list(group)
        end = min(run[-1] + 1, len(sent_s) - 1)
        found.append((float(sent_s[run[0]]), float(sent_s[end])))
    return found


def _says(gaps: list[tuple[float, float]]) -> str:
    return f"{1e3 * sum(b - a for a, b in gaps):.0f} ms" if gaps else "no loss"


def _marked(timeline: tuple[Event, ...], begin_s: float, end_s: float) -> list[Event]:
    """The first event of each kind that is shown and lies in view."""
    known: dict[Step, Event] = {}
    for event in timeline:
        if event.step in _SHOWN and begin_s <= event.at_s <= end_s:
            known.setdefault(event.step, event)
    return list(known.values())


def _ticks(
    zero_s: float, begin_s: float, end_s: float, x: Callable[[float], float]
) -> tuple[Tick, ...]:
    span_ms = 1e3 * (end_s - begin_s)
    step = next((each for each in _STEPS_MS if span_ms / each <= _MOST_TICKS), _STEPS_MS[-1])
    first = int(1e3 * (begin_s - zero_s) // step) + 1
    marks = (step * number for number in range(first, first + _MOST_TICKS + 2))
    return tuple(
        Tick(at=x(zero_s + at_ms / 1e3), label=f"{at_ms:g} ms")
        for at_ms in marks
        if zero_s + at_ms / 1e3 <= end_s
    )
