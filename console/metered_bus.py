"""The bus with a meter on it: what goes in and out, and how far behind the reading is.

Around the real bus, so that every process is measured alike and no room has to count for itself.
"""

from collections.abc import Sequence

import msgspec

from foreshadow.bus import Bus, Positions, Publisher, Record, Subscription
from foreshadow.codec import from_json
from foreshadow.meter import (
    BYTES_READ,
    BYTES_WRITTEN,
    LAG,
    RECORDS_READ,
    RECORDS_WRITTEN,
    REJECTS,
    Meter,
)
from foreshadow.telemetry import Rejected
from foreshadow.topics import Topic
from ingest.rejects import plain_reason

_MOST_REASONS = 40
_LONGEST_REASON = 60


class MeteredBus:
    """Counts what passes through another bus."""

    def __init__(self, bus: Bus, meter: Meter) -> None:
        """Count on that meter."""
        self._bus, self._meter = bus, meter

    def subscribe(self, *topics: Topic, begin: Positions | None = None) -> Subscription:
        """As the bus does, counted."""
        return _MeteredSubscription(self._bus.subscribe(*topics, begin=begin), topics, self._meter)

    def ends(self, *topics: Topic) -> Positions:
        """As the bus does."""
        return self._bus.ends(*topics)

    def publisher(self) -> Publisher:
        """As the bus does, counted."""
        return _MeteredPublisher(self._bus.publisher(), self._meter)


class _MeteredSubscription:
    def __init__(self, inner: Subscription, topics: Sequence[Topic], meter: Meter) -> None:
        self._inner, self._meter = inner, meter
        self._names = ",".join(sorted(topics))

    def poll(self, timeout_s: float, max_records: int = 1000) -> Sequence[Record]:
        records = self._inner.poll(timeout_s, max_records)
        counts: dict[Topic, tuple[int, int]] = {}
        for record in records:
            number, size = counts.get(record.topic, (0, 0))
            counts[record.topic] = number + 1, size + len(record.value)
        for topic, (number, size) in counts.items():
            self._meter.count(RECORDS_READ, number, topic=topic)
            self._meter.count(BYTES_READ, size, topic=topic)
        self._meter.level(LAG, self._inner.lag(), topics=self._names)
        return records

    def is_caught_up(self) -> bool:
        return self._inner.is_caught_up()

    def positions(self) -> Positions:
        return self._inner.positions()

    def lag(self) -> int:
        return self._inner.lag()

    def close(self) -> None:
        self._inner.close()


class _MeteredPublisher:
    def __init__(self, inner: Publisher, meter: Meter) -> None:
        self._inner, self._meter = inner, meter
        self._reasons: set[str] = set()

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        self._inner.publish(topic, key, value)
        self._meter.count(RECORDS_WRITTEN, topic=topic)
        self._meter.count(BYTES_WRITTEN, len(value), topic=topic)
        if topic is Topic.REJECT:
            self._count_reject(value)

    def flush(self) -> None:
        self._inner.flush()

    def _count_reject(self, value: bytes) -> None:
        """By what stands before the particulars."""
        try:
            rejected = from_json(value, Rejected)
        except msgspec.DecodeError:
            self._meter.count(REJECTS, reason="unreadable")
        else:
            self._meter.count(REJECTS, rejected.count, reason=self._reason(rejected.reason))

    def _reason(self, text: str) -> str:
        """The reason's class; a flood of reasons is one of them."""
        reason = reason_class(text)
        if reason not in self._reasons and len(self._reasons) >= _MOST_REASONS:
            return "other"
        self._reasons.add(reason)
        return reason


def reason_class(text: str) -> str:
    """A reason without its particulars, and no more than two clauses of it."""
    head, _, tail = plain_reason(text).partition(": ")
    clause = f"{head}: {tail.partition(': ')[0]}" if tail else head
    return clause[:_LONGEST_REASON]
