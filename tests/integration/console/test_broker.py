"""The three brokers: Apache Kafka, the embedded one, and one the user gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from console import topics
from console.broker import Broker, BrokerKind, start_broker
from console.clean import remove_run
from console.ownership import Run, claim_run
from console.processes import processes_of
from foreshadow.clock import SystemClock
from foreshadow.errors import BrokerUnreachable, EnvironmentUnfit
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, Topic
from tests.eventually import eventually

_CLOCK = SystemClock()


def _claim(root: Path) -> Run:
    return claim_run(
        root, pid=os.getpid(), command="test", clock=_CLOCK, registry=root / "registry"
    )


def _partitions(bootstrap: str, prefix: str) -> dict[str, int]:
    known = Producer({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics
    return {
        name: len(topic.partitions)
        for name, topic in known.items()
        if name.startswith(f"{prefix}.")
    }


def _round_trip(bootstrap: str, topic: str) -> list[bytes | None]:
    """Three records of one key written, then read back by a consumer that began before them."""
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for number in range(3):
        producer.produce(topic, key=b"ATLAng", value=str(number).encode())
    assert producer.flush(10) == 0
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    count = len(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(count)])
    seen: list[bytes | None] = []
    try:

        def read_three() -> bool:
            seen.extend(record.value() for record in consumer.consume(10, 0.5))
            return len(seen) >= 3

        assert eventually(read_three, within_s=20)
    finally:
        consumer.close()
    return seen


def _expected(prefix: str) -> dict[str, int]:
    return {spec.topic.under(prefix): spec.partitions for spec in SPECS}


@pytest.mark.kafka
def test_apache_kafka_carries_records_in_order(broker: Broker, run_id: str) -> None:
    """The real broker takes the product's topics and gives a key's records back in order."""
    broker.create_topics(run_id)
    broker.create_topics(run_id)

    assert broker.kind is BrokerKind.APACHE
    assert "Apache Kafka 4.3.1" in broker.description
    assert _partitions(broker.bootstrap, run_id) == _expected(run_id)
    assert _round_trip(broker.bootstrap, Topic.STATE.under(run_id)) == [b"0", b"1", b"2"]


@pytest.mark.kafka
def test_topics_of_one_run_are_deleted_and_no_others(broker: Broker, run_id: str) -> None:
    """Deleting a run's topics leaves those of a run whose id begins alike."""
    neighbour = f"{run_id}x"
    broker.create_topics(run_id)
    broker.create_topics(neighbour)

    deleted = topics.delete_topics(broker.bus, run_id)

    assert set(deleted) == set(_expected(run_id))
    assert eventually(lambda: not _partitions(broker.bootstrap, run_id), within_s=10)
    assert _partitions(broker.bootstrap, neighbour) == _expected(neighbour)
    topics.delete_topics(broker.bus, neighbour)


@pytest.mark.kafka
@pytest.mark.slow
def test_two_brokers_at_once_do_not_meet(run: Run, broker: Broker, run_id: str) -> None:
    """A second demo's broker has ports and topics of its own, and ends without the first."""
    with start_broker(run, clock=_CLOCK, may_embed=False) as second:
        second.create_topics(run_id)

        assert second.bootstrap != broker.bootstrap
        assert _partitions(second.bootstrap, run_id) == _expected(run_id)
        assert _partitions(broker.bootstrap, run_id) == {}

    assert not topics.answers(second.bus, within_s=1)
    assert topics.answers(broker.bus)
    assert processes_of(run_id, ()) == ()


@pytest.mark.kafka
@pytest.mark.slow
def test_broker_started_again_still_has_its_records(run: Run, run_id: str) -> None:
    """Stopped and started on the same run, Apache Kafka serves what it was given before."""
    with start_broker(run, clock=_CLOCK, may_embed=False) as first:
        first.create_topics(run_id)
        _round_trip(first.bootstrap, Topic.STATE.under(run_id))

    with start_broker(run, clock=_CLOCK, may_embed=False) as second:
        seen = _round_trip(second.bootstrap, Topic.STATE.under(run_id))

    assert seen[:3] == [b"0", b"1", b"2"]


@pytest.mark.kafka
def test_given_broker_is_used_and_left_alone(broker: Broker, run: Run, run_id: str) -> None:
    """On a broker that the user gives, only our topics come and go."""
    with start_broker(run, clock=_CLOCK, given=broker.bus) as given:
        given.create_topics(run_id)
        assert given.kind is BrokerKind.GIVEN

    assert _partitions(broker.bootstrap, run_id) == _expected(run_id)
    removal = remove_run(run, clock=_CLOCK)

    assert removal.topics == len(SPECS)
    assert eventually(lambda: not _partitions(broker.bootstrap, run_id), within_s=10)
    assert topics.answers(broker.bus)


@pytest.mark.slow
def test_given_broker_that_is_silent_is_refused(run: Run) -> None:
    """An address where nothing listens is one error that names the setting."""
    refused = start_broker(run, clock=_CLOCK, given=BusSettings(bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerUnreachable, match="FORESHADOW_BUS__BOOTSTRAP"), refused:
        pass


@pytest.fixture
def without_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without Java, as far as the path tells."""
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("without_java")
def test_embedded_broker_serves_where_there_is_no_java(tmp_path: Path) -> None:
    """Without Java the same clients work on the embedded broker, which says what it is."""
    run = _claim(tmp_path)
    with start_broker(run, clock=_CLOCK) as broker:
        broker.create_topics(run.run_id)
        broker.create_topics(run.run_id)

        assert broker.kind is BrokerKind.EMBEDDED
        assert broker.description.startswith("EMBEDDED broker")
        assert "there is no Java" in broker.description
        assert _partitions(broker.bootstrap, run.run_id) == _expected(run.run_id)
        seen = _round_trip(broker.bootstrap, Topic.STATE.under(run.run_id))

    assert seen == [b"0", b"1", b"2"]
    assert processes_of(run.run_id, ()) == ()


@pytest.mark.usefixtures("without_java")
def test_embedded_broker_may_be_ruled_out(tmp_path: Path) -> None:
    """Where Apache Kafka is demanded, its absence is an error with the remedy."""
    run = _claim(tmp_path)
    refused = start_broker(run, clock=_CLOCK, may_embed=False)

    with pytest.raises(EnvironmentUnfit, match="no Java; run `make setup`"), refused:
        pass


@pytest.mark.usefixtures("without_java")
def test_embedded_broker_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    """Topics asked of a dead embedded broker are an error, not a hang."""
    with start_broker(_claim(tmp_path), clock=_CLOCK) as broker:
        assert broker.child is not None
        broker.child.kill()
        broker.child.wait()

        with pytest.raises(BrokerUnreachable):
            broker.create_topics("fs00000f")


_OWNER = """
import os, sys
from pathlib import Path
from console.broker import start_broker
from console.ownership import claim_run
from foreshadow.clock import SystemClock

clock, root = SystemClock(), Path(sys.argv[1])
run = claim_run(root, pid=os.getpid(), command="test", clock=clock, registry=root / "registry")
with start_broker(run, clock=clock):
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


@pytest.mark.usefixtures("without_java")
def test_embedded_broker_ends_with_its_owner(tmp_path: Path) -> None:
    """A SIGKILL of the process that started it ends the embedded broker too, without cleaning."""
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with owner:
        assert owner.stdout is not None
        run_id = owner.stdout.readline().strip()
        assert len(processes_of(run_id, ())) == 1

        owner.kill()

        assert eventually(lambda: not processes_of(run_id, ()), within_s=5)
