"""The bus on Kafka: confluent-kafka behind the port of `foreshadow.bus`.

Subscriptions are assigned, not grouped: a process rebuilds its state from the beginning of its
topics, so there are no committed offsets that could run ahead of a state that was lost.
"""

import math
from collections.abc import Sequence
from typing import Any

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from foreshadow.bus import Positions, Publisher, Record, Subscription
from foreshadow.errors import BrokerUnreachable, ConfigError, HistoryGone
from foreshadow.kafka_client import client_options
from foreshadow.settings import BusSettings
from foreshadow.topics import LARGEST_RECORD_BYTES, Topic

_METADATA_TIMEOUT_S = 10.0
_POLL_WHEN_FULL_S = 0.5
_LEADERLESS = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)


class KafkaBus:
    """One process's way to the broker."""

    def __init__(self, settings: BusSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings

    def subscribe(self, *topics: Topic, begin: Positions | None = None) -> Subscription:
        """Read these topics, from their beginning where `begin` names no position.

        Raises:
            BrokerUnreachable: No broker answers, or a topic is missing.
            HistoryGone: What follows a position in `begin` is not there.
        """
        return KafkaSubscription(self._settings, topics, begin or {})

    def ends(self, *topics: Topic) -> Positions:
        """Where these topics end now.

        Raises:
            BrokerUnreachable: No broker answers, or a topic is missing.
        """
        names = {topic.under(self._settings.topic_prefix): topic for topic in topics}
        group = f"{self._settings.topic_prefix}-assigned"
        consumer = Consumer({**client_options(self._settings), "group.id": group})
        try:
            return {
                (names[part.topic], part.partition): _once_led(consumer, part)[1]
                for name in names
                for part in _partitions(consumer, name)
            }
        except KafkaException as error:
            at = self._settings.bootstrap
            raise BrokerUnreachable(f"{at} does not answer: {error}") from error
        finally:
            consumer.close()

    def publisher(self) -> Publisher:
        """An idempotent producer with `acks=all`."""
        return KafkaPublisher(self._settings)


class KafkaPublisher:
    """Writes records in order per key, each acknowledged once (`enable.idempotence`)."""

    def __init__(self, settings: BusSettings) -> None:
        """Open a producer; it connects when first used."""
        self._prefix, self._outage_s = settings.topic_prefix, settings.outage_s
        self._failed: KafkaError | None = None
        self._producer = Producer(
            {
                **client_options(settings),
                "delivery.timeout.ms": round(settings.outage_s * 1000),
                "enable.idempotence": True,
                "acks": "all",
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": LARGEST_RECORD_BYTES,
            }
        )

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        """Queue one record; waits while the queue is full.

        Raises:
            BrokerUnreachable: The queue stays full.
            ConfigError: The record is larger than any may be.
        """
        for _ in range(math.ceil(self._outage_s / _POLL_WHEN_FULL_S)):
            try:
                self._producer.produce(
                    topic.under(self._prefix), key=key, value=value, on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(_POLL_WHEN_FULL_S)
                continue
            except KafkaException as error:
                raise ConfigError(
                    f"{len(value)} bytes for {topic} are refused, at most {LARGEST_RECORD_BYTES} "
                    f"fit: {error.args[0]}; take a coarser demand matrix"
                ) from error
            self._producer.poll(0)
            return
        raise BrokerUnreachable("the queue stays full: no broker takes what is published")

    def flush(self) -> None:
        """Return when everything queued is acknowledged; a broker that is away is waited for."""
        left = self._producer.flush(self._outage_s)
        if left or self._failed is not None:
            failed, self._failed = self._failed, None
            raise BrokerUnreachable(f"{left} records undelivered: {failed or 'no answer'}")

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._failed = error


class KafkaSubscription:
    """Reads whole topics, from their beginning, for ever."""

    def __init__(self, settings: BusSettings, topics: Sequence[Topic], begin: Positions) -> None:
        """Assign every partition of the topics and note where they end now.

        Raises:
            BrokerUnreachable: No broker answers, or a topic is missing.
        """
        self._behind: dict[tuple[str, int], int] = {}
        """The last record of the past per partition that has not been read to its end."""
        self._names = {topic.under(settings.topic_prefix): topic for topic in topics}
        self._consumer = Consumer(
            {
                **client_options(settings),
                # Required by the client even without group management; nothing is committed.
                "group.id": f"{settings.topic_prefix}-assigned",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 20,
            }
        )
        try:
            partitions = [
                part for name in self._names for part in _partitions(self._consumer, name)
            ]
            self._next = self._beginnings(partitions, begin)
        except KafkaException as error:
            raise BrokerUnreachable(f"{settings.bootstrap} does not answer: {error}") from error
        self._consumer.assign(
            [TopicPartition(name, number, at) for (name, number), at in self._next.items()]
        )

    def poll(self, timeout_s: float, max_records: int = 1000) -> Sequence[Record]:
        """The next records; returns as soon as there are some, or empty after `timeout_s`."""
        first = self._consumer.poll(timeout_s)
        if first is None:
            return ()
        # The first record ends the wait; the rest is what has already arrived.
        messages = [first, *self._consumer.consume(max_records - 1, 0)]
        return [self._record(message) for message in messages if self._is_usable(message)]

    def is_caught_up(self) -> bool:
        """Whether everything that was there when the subscription began has been read."""
        return not self._behind

    def positions(self) -> Positions:
        """Where reading goes on after what `poll` has returned."""
        return {(self._names[name], number): at for (name, number), at in self._next.items()}

    def lag(self) -> int:
        """How many records are there that were not read, as far as fetches have told."""
        behind = 0
        for (name, number), at in self._next.items():
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(name, number), cached=True
            )
            behind += max(0, high - at)
        return behind

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _beginnings(
        self, partitions: list[TopicPartition], begin: Positions
    ) -> dict[tuple[str, int], int]:
        """The first offset to read per partition; notes where the past ends."""
        first: dict[tuple[str, int], int] = {}
        for part in partitions:
            place = (part.topic, part.partition)
            low, high = _once_led(self._consumer, part)
            at = begin.get((self._names[part.topic], part.partition), low)
            if not low <= at <= high:
                raise HistoryGone(
                    f"{part.topic}/{part.partition} holds {low} to {high}, not {at}: "
                    "the saved state belongs to another topic, or to an older one"
                )
            first[place] = at
            if high > at:
                self._behind[place] = high - 1
        return first

    def _is_usable(self, message: Message) -> bool:
        error: Any = message.error()
        if error is None:
            return True
        if error.retriable() or error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's own name
            return False
        raise BrokerUnreachable(f"reading {message.topic()}: {error}")

    def _record(self, message: Message) -> Record:
        name, partition, offset = message.topic(), message.partition(), message.offset()
        if name is None or partition is None or offset is None:
            raise BrokerUnreachable("the client handed over a message without its place")
        if offset >= self._behind.get((name, partition), offset + 1):
            del self._behind[name, partition]
        self._next[name, partition] = offset + 1
        return Record(
            topic=self._names[name],
            key=_as_bytes(message.key()).decode(errors="replace"),
            value=_as_bytes(message.value()),
            partition=partition,
            offset=offset,
            at_ns=max(0, message.timestamp()[1]) * 1_000_000,
        )


def _partitions(consumer: Consumer, name: str) -> list[TopicPartition]:
    found = consumer.list_topics(name, _METADATA_TIMEOUT_S).topics[name]
    if found.error is not None:
        raise BrokerUnreachable(f"topic {name}: {found.error}; create it first")
    return [TopicPartition(name, number) for number in found.partitions]


@retry(
    retry=retry_if_exception(
        lambda error: isinstance(error, KafkaException) and error.args[0].code() in _LEADERLESS
    ),
    stop=stop_after_delay(_METADATA_TIMEOUT_S),
    wait=wait_fixed(0.05),
    reraise=True,
)
def _once_led(consumer: Consumer, part: TopicPartition) -> tuple[int, int]:
    """(low, high) watermark; a topic that was just created has no leader for a moment."""
    return consumer.get_watermark_offsets(part, _METADATA_TIMEOUT_S)


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value or "").encode()
