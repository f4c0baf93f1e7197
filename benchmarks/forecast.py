"""What a forecast costs and what it is worth.

`python -m benchmarks.forecast [--json] [--only NAME]`. Cost is processor time of one core. Worth is
measured on public traffic (`FORESHADOW_SHARED_DATA`), predicted then learnt, beside last value and
river's Holt-Winters in the same run: Abilene's second week, links loaded by its OSPF weights, and
A5M after its first fourteen days. Which data settings were chosen on: `docs/forecasting.md`.
"""

import os
import pickle
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from river import time_series

from benchmarks._report import NotMeasured, Row, median_row, run
from console.link_series import link_loads
from console.series_file import read_series
from forecast.backtest import Judged, Past, backtest, coming_peaks, usual_warm_up
from forecast.history import Array, History
from forecast.model import PeakModel
from forecast.spikes import total
from ingest.topologies.reading import read_topology

_STEP = timedelta(minutes=5)
_DAY = 288
_HORIZONS = (3, 12, 36, 72)
_LINKS = 5000
_TICKS = 10
_START = datetime(2024, 1, 1, tzinfo=UTC)
_MATRICES = "traffic/abilene_tm_5min_20040301-20040314_mbps.csv.gz"
_TOPOLOGY = "topologies/abilene_zhang_12n30l.tsv"
_A5M = "traffic/internet-traffic-data-in-bits-fr_EU_5m.csv"


def cost_per_tick() -> Iterator[Row]:
    """5,000 links at four horizons, everything awake: learn what is settled, predict, bound."""
    live = _Live(_LINKS)
    for _ in range(max(_HORIZONS) + 3):
        live.tick()
    yield median_row(
        "5,000 links x 4 horizons, a tick", [live.tick() for _ in range(_TICKS)], "s", 2.0
    )


def memory() -> Iterator[Row]:
    """What is kept for one series at four horizons, with a week of history."""
    few = 200
    live = _Live(few)
    for _ in range(max(_HORIZONS) + 3):
        live.tick()
    size = len(pickle.dumps((live.history, live.models), protocol=pickle.HIGHEST_PROTOCOL))
    yield median_row("kept for a series, 4 horizons", [size / few / 1024], "KiB", None)


def abilene() -> Iterator[Row]:
    """30 links, second week: WAPE over last value's, beside Holt-Winters'."""
    matrix = read_series(_shared(_MATRICES))
    names, loads = link_loads(matrix, read_topology(_shared(_TOPOLOGY)))
    past = Past(names=names, start=matrix.start, step=matrix.step, values=loads)
    yield from _worth("Abilene", past, {12: 0.68, 36: 0.64})


def a5m() -> Iterator[Row]:
    """One transatlantic link, 37 days: WAPE, coverage, and spikes seen in time."""
    file = read_series(_shared(_A5M))
    past = Past(names=("A5M",), start=file.start, step=file.step, values=file.values)
    yield from _worth("A5M", past, {72: 14.5 / 26.8})


class _Live:
    """Synthetic links with a daily cycle, nine days old."""

    def __init__(self, n_series: int) -> None:
        self._rng = np.random.default_rng(1)
        self._phase = self._rng.uniform(0, 1, n_series)
        self._scale = 10 ** self._rng.uniform(6, 10, n_series)
        self._number = 0
        self.history = History(n_series, 7 * _DAY + 1)
        self.models = [PeakModel(n_series, steps, step=_STEP) for steps in _HORIZONS]
        while self._number < 9 * _DAY:
            self._append()

    def tick(self) -> float:
        """One interval of all links; its processor time in seconds."""
        self._append()
        begun_s = time.process_time()
        for model in self.models:
            model.step(self.history, _START + self._number * _STEP)
        return time.process_time() - begun_s

    def _append(self) -> None:
        wave = 0.5 * np.sin(2 * np.pi * (self._number / _DAY + self._phase))
        noise = self._rng.normal(0, 0.05, len(wave))
        self.history.append(self._scale * np.exp(wave + noise))
        self._number += 1


def _worth(name: str, past: Past, targets: dict[int, float]) -> Iterator[Row]:
    warm_up = usual_warm_up(len(past.values), past.step)
    horizons = (12, 36, 72)
    begun_s = time.process_time()
    judged = backtest(past, horizons, warm_up=warm_up)
    yield _row(f"{name}: the backtest", time.process_time() - begun_s, "s")
    for steps in horizons:
        label = f"{name} {steps // 12} h"
        wapes = _wapes(judged, steps)
        yield _row(f"{label}: WAPE", wapes["forecast"], "%")
        yield _row(f"{label}: WAPE of last value", wapes["last"], "%")
        yield _row(f"{label}: WAPE of last + day delta", wapes["day_delta"], "%")
        yield _row(f"{label}: WAPE of the same window yesterday", wapes["day"], "%")
        peer = _holt_winters(past, steps, warm_up)
        yield _row(f"{label}: WAPE of river HoltWinters, highest of its path", peer, "%")
        yield _row(
            f"{label}: over last value's",
            wapes["forecast"] / wapes["last"],
            "x",
            targets.get(steps),
        )
        scores = [score for score in judged.scores if score.horizon == steps * past.step]
        for level in (0.9, 0.95, 0.99):
            held = [score.coverage_pct[level] or 0.0 for score in scores]
            yield _row(f"{label}: P{100 * level:.0f} held", float(np.mean(held)), "%")
        spikes = total([score.spikes for score in scores])
        if spikes.events:
            low, high = spikes.recall_interval
            of = f"{label}: {spikes.seen} of {spikes.events} spikes seen"
            yield _row(of, 100 * spikes.seen / spikes.events, "%")
            yield _row(f"{of}, Wilson low", 100 * low, "%")
            yield _row(f"{of}, Wilson high", 100 * high, "%")
            yield _row(f"{label}: false alarms", 100 * (spikes.false_alarm_share or 0.0), "%")


def _wapes(judged: Judged, steps: int) -> dict[str, float]:
    """Over all series together, each by what it carries."""
    scores = [
        score
        for score in judged.scores
        if score.horizon == steps * judged.past.step and score.wape_pct is not None
    ]
    weights = np.asarray([score.n * (score.mean_peak or 0.0) for score in scores])

    def mean(values: list[float | None]) -> float:
        return float(np.average(np.asarray(values, dtype=np.float64), weights=weights))

    return {
        "forecast": mean([score.wape_pct for score in scores]),
        **{name: mean([score.wape_naive_pct[name] for score in scores]) for name in _NAIVE},
    }


_NAIVE = ("last", "day_delta", "day")


def _holt_winters(past: Past, steps: int, warm_up: int) -> float:
    """River's Holt-Winters on logarithms, one for each series: WAPE in percent."""
    peaks = coming_peaks(past.values, steps)
    errors = summed = 0.0
    for row in range(len(past.names)):
        logs: Array = np.log(np.maximum(past.values[:, row], 1e-9))
        model = time_series.HoltWinters(  # type: ignore[no-untyped-call]
            alpha=0.2, beta=0.002, gamma=0.2, seasonality=_DAY
        )
        for number, value in enumerate(logs.tolist()):
            model.learn_one(value)  # type: ignore[no-untyped-call]
            if number >= warm_up and np.isfinite(peaks[number, row]):
                path = model.forecast(horizon=steps)  # type: ignore[no-untyped-call]
                said = np.exp(max(path))
                errors += abs(said - peaks[number, row])
                summed += peaks[number, row]
    return 100 * errors / summed


def _row(name: str, value: float, unit: str, target: float | None = None) -> Row:
    return median_row(name, [value], unit, target)


def _shared(name: str) -> Path:
    folder = Path(os.environ.get("FORESHADOW_SHARED_DATA", "../shared/data"))
    if not (folder / name).is_file():
        raise NotMeasured(f"no {folder / name}; set FORESHADOW_SHARED_DATA")
    return folder / name


if __name__ == "__main__":
    run("What a forecast costs and is worth", (cost_per_tick, memory, abilene, a5m))
