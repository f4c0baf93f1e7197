"""Records of somebody else's topic, on a real broker."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from console.broker import Broker
from foreshadow.clock import SystemClock
from foreshadow.kafka_client import client_options
from foreshadow.observed import Stream
from foreshadow.telemetry import TelemetrySample
from ingest.device_names import DeviceNames
from ingest.sources.gnmi_decoder import GnmiDecoder
from ingest.sources.record_topic import RecordTopic, topic_options
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet
from tests.gnmi_cases import GNMIC_JSON, PROTOJSON, SYNCED, oper

pytestmark = pytest.mark.kafka

_ENOUGH_S = 60


@pytest.fixture
def topic(broker: Broker, run_id: str) -> Iterator[str]:
    """A topic of a collector's, gone after the test."""
    admin, name = AdminClient(client_options(broker.bus)), f"{run_id}-collector"
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result()
    yield name
    for future in admin.delete_topics([name]).values():
        future.result()


def _produce(broker: Broker, topic: str, values: Sequence[bytes], key: str = "") -> None:
    producer = Producer(client_options(broker.bus))
    for value in values:
        producer.produce(topic, value, key=key)
    assert producer.flush(_ENOUGH_S) == 0


def _source(broker: Broker, topic: str, spelling: str = "gnmi") -> RecordTopic:
    decoder = GnmiDecoder(spelling, DeviceNames(["r1"], default="r1"))
    return RecordTopic(topic, topic_options(broker.bus, f"{topic}-group"), decoder, SystemClock())


@contextmanager
def _running(source: RecordTopic, outlet: KeptOutlet) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=source.run, args=(1, outlet, stop), name="topic-under-test")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(_ENOUGH_S)
        assert not thread.is_alive()


def _committed(broker: Broker, topic: str) -> int:
    consumer = Consumer(topic_options(broker.bus, f"{topic}-group"))
    try:
        (place,) = consumer.committed([TopicPartition(topic, 0)], timeout=_ENOUGH_S)
        return int(place.offset)
    finally:
        consumer.close()


def test_group_goes_on_where_it_was(broker: Broker, topic: str) -> None:
    """What was acknowledged is not read again; what nobody can read is refused with its offset."""
    _produce(broker, topic, [*PROTOJSON, b"{no json"])
    first, second = KeptOutlet(), KeptOutlet()
    with _running(_source(broker, topic), first):
        eventually(lambda: first.refused, within_s=_ENOUGH_S)
        eventually(
            lambda: _committed(broker, topic) == len(PROTOJSON) + 1, within_s=_ENOUGH_S, poll_s=0.5
        )
    _produce(broker, topic, [oper("eth9", "UP"), SYNCED])
    with _running(_source(broker, topic), second):
        eventually(lambda: second.mirrored("r1", Stream.INTERFACE), within_s=_ENOUGH_S)

    assert [refused.origin for refused in first.refused] == [f"{topic}/0/{len(PROTOJSON)}"]
    assert set(first.mirrored("r1", Stream.INTERFACE) or ()) == {"eth0"}
    assert set(second.mirrored("r1", Stream.INTERFACE) or ()) == {"eth9"}


def test_what_was_not_acknowledged_is_read_again(broker: Broker, topic: str) -> None:
    """Where our own broker takes nothing the offsets stay, and a successor reads everything."""

    class Refusing(KeptOutlet):
        def publish(self, samples: Iterable[TelemetrySample]) -> None:
            raise ConnectionError(f"{len(list(samples))} samples are not taken")

    _produce(broker, topic, PROTOJSON)
    with pytest.raises(ConnectionError):
        _source(broker, topic).run(1, Refusing(), threading.Event())
    outlet = KeptOutlet()
    with _running(_source(broker, topic), outlet):
        eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=_ENOUGH_S)

    assert set(outlet.mirrored("r1", Stream.INTERFACE) or ()) == {"eth0"}


def test_key_says_whose_a_snapshot_is(broker: Broker, topic: str) -> None:
    """Gnmic's sync-response names nobody; the key it inserts does."""
    key, outlet = "r1:57400:::state", KeptOutlet()
    _produce(broker, topic, [GNMIC_JSON[0], b'{"sync-response":true}'], key)
    with _running(_source(broker, topic, "gnmic-json"), outlet):
        eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=_ENOUGH_S)

    assert outlet.refused == []
