"""Records of somebody else's topic, on a real broker."""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
from ingest.sources.record_topic import RecordTopic, TopicMemory, topic_options
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet
from tests.gnmi_cases import (
    AT_NS,
    GNMIC_JSON,
    PROTOJSON,
    SYNCED,
    interface,
    notification,
    oper,
)

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


def _source(broker: Broker, topic: str, folder: Path, spelling: str = "gnmi") -> RecordTopic:
    decoder = GnmiDecoder(spelling, DeviceNames(["r1"], default="r1"))
    options = topic_options(broker.bus, f"{topic}-group")
    return RecordTopic(options, decoder, SystemClock(), TopicMemory(folder / "records", topic))


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


def test_successor_knows_what_was_told_before(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Records are read once, and what came before them is not forgotten with the process."""
    shut = notification((interface("eth0", "state", "admin-status"), {"stringVal": "DOWN"}))
    _produce(broker, topic, [oper("eth0", "DOWN"), shut, oper("eth1", "UP"), SYNCED, b"{no json"])
    first, second = KeptOutlet(), KeptOutlet()
    with _running(_source(broker, topic, tmp_path), first):
        eventually(lambda: first.refused, within_s=_ENOUGH_S)
        eventually(lambda: _committed(broker, topic) == 5, within_s=_ENOUGH_S, poll_s=0.5)
    _produce(broker, topic, [oper("eth1", "DOWN", AT_NS + 10**9)])

    def probe() -> bool:
        held = second.mirrored("r1", Stream.INTERFACE) or {}
        assert {name: (value.is_admin_up, value.is_oper_up) for name, value in held.items()} == {
            "eth0": (False, False),
            "eth1": (True, False),
        }
        return True

    with _running(_source(broker, topic, tmp_path), second):
        eventually(probe, within_s=_ENOUGH_S)

    assert [refused.origin for refused in first.refused] == [f"{topic}/0/4"]
    assert second.refused == []
    assert [patch.phase for patch in second.patches("r1", Stream.INTERFACE)] == [
        *("begin", "end", "change")
    ]


def test_what_was_not_acknowledged_is_read_again(
    broker: Broker, topic: str, tmp_path: Path
) -> None:
    """Where our own broker takes nothing the offsets stay, and a successor reads everything."""

    class Refusing(KeptOutlet):
        def publish(self, samples: Iterable[TelemetrySample]) -> None:
            raise ConnectionError(f"{len(list(samples))} samples are not taken")

    _produce(broker, topic, PROTOJSON)
    with pytest.raises(ConnectionError):
        _source(broker, topic, tmp_path).run(1, Refusing(), threading.Event())
    outlet = KeptOutlet()
    with _running(_source(broker, topic, tmp_path), outlet):
        eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=_ENOUGH_S)

    assert set(outlet.mirrored("r1", Stream.INTERFACE) or ()) == {"eth0"}


def test_key_says_whose_a_snapshot_is(broker: Broker, topic: str, tmp_path: Path) -> None:
    """Gnmic's sync-response names nobody; the key it inserts does."""
    key, outlet = "r1:57400:::state", KeptOutlet()
    _produce(broker, topic, [GNMIC_JSON[0], b'{"sync-response":true}'], key)
    with _running(_source(broker, topic, tmp_path, "gnmic-json"), outlet):
        eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=_ENOUGH_S)

    assert outlet.refused == []
