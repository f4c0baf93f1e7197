"""Making and removing a run's topics on a Kafka broker."""

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from foreshadow.errors import BrokerUnreachable
from foreshadow.kafka_client import client_options
from foreshadow.settings import BusSettings
from foreshadow.topics import LARGEST_RECORD_BYTES, TopicSpec

_ANSWER_S = 10.0
_SEGMENT_MS = str(10 * 60 * 1000)
_BROKERS_CHOICE = -1
"""Replication: one node gives one copy, a cluster what it is set to."""


def answers(bus: BusSettings, *, within_s: float = _ANSWER_S) -> bool:
    """Whether a Kafka broker answers a metadata request there."""
    try:
        return bool(_admin(bus).list_topics(timeout=within_s).brokers)
    except KafkaException:
        return False


def create_topics(bus: BusSettings, prefix: str, specs: Iterable[TopicSpec]) -> None:
    """Create what is not there yet; topics that exist stay as they are.

    Raises:
        BrokerUnreachable: No broker answers, or it refuses.
    """
    wanted = [
        NewTopic(
            spec.topic.under(prefix),
            num_partitions=spec.partitions,
            replication_factor=_BROKERS_CHOICE,
            config={
                "retention.ms": str(spec.retention_ms),
                "max.message.bytes": str(LARGEST_RECORD_BYTES),
                # Nothing is compacted in the segment that is written to: it must end now and then.
                **(
                    {"cleanup.policy": "compact,delete", "segment.ms": _SEGMENT_MS}
                    if spec.is_compacted
                    else {"cleanup.policy": "delete"}
                ),
            },
        )
        for spec in specs
    ]
    # The client must live until its answers are in: librdkafka drops the request with it.
    admin = _admin(bus)
    for name, answer in admin.create_topics(wanted, operation_timeout=_ANSWER_S).items():
        try:
            answer.result(timeout=_ANSWER_S)
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise BrokerUnreachable(_refusal("create", name, bus.bootstrap, exc)) from exc
        except TimeoutError as exc:
            raise BrokerUnreachable(_silence("create", name, bus.bootstrap)) from exc


def delete_topics(bus: BusSettings, prefix: str) -> tuple[str, ...]:
    """Delete every topic of a run and give their names.

    Raises:
        BrokerUnreachable: No broker answers, or it refuses.
    """
    admin = _admin(bus)
    try:
        known = admin.list_topics(timeout=_ANSWER_S).topics
    except KafkaException as exc:
        raise BrokerUnreachable(_refusal("list", "topics", bus.bootstrap, exc)) from exc
    names = sorted(name for name in known if name.startswith(f"{prefix}."))
    answers_by_name = admin.delete_topics(names, operation_timeout=_ANSWER_S) if names else {}
    for name, answer in answers_by_name.items():
        try:
            answer.result(timeout=_ANSWER_S)
        except KafkaException as exc:
            if exc.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise BrokerUnreachable(_refusal("delete", name, bus.bootstrap, exc)) from exc
        except TimeoutError as exc:
            raise BrokerUnreachable(_silence("delete", name, bus.bootstrap)) from exc
    return tuple(names)


def _admin(bus: BusSettings) -> AdminClient:
    # Without log_level 0 librdkafka writes every refused connection to stderr by itself.
    return AdminClient({**client_options(bus), "log_level": 0})


def _refusal(verb: str, name: str, bootstrap: str, exc: KafkaException) -> str:
    return (
        f"cannot {verb} {name} at {bootstrap}: {exc.args[0].str()}; "
        "check FORESHADOW_BUS__BOOTSTRAP and that the broker runs"
    )


def _silence(verb: str, name: str, bootstrap: str) -> str:
    return (
        f"cannot {verb} {name}: {bootstrap} does not talk to us; "
        "check FORESHADOW_BUS__BOOTSTRAP and FORESHADOW_BUS__SECURITY__*"
    )
