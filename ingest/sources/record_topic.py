"""Records from a Kafka topic that somebody else's collector writes.

At least once: offsets are committed after the outlet has acknowledged what was made of them, so a
process that is killed reads a few records again, and what it says of them is the same.
"""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Literal

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from pydantic import Field

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import BrokerUnreachable
from foreshadow.kafka_client import client_options
from foreshadow.settings import BusSettings
from ingest.collector import Collector
from ingest.heard import Heard
from ingest.source import Ground, Outlet
from ingest.sources.record_decoder import RecordConfig, RecordDecoder

_BATCH = 2_000
_POLL_S = 0.2
_PASSING = frozenset(
    {
        KafkaError._PARTITION_EOF,  # noqa: SLF001 - how confluent-kafka names it
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._TIMED_OUT,  # noqa: SLF001
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)
"""A broker that is away and a topic that is not there yet are waited for."""

log = structlog.get_logger(__name__)


class RecordTopicConfig(RecordConfig):
    """Records in a topic, in a file of sources."""

    kind: Literal["record-topic"]
    topic: str = Field(min_length=1, max_length=249)
    group: str = Field(default="foreshadow", min_length=1)
    bootstrap: str | None = Field(
        default=None, description="none: our own broker, with its security settings"
    )

    def open(self, ground: Ground) -> "RecordTopic":
        """The source, not connected yet.

        Raises:
            ConfigError: It names unknown devices, or a file of the security settings is missing.
        """
        bus = ground.bus
        if self.bootstrap is not None:
            bus = bus.model_copy(update={"bootstrap": self.bootstrap})
        options = topic_options(bus, self.group)
        return RecordTopic(self.topic, options, self.decoder(ground), ground.clock)


def topic_options(bus: BusSettings, group: str) -> dict[str, Any]:
    """Options of a consumer that commits by itself nothing.

    Raises:
        ConfigError: A file of the security settings is missing.
    """
    return client_options(bus) | {
        "group.id": group,
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
    }


class RecordTopic:
    """Reads a topic as a member of a group of its own."""

    def __init__(
        self, topic: str, options: dict[str, Any], decoder: RecordDecoder, clock: Clock
    ) -> None:
        """Connect nothing yet."""
        self.name = f"{decoder.name}:{topic}"
        self._topic, self._options = topic, options
        self._decoder, self._clock = decoder, clock

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish what the topic says until `stop` is set.

        Raises:
            BrokerUnreachable: The broker refuses us for good: no right to read, say.
        """
        collector = Collector(self._decoder.name, epoch, outlet, self._clock)
        with closing(Consumer(self._options)) as consumer:
            consumer.subscribe([self._topic])
            while not stop.is_set():
                messages = consumer.consume(_BATCH, _POLL_S)
                if messages:
                    collector.take(self._heard(messages))
                    _commit(consumer, messages)

    def _heard(self, messages: list[Message]) -> Iterator[Heard]:
        for message in messages:
            error = message.error()
            if error is not None:
                self._judge(error)
                continue
            yield from self._decoder.decode_from(
                message.value() or b"",
                (message.key() or b"").decode(errors="replace"),
                origin=f"{message.topic()}/{message.partition()}/{message.offset()}",
                received_ns=to_ns(self._clock.now()),
            )

    def _judge(self, error: KafkaError) -> None:
        if error.code() not in _PASSING:
            raise BrokerUnreachable(f"topic {self._topic} cannot be read: {error.str()}")
        log.debug("topic_awaited", topic=self._topic, reason=error.str())


def _commit(consumer: Consumer, messages: list[Message]) -> None:
    """Everything up to the last message of each partition is done; a group that moved on says so.

    A commit that fails costs nothing: whoever reads the partition next reads a little again.
    """
    if all(message.error() is not None for message in messages):
        return
    try:
        consumer.commit(asynchronous=False)
    except KafkaException as error:
        log.warning("offsets_not_committed", reason=str(error))
