"""A copy of state and rates in a process of its own, which says how late everything reached it.

`python -m benchmarks._ingest_reader BOOTSTRAP PREFIX`. A line of JSON every fifth of a second and a
last one at SIGTERM: values applied so far, when the last one was, and how late they were since the
last SIGUSR1. Late is the time from when a source stamped a reading to when it was applied.
"""

import signal
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

import msgspec
import numpy as np

from console.kafka_bus import KafkaBus
from foreshadow.bus import Record
from foreshadow.clock import SystemClock, to_ns
from foreshadow.delta import Effect
from foreshadow.follower import Follower
from foreshadow.rate_follower import RateFollower
from foreshadow.settings import BusSettings
from foreshadow.topics import Topic

_SAY_S, _POLL_S, _BATCH = 0.2, 0.05, 2000
_BUCKET_NS = 100_000


class Applied(msgspec.Struct, frozen=True):
    """What the copies have taken in so far.

    Attributes:
        values: Changed values of the state.
        rows: Interface rows of rates.
        gaps: Deltas and frames that did not fit.
        at_ns: When the last of them was applied.
        late_p50_s: Half of the values were not later, over the last seconds.
        late_p99_s: All but one in a hundred were not.
        late_most_s: The latest.
    """

    values: int
    rows: int
    gaps: int
    at_ns: int
    late_p50_s: float
    late_p99_s: float
    late_most_s: float


@dataclass(slots=True)
class _Copies:
    state: Follower
    rates: RateFollower
    clock: SystemClock
    values: int = 0
    gaps: int = 0
    at_ns: int = 0
    late: Counter[int] = field(default_factory=Counter)
    """Values by how late they were, in tenths of a millisecond: memory that does not grow."""

    def take(self, record: Record) -> None:
        if record.topic is Topic.STATE:
            followed = self.state.take(record)
            if followed is not None:
                count = len(followed.delta.upserts)
                self.gaps += followed.effect not in (Effect.APPLIED, Effect.DUPLICATE)
                self.values += count
                self._note(followed.delta.observed_at_ns, count)
        elif (frame := self.rates.take(record)) is not None:
            self._note(frame.observed_at_ns, frame.row_count)

    def _note(self, observed_at_ns: int, count: int) -> None:
        if count:
            self.at_ns = to_ns(self.clock.now())
            self.late[(self.at_ns - observed_at_ns) // _BUCKET_NS] += count

    def said(self) -> Applied:
        p50, p99, most = _weighted(self.late)
        return Applied(
            values=self.values,
            rows=self.rates.counts.rows,
            gaps=self.gaps + self.rates.counts.gaps,
            at_ns=self.at_ns,
            late_p50_s=p50,
            late_p99_s=p99,
            late_most_s=most,
        )


def _weighted(late: Mapping[int, int]) -> tuple[float, float, float]:
    """Median, 99th percentile and maximum, each reading counting as often as it has values."""
    if not late:
        return 0.0, 0.0, 0.0
    buckets, counts = (np.asarray(column) for column in zip(*sorted(late.items()), strict=True))
    seconds, reached = buckets * _BUCKET_NS / 1e9, np.cumsum(counts) / np.sum(counts)
    p50, p99 = (float(seconds[int(np.searchsorted(reached, share))]) for share in (0.5, 0.99))
    return p50, p99, float(seconds[-1])


def main(bootstrap: str, prefix: str) -> None:
    """Follow until told to stop; SIGUSR1 forgets how late things were so far."""
    stop, forget = threading.Event(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGUSR1, lambda *_: forget.set())
    bus, clock = KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=prefix)), SystemClock()
    publisher = bus.publisher()
    copies = _Copies(
        Follower("bench", publisher, clock), RateFollower("bench", publisher, clock), clock
    )
    said_s = 0.0
    with closing(bus.subscribe(Topic.STATE, Topic.METRICS)) as subscription:
        while not stop.is_set():
            for record in subscription.poll(_POLL_S, _BATCH):
                copies.take(record)
            if forget.is_set():
                forget.clear()
                copies.late.clear()
            if clock.monotonic_s() >= said_s + _SAY_S:
                said_s = clock.monotonic_s()
                _say(copies.said())
            publisher.flush()
    _say(copies.said())


def _say(applied: Applied) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(applied) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
