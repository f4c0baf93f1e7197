"""Records from a Kafka topic that somebody else's collector writes.

At least once: offsets are committed after the outlet has acknowledged what was made of them.

A collector tells a snapshot once and then differences, for weeks, so offsets alone do not bring a
process back: what the decoder has learnt is saved with the offsets it was learnt from, and a
process that was killed goes on from both. It reads a few records again, to a decoder that has not
seen them.
"""

import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)
from pydantic import Field

from foreshadow.checkpoint import checkpoint, load, save
from foreshadow.clock import Clock, to_ns
from foreshadow.errors import BrokerUnreachable
from foreshadow.kafka_client import client_options
from foreshadow.meter import SILENT, Meter
from foreshadow.settings import BusSettings
from ingest.collector import Collector
from ingest.heard import Heard
from ingest.source import Ground, Outlet
from ingest.sources.record_decoder import RecordConfig, RecordDecoder

_BATCH = 2_000
_POLL_S = 0.2
_SAVE_S = 30.0
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
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{self.topic}-{self.group}-{self.format}")
        memory = TopicMemory(ground.state_dir / f"{name}.records", self.topic)
        return RecordTopic(options, self.decoder(ground), ground.clock, memory, meter=ground.meter)


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


class _Saved(msgspec.Struct, array_like=True, kw_only=True):
    """Fields are only ever appended, with defaults (ADR 0002)."""

    topic: str
    offsets: dict[int, int]
    """Next to read, by partition."""
    decoder: bytes


@dataclass(slots=True)
class TopicMemory:
    """What a decoder has learnt of a topic, in a file.

    Attributes:
        path: The file.
        topic: Whose offsets are in it.
        offsets: Next to read, by partition.
    """

    path: Path
    topic: str
    offsets: dict[int, int] = field(default_factory=dict)

    def recall(self, decoder: RecordDecoder) -> Iterator[Heard]:
        """Give back to a decoder what it had learnt, which it tells anew."""
        taken = load(self.path)
        if taken is None:
            return
        try:
            saved = msgspec.msgpack.decode(taken.own, type=_Saved)
            if saved.topic == self.topic:
                yield from decoder.recall(saved.decoder)
                self.offsets = saved.offsets
        except ValueError as error:
            log.warning("records_are_read_anew", path=str(self.path), reason=str(error))

    def note(self, messages: Iterable[Message]) -> None:
        """These were read and acknowledged."""
        for message in messages:
            if message.error() is None:
                self.offsets[message.partition() or 0] = (message.offset() or 0) + 1

    def save(self, decoder: RecordDecoder) -> None:
        """Keep what the decoder knows with the offsets it knows it from."""
        saved = _Saved(topic=self.topic, offsets=self.offsets, decoder=decoder.remember())
        save(self.path, checkpoint({}, own=msgspec.msgpack.encode(saved)))

    def begin(self, consumer: Consumer, assigned: list[TopicPartition]) -> None:
        """Read what was assigned from where the saved knowledge ends, else from its beginning.

        What was committed is for those who watch our lag; what was not saved is not known.
        """
        for place in assigned:
            place.offset = self.offsets.get(place.partition, OFFSET_BEGINNING)
        consumer.assign(assigned)


class RecordTopic:
    """Reads a topic as the one member of a group of its own."""

    def __init__(
        self,
        options: dict[str, Any],
        decoder: RecordDecoder,
        clock: Clock,
        memory: TopicMemory,
        *,
        meter: Meter = SILENT,
    ) -> None:
        """Connect nothing yet."""
        self._meter = meter
        self.name = f"{decoder.name}:{memory.topic}"
        self._options, self._decoder, self._clock = options, decoder, clock
        self._memory, self._topic = memory, memory.topic

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish what the topic says until `stop` is set.

        Raises:
            BrokerUnreachable: The broker refuses us for good: no right to read, say.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        collector.take(self._memory.recall(self._decoder))
        saved_s = self._clock.monotonic_s()
        with closing(Consumer(self._options)) as consumer:
            consumer.subscribe([self._topic], on_assign=self._memory.begin)
            while not stop.is_set():
                messages = consumer.consume(_BATCH, _POLL_S)
                if not messages:
                    continue
                collector.take(self._heard(messages))
                self._memory.note(messages)
                _commit(consumer, messages)
                self._decoder.measure(self._meter, self.name)
                if self._clock.monotonic_s() >= saved_s + _SAVE_S:
                    self._memory.save(self._decoder)
                    saved_s = self._clock.monotonic_s()
            if self._memory.offsets:
                self._memory.save(self._decoder)

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
