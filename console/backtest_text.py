"""A backtest in words: a table for people, a line of JSON for each series and horizon."""

import textwrap
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import numpy as np
from rich.table import Table

from forecast.backtest import Judged, SeriesScore
from forecast.model import LEVELS
from forecast.spikes import total

_MOST_ROWS = 12
_LONGEST_NAME = 28


def json_lines(judged: Judged) -> Iterator[str]:
    """One object per series and horizon."""
    return (msgspec.json.encode(_fields(score, judged)).decode() for score in judged.scores)


def tables(judged: Judged) -> Iterator[Table]:
    """What the forecasts err, and what their alarms are worth; worst series first."""
    errors = _Table(
        "Peak within the horizon, predicted then learnt: WAPE in %, and bounds that held in %",
        *("forecast", "last", "day", "last+delta", "to last", "P90", "P95", "P99"),
    )
    spikes = _Table(
        "Spikes seen in time, alarm threshold for 1 % false alarms set on the two weeks before",
        *("spikes", "recall", "Wilson 95 %", "precision", "lead", "false", "last", "last+delta"),
    )
    for horizon in sorted({score.horizon for score in judged.scores}):
        scores = [score for score in judged.scores if score.horizon == horizon]
        scores.sort(key=lambda score: -(score.wape_pct or 0.0) * (score.mean_peak or 0.0))
        shown = [_together(scores)] if len(scores) > 1 else []
        for score in [*shown, *scores[:_MOST_ROWS]]:
            errors.add(score, _errors(score))
            spikes.add(score, _spikes(score, judged))
        errors.end(len(scores) - _MOST_ROWS)
        spikes.end(len(scores) - _MOST_ROWS)
    yield errors.table
    yield spikes.table


class _Table:
    """A table with a row for each series and horizon."""

    def __init__(self, title: str, *headings: str) -> None:
        self.table = Table(title=title, title_justify="left")
        self.table.add_column("series", overflow="fold")
        for heading in ("horizon", *headings):
            self.table.add_column(heading, justify="right")

    def add(self, score: SeriesScore, cells: Sequence[str]) -> None:
        name = textwrap.shorten(score.series, _LONGEST_NAME, placeholder="...")
        self.table.add_row(name, span_text(score.horizon), *cells)

    def end(self, left_out: int) -> None:
        if left_out > 0:
            self.table.add_row(f"{left_out} more: --json")
        self.table.add_section()


def _together(scores: list[SeriesScore]) -> SeriesScore:
    """All series as one, each by what it carries; coverage by its predictions."""
    known = [score for score in scores if score.wape_pct is not None]
    sums = np.asarray([score.n * (score.mean_peak or 0.0) for score in known])
    counts = np.asarray([score.n for score in known])

    def mean(values: list[float | None], weights: np.ndarray) -> float | None:
        if not values or any(value is None for value in values) or not weights.sum():
            return None
        return float(np.average(np.asarray(values, dtype=np.float64), weights=weights))

    naive = known[0].wape_naive_pct if known else {}
    levels = known[0].coverage_pct if known else {}
    return SeriesScore(
        series=f"all {len(scores)}",
        horizon=scores[0].horizon,
        n=sum(score.n for score in scores),
        mean_peak=float(sums.sum() / counts.sum()) if known and counts.sum() else None,
        wape_pct=mean([it.wape_pct for it in known], sums),
        wape_naive_pct={
            name: mean([it.wape_naive_pct[name] for it in known], sums) for name in naive
        },
        coverage_pct={lvl: mean([it.coverage_pct[lvl] for it in known], counts) for lvl in levels},
        pinball_pct={lvl: mean([it.pinball_pct[lvl] for it in known], sums) for lvl in levels},
        spikes=total([score.spikes for score in scores]),
        spikes_last=total([score.spikes_last for score in scores]),
        spikes_day_delta=total([score.spikes_day_delta for score in scores]),
    )


def _errors(score: SeriesScore) -> tuple[str, ...]:
    naive, last = score.wape_naive_pct, score.wape_naive_pct.get("last")
    ratio = score.wape_pct / last if score.wape_pct is not None and last else None
    return (
        *(_number(it) for it in (score.wape_pct, last, naive.get("day"), naive.get("day_delta"))),
        "-" if ratio is None else f"{ratio:.3f}",
        *(_number(score.coverage_pct.get(level)) for level in LEVELS),
    )


def _spikes(score: SeriesScore, judged: Judged) -> tuple[str, ...]:
    found, lead = score.spikes, score.spikes.median_lead
    low, high = found.recall_interval
    return (
        str(found.events),
        _share(found.recall),
        f"{100 * low:.0f} to {100 * high:.0f} %" if found.events else "-",
        _share(found.precision),
        "-" if lead is None else span_text(lead * judged.past.step),
        "-" if found.false_alarm_share is None else f"{100 * found.false_alarm_share:.1f} %",
        _share(score.spikes_last.recall),
        _share(score.spikes_day_delta.recall),
    )


def _fields(score: SeriesScore, judged: Judged) -> dict[str, Any]:
    step, spikes = judged.past.step, score.spikes
    interval = spikes.recall_interval if spikes.events else (None, None)
    lead = spikes.median_lead
    fields: dict[str, Any] = {
        "series": score.series,
        "step_s": _seconds(step),
        "horizon_s": _seconds(score.horizon),
        "n": score.n,
        "wape_pct": score.wape_pct,
        "wape_last_value_pct": score.wape_naive_pct["last"],
        "wape_best_naive_pct": score.wape_best_naive_pct,
        "coverage_p95_pct": score.coverage_pct[0.95],
        "pinball_p95": _scaled(score.pinball_pct[0.95], score.mean_peak),
        "mean_peak": score.mean_peak,
        "warm_up_s": _seconds(judged.warm_up * step),
        "wape_naive_pct": {name: _rounded(it) for name, it in score.wape_naive_pct.items()},
        "coverage_p90_pct": score.coverage_pct[0.9],
        "coverage_p99_pct": score.coverage_pct[0.99],
        "pinball_p90": _scaled(score.pinball_pct[0.9], score.mean_peak),
        "pinball_p99": _scaled(score.pinball_pct[0.99], score.mean_peak),
        "spikes": spikes.events,
        "spike_recall": spikes.recall,
        "spike_recall_low": interval[0],
        "spike_recall_high": interval[1],
        "spike_precision": spikes.precision,
        "spike_false_alarm_share": spikes.false_alarm_share,
        "spike_lead_s": None if lead is None else _seconds(lead * step),
        "spike_recall_last_value": score.spikes_last.recall,
        "spike_recall_day_delta": score.spikes_day_delta.recall,
    }
    return {
        name: _rounded(value) if isinstance(value, float) else value
        for name, value in fields.items()
    }


def _scaled(pct: float | None, mean: float | None) -> float | None:
    """A share of the mean peak in the unit of the series."""
    return None if pct is None or mean is None else pct / 100 * mean


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())


def _rounded(value: float | None) -> float | None:
    """Six significant digits: more would claim too much."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.6g}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def span_text(span: timedelta) -> str:
    """A time as people say it: `5 min`, `1.5 h`, `7 days`."""
    minutes = span / timedelta(minutes=1)
    if minutes >= 2 * 1440:
        return f"{minutes / 1440:.3g} days"
    return f"{minutes / 60:.3g} h" if minutes >= 60 else f"{minutes:g} min"
