"""The bus as rooms see it: records in, records out.

Kafka itself is behind it, wired by the composition root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from foreshadow.topics import Topic

Positions = Mapping[tuple[Topic, int], int]
"""The next offset to read, per topic and partition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One message as it was read."""

    topic: Topic
    key: str
    value: bytes
    partition: int
    offset: int
    at_ns: int = 0
    """When the broker got it, by its clock or the writer's; 0 where nobody says."""

    @property
    def origin(self) -> str:
        """`topic/partition/offset`, for dead letters and logs."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Publisher(Protocol):
    """Writes records; they are in order per key and acknowledged by all replicas once flushed."""

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        """Queue one record.

        Raises:
            BrokerUnreachable: The queue stays full because no broker answers.
        """
        ...

    def flush(self) -> None:
        """Return when everything queued is acknowledged.

        Raises:
            BrokerUnreachable: Something could not be delivered.
        """
        ...


class Subscription(Protocol):
    """Reads topics from the beginning, or from where a process's saved state ends."""

    def poll(self, timeout_s: float, max_records: int = 1000) -> Sequence[Record]:
        """The next records, in order per key; empty when none came in time."""
        ...

    def is_caught_up(self) -> bool:
        """Whether everything that was on the topics when the subscription began has been read."""
        ...

    def positions(self) -> Positions:
        """Where reading goes on after what `poll` has returned; saved beside the state it made."""
        ...

    def lag(self) -> int:
        """How many records are on the topics that have not been read; as of the last fetch."""
        ...

    def close(self) -> None:
        """Let go of the broker."""
        ...


class Bus(Protocol):
    """Where a process gets its subscriptions and its publisher."""

    def subscribe(self, *topics: Topic, begin: Positions | None = None) -> Subscription:
        """Read these topics.

        Args:
            topics: Which.
            begin: Where to begin; a partition that is not in it is read from its beginning.

        Raises:
            HistoryGone: What follows a given position is no longer on the topic, or not yet: the
                state that was saved with it belongs to nothing, and must be built anew.
        """
        ...

    def ends(self, *topics: Topic) -> Positions:
        """Where topics end now: after everything that was acknowledged before the call.

        Raises:
            BrokerUnreachable: No broker answers, or a topic is missing.
        """
        ...

    def publisher(self) -> Publisher:
        """A writer of this process's own."""
        ...
