"""The bus in memory: what `console/kafka_bus.py` does, without a broker.

Stands for Kafka in unit tests. Faithful in what rooms rely on: records are in order per key, every
subscription begins at the beginning, a subscription is caught up once it has read what was there
when it began, and nothing published is seen before it was published. It has one partition a topic
and loses nothing; the contract suite in `tests/contract/test_bus.py` runs over both.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence

from foreshadow.bus import Positions, Publisher, Record, Subscription
from foreshadow.errors import HistoryGone
from foreshadow.topics import Topic


class MemoryBus:
    """Topics as lists, shared by the threads of one test."""

    def __init__(self) -> None:
        """Begin with empty topics."""
        self._logs: dict[Topic, list[Record]] = defaultdict(list)
        self._arrival = threading.Condition()

    def subscribe(self, *topics: Topic, begin: Positions | None = None) -> Subscription:
        """Read these topics, from their beginning where `begin` names no position.

        Raises:
            HistoryGone: A position lies behind the end.
        """
        return _MemorySubscription(self, topics, begin or {})

    def ends(self, *topics: Topic) -> Positions:
        """Where these topics end now."""
        return {(topic, 0): self.end(topic) for topic in topics}

    def publisher(self) -> Publisher:
        """A writer; what it publishes is there at once."""
        return _MemoryPublisher(self)

    def append(self, topic: Topic, key: str, value: bytes) -> None:
        """Add one record and wake whoever waits."""
        with self._arrival:
            log = self._logs[topic]
            log.append(Record(topic=topic, key=key, value=value, partition=0, offset=len(log)))
            self._arrival.notify_all()

    def read(self, topic: Topic, offset: int, limit: int) -> list[Record]:
        """Records from an offset on."""
        with self._arrival:
            return self._logs[topic][offset : offset + limit]

    def end(self, topic: Topic) -> int:
        """The offset the next record will get."""
        with self._arrival:
            return len(self._logs[topic])

    def wait(self, positions: dict[Topic, int], timeout_s: float) -> None:
        """Return when a topic has grown past its position, or after the timeout."""
        with self._arrival:
            self._arrival.wait_for(
                lambda: any(len(self._logs[topic]) > at for topic, at in positions.items()),
                timeout_s,
            )


class _MemoryPublisher:
    def __init__(self, bus: MemoryBus) -> None:
        self._bus = bus

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        self._bus.append(topic, key, value)

    def flush(self) -> None:
        """Nothing is ever queued."""


class _MemorySubscription:
    def __init__(self, bus: MemoryBus, topics: Sequence[Topic], begin: Positions) -> None:
        self._bus = bus
        self._positions = {topic: begin.get((topic, 0), 0) for topic in topics}
        for topic, at in self._positions.items():
            if at > bus.end(topic):
                raise HistoryGone(f"{topic} ends at {bus.end(topic)}, not {at}")
        self._ends = {topic: bus.end(topic) for topic in topics}

    def poll(self, timeout_s: float, max_records: int = 1000) -> Sequence[Record]:
        self._bus.wait(self._positions, timeout_s)
        records: list[Record] = []
        for topic, offset in self._positions.items():
            records += self._bus.read(topic, offset, max_records - len(records))
        for record in records:
            self._positions[record.topic] = record.offset + 1
        return records

    def is_caught_up(self) -> bool:
        return all(self._positions[topic] >= end for topic, end in self._ends.items())

    def positions(self) -> Positions:
        return {(topic, 0): at for topic, at in self._positions.items()}

    def lag(self) -> int:
        return sum(self._bus.end(topic) - at for topic, at in self._positions.items())

    def close(self) -> None:
        """Nothing is held."""
