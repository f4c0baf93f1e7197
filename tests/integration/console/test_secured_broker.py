"""Every client of the house comes in where the broker wants to know who is there."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from console import topics
from console.apache_kafka import free_ports
from console.kafka_bus import KafkaBus
from console.prometheus import PrometheusMeter
from foreshadow.clock import SystemClock
from foreshadow.errors import BrokerUnreachable, ConfigError
from foreshadow.inventory import DeviceEntry
from foreshadow.kafka_client import client_options
from foreshadow.observed import Stream
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, Topic
from ingest.desk.app import Desk
from ingest.source import Ground
from ingest.sources.record_topic import RecordTopicConfig
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet
from tests.gnmi_cases import PROTOJSON
from tests.integration.console.secured_kafka import (
    PASSWORD,
    USER,
    WAYS_IN,
    SecuredKafka,
    secured_kafka,
)

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """A broker with TLS, mutual TLS and SASL."""
    with secured_kafka(tmp_path_factory.mktemp("secured")) as broker:
        yield broker


@pytest.mark.parametrize("way", WAYS_IN)
def test_topics_are_made_written_and_read(kafka: SecuredKafka, way: str) -> None:
    """The administrator, the publisher and the subscription all come in the same way."""
    settings = kafka.settings(way).model_copy(update={"topic_prefix": f"fs-{way}"})
    topics.create_topics(settings, settings.topic_prefix, SPECS)
    bus = KafkaBus(settings)
    publisher = bus.publisher()
    publisher.publish(Topic.STATE, "R1", way.encode())
    publisher.flush()
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        records = eventually(lambda: subscription.poll(0.5), within_s=30)
    deleted = topics.delete_topics(settings, settings.topic_prefix)

    assert [record.value for record in records] == [way.encode()]
    assert len(deleted) == len(SPECS)


@pytest.mark.parametrize(
    ("way", "changed"),
    [
        ("ssl", {"ca_file": "stranger.pem"}),
        ("mutual", {"certificate_file": None, "key_file": None}),
        ("plain", {"password": "guess"}),
        ("scram", {"username": "nobody"}),
    ],
)
def test_a_stranger_stays_outside(
    kafka: SecuredKafka, way: str, changed: dict[str, str | None]
) -> None:
    """A broker we cannot trust is not talked to, and one that does not know us does not talk."""
    if "ca_file" in changed:
        changed = {"ca_file": str(kafka.directory / "stranger.pem")}
    settings = kafka.settings(way, **changed)

    assert not topics.answers(settings, within_s=3)


@pytest.mark.parametrize("way", ["mutual", "scram"])
def test_a_collectors_topic_is_read(kafka: SecuredKafka, way: str, tmp_path: Path) -> None:
    """A source of somebody else's records comes in like everybody else."""
    settings, name = kafka.settings(way), f"collector-{way}"
    admin = AdminClient(client_options(settings))
    for future in admin.create_topics([NewTopic(name, 1, 1)]).values():
        future.result(30)
    producer = Producer(client_options(settings))
    for value in PROTOJSON:
        producer.produce(name, value)
    assert producer.flush(30) == 0
    key = tmp_path / "key"
    ground = Ground(
        devices=(DeviceEntry(name="r1", ssh_key=key, known_hosts=key),),
        clock=SystemClock(),
        state_dir=tmp_path,
        bus=settings,
        poll_s=1,
    )
    config = RecordTopicConfig(kind="record-topic", topic=name, format="gnmi", device="r1")
    outlet, stop = KeptOutlet(), threading.Event()
    reader = threading.Thread(target=config.open(ground).run, args=(1, outlet, stop))
    reader.start()
    try:
        assert eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=60)
    finally:
        stop.set()
        reader.join(60)


@pytest.mark.parametrize("way", ["mutual", "scram"])
def test_the_desk_comes_in_too(kafka: SecuredKafka, way: str) -> None:
    """Its client is faust's, which is told the same in other words."""
    settings = kafka.settings(way).model_copy(update={"topic_prefix": f"fs-desk-{way}"})
    topics.create_topics(settings, settings.topic_prefix, SPECS)
    (port,) = free_ports(1)
    desk = Desk(
        bus=settings,
        clock=SystemClock(),
        meter=PrometheusMeter(),
        listen="127.0.0.1",
        port=port,
        token=None,
        run_id="secured",
    )
    stop = threading.Event()
    thread = threading.Thread(target=desk.run, args=(stop,))
    thread.start()
    try:
        eventually(lambda: _is_well(port), within_s=90)
    finally:
        stop.set()
        thread.join(60)


def _is_well(port: int) -> bool:
    """Partitions are assigned only to a client that was let in."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False


def test_a_refusal_is_said_with_what_to_check(kafka: SecuredKafka) -> None:
    """Librdkafka goes on trying; we say that we were not let in."""
    settings = kafka.settings("plain", password="guess")  # noqa: S106 - it is the wrong one

    with pytest.raises(BrokerUnreachable, match="FORESHADOW_BUS__SECURITY"):
        topics.create_topics(settings, "fs-stranger", SPECS[:1])


def test_a_password_may_lie_in_a_file(kafka: SecuredKafka, tmp_path: Path) -> None:
    """So that it is in no environment and in no process list."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    settings = kafka.settings("scram", password=None, password_file=file)

    assert topics.answers(settings)


def test_no_secret_is_shown(kafka: SecuredKafka) -> None:
    """Neither the settings nor what an operator prints of them has the password."""
    settings = kafka.settings("scram")

    assert USER in settings.model_dump_json()
    assert PASSWORD not in settings.model_dump_json()
    assert PASSWORD not in repr(settings)


def test_a_file_that_is_missing_is_named() -> None:
    """Before anything is connected, by the setting's own name."""
    settings = BusSettings.model_validate(
        {"security": {"protocol": "ssl", "ca_file": "/nowhere/ca.pem"}}
    )

    with pytest.raises(ConfigError, match="FORESHADOW_BUS__SECURITY__CA_FILE"):
        client_options(settings)
