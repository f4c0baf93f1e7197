"""What each failure costs, the dearest first, and what does the same told once.

    cost = traffic that has no way + on every link the traffic above the limit    (bits per second)

One number, with its parts beside it. Of several demand matrices the last one decides the order:
give them from the mild to the severe.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from foreshadow.topology import DirectedLink
from scenarios.failures.cases import Case, Kind
from scenarios.failures.engine import Loaded, Survey

_SAME_WITHIN = 1e-9
"""Of all traffic: a difference that is rounding."""
_AT_ONCE = 2000
_ORDER = (Kind.LINK, Kind.SRLG, Kind.NODE, Kind.PAIR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one failure does at one demand.

    Attributes:
        lost_bps: Traffic that has no way.
        over_bps: Traffic above the limit, over all links.
        worst_link: The fullest direction; None where no link is up.
        worst_ratio: Its load over capacity.
    """

    lost_bps: float
    over_bps: float
    worst_link: DirectedLink | None
    worst_ratio: float

    @property
    def cost_bps(self) -> float:
        """What cannot be carried as it should."""
        return self.lost_bps + self.over_bps


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One failure and what it does at each demand.

    Attributes:
        like: Names of other failures that do exactly the same.
    """

    case: Case
    effects: tuple[Effect, ...]
    like: tuple[str, ...] = ()

    @property
    def severe(self) -> Effect:
        """What it does at the last demand."""
        return self.effects[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The failures that cost most.

    Attributes:
        rows: The dearest first, equals merged; no more than were asked for.
        tried: How many failures were tried.
        harmful: How many of them cost anything.
    """

    rows: tuple[Ranked, ...]
    tried: int
    harmful: int


def rank(
    loaded: Loaded,
    cases: Iterable[Case],
    *,
    limit_ratio: float,
    most: int | None = None,
    tell: Callable[[int], None] | None = None,
) -> Ranking:
    """Try every failure and keep the dearest.

    Args:
        loaded: The network and its traffic.
        cases: The failures; any number, they are taken some thousand at a time.
        limit_ratio: Load over capacity no link should pass.
        most: How many rows are wanted; all without it.
        tell: Told how many failures have been tried, now and then.
    """
    kept: list[_Found] = []
    tried = harmful = 0
    left = iter(cases)
    while batch := tuple(islice(left, _AT_ONCE)):
        survey = loaded.survey([case.cut for case in batch], limit_ratio=limit_ratio)
        tried += len(batch)
        harmful += int(((survey.lost_bps + survey.over_bps)[:, -1] > 0).sum())
        kept.extend(_found(batch, survey))
        if most is not None:
            # Equals are merged below, so some more than asked for are kept.
            kept = _merged(sorted(kept, key=_dearest_first), loaded)[: most + _AT_ONCE]
        if tell is not None:
            tell(tried)
    rows = _merged(sorted(kept, key=_dearest_first), loaded)[:most]
    return Ranking(rows=tuple(_said(row, loaded) for row in rows), tried=tried, harmful=harmful)


def effects_of(loaded: Loaded, cases: Sequence[Case], *, limit_ratio: float) -> tuple[Ranked, ...]:
    """What each failure does, in the order given, equals apart."""
    survey = loaded.survey([case.cut for case in cases], limit_ratio=limit_ratio)
    return tuple(_said(found, loaded) for found in _found(cases, survey))


@dataclass(frozen=True, slots=True)
class _Found:
    """A case and its row of the survey, before anything is put into words."""

    case: Case
    lost: tuple[float, ...]
    over: tuple[float, ...]
    worst: tuple[float, ...]
    arc: tuple[int, ...]
    sketch: tuple[float, ...]
    like: tuple[str, ...] = ()


def _found(batch: Sequence[Case], survey: Survey) -> Iterator[_Found]:
    columns = (
        survey.lost_bps,
        survey.over_bps,
        survey.worst_ratio,
        survey.worst_arc,
        survey.sketch,
    )
    rows = zip(*(map(tuple, column.tolist()) for column in columns), strict=True)
    for case, row in zip(batch, rows, strict=True):
        yield _Found(case, *row)


def _dearest_first(found: _Found) -> tuple[float, float, int, int, str]:
    """Equals come in the order in which a person would name them: the least failure first."""
    cost = found.lost[-1] + found.over[-1]
    return (
        -cost,
        -found.worst[-1],
        len(found.case.cut),
        _ORDER.index(found.case.kind),
        found.case.name,
    )


def _merged(ordered: list[_Found], loaded: Loaded) -> list[_Found]:
    """One row for all that do the same: equal loads on every link, and equal loss."""
    within = _SAME_WITHIN * np.maximum(loaded.offered_bps, 1.0)
    first: dict[tuple[int, ...], int] = {}
    rows: list[_Found] = []
    for found in ordered:
        marks = tuple(
            round(value / step)
            for values in (found.lost, found.over, found.sketch)
            for value, step in zip(values, within.tolist(), strict=True)
        )
        place = first.setdefault(marks, len(rows))
        if place == len(rows):
            rows.append(found)
        else:
            names = (found.case.name, *found.like)
            rows[place] = replace(rows[place], like=(*rows[place].like, *names))
    return rows


def _said(found: _Found, loaded: Loaded) -> Ranked:
    effects = tuple(
        Effect(
            lost_bps=lost,
            over_bps=over,
            worst_link=loaded.arcs[arc] if loaded.arcs else None,
            worst_ratio=worst,
        )
        for lost, over, worst, arc in zip(
            found.lost, found.over, found.worst, found.arc, strict=True
        )
    )
    return Ranked(case=found.case, effects=effects, like=found.like)
