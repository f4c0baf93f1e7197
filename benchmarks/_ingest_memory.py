"""Memory of the ingest process and of a copy of the state, while updates come over the broker."""

import sys
from collections.abc import Iterator

import numpy as np

from benchmarks._ingest_path import ingest_path
from benchmarks._report import Row
from foreshadow.clock import SystemClock

_PER_S, _SAMPLE_S = 10_000, 2.0
_MOST_GROWTH_MIB = 8.0

_clock = SystemClock()


def memory_flat() -> Iterator[Row]:
    """A minute of 10,000 updates a second."""
    yield from _memory(1)


def memory_flat_30_min() -> Iterator[Row]:
    """Half an hour of it."""
    yield from _memory(30)


def _memory(minutes: float) -> Iterator[Row]:
    """Memory of ingest and of a copy while updates come; the first third is for warming up."""
    with ingest_path() as path:
        path.open_state()
        series: list[tuple[float, float, float]] = []
        begun_s = sampled_s = _clock.monotonic_s()
        for _ in path.pace(path.patches, _PER_S, 60 * minutes):
            now_s = _clock.monotonic_s()
            if now_s >= sampled_s + _SAMPLE_S:
                sampled_s = now_s
                series.append(((now_s - begun_s) / 3600, path.rss_mib(0), path.rss_mib(1)))
    hours, ingest, copy = (np.asarray(column) for column in zip(*series, strict=True))
    for name, rss in (("ingest", ingest), ("a copy", copy)):
        warm = len(rss) // 3
        slope = float(np.polyfit(hours[warm:], rss[warm:], 1)[0])
        tenths = ", ".join(f"{value:.0f}" for value in rss[:: max(1, len(rss) // 10)])
        sys.stderr.write(f"memory of {name}, MiB over {minutes:g} min: {tenths}\n")
        when = f"{_PER_S:,} updates/s for {minutes:g} min"
        yield Row(
            name=f"memory of {name}, growth after a third of {when}",
            value=float(rss[-1] - rss[warm]),
            unit="MiB",
            target=None if minutes < 30 else _MOST_GROWTH_MIB,
            repetitions=len(rss) - warm,
        )
        yield Row(
            name=f"memory of {name}, slope of the same, {rss[-1]:.0f} MiB at its end",
            value=slope,
            unit="MiB/h",
            target=None,
            repetitions=len(rss) - warm,
        )
