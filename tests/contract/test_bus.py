"""What every bus does: the one in memory that unit tests use, and Kafka."""

import random
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from console.broker import Broker
from console.kafka_bus import KafkaBus
from foreshadow.bus import Bus, Record, Subscription
from foreshadow.errors import HistoryGone
from foreshadow.settings import BusSettings
from foreshadow.topics import Topic
from tests.eventually import eventually
from tests.fakes.bus import MemoryBus

_ENOUGH_S = 20.0


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def bus(request: pytest.FixtureRequest) -> Iterator[Bus]:
    """A bus with empty topics."""
    if request.param == "memory":
        yield MemoryBus()
        return
    broker: Broker = request.getfixturevalue("broker")
    prefix: str = request.getfixturevalue("run_id")
    broker.create_topics(prefix)
    yield KafkaBus(BusSettings(bootstrap=broker.bootstrap, topic_prefix=prefix))


def _fill(bus: Bus, topic: Topic, count: int, *, key: str = "R1", first: int = 0) -> None:
    publisher = bus.publisher()
    for number in range(first, first + count):
        publisher.publish(topic, key, str(number).encode())
    publisher.flush()


def _read(subscription: Subscription, count: int) -> list[Record]:
    found: list[Record] = []

    def enough() -> bool:
        found.extend(subscription.poll(0.1))
        return len(found) >= count

    eventually(enough, within_s=_ENOUGH_S)
    return found


def test_subscription_begins_at_the_beginning(bus: Bus) -> None:
    """What was published before a subscription is read by it, whole and in order."""
    _fill(bus, Topic.STATE, 5)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        records = _read(subscription, 5)

    assert [record.value for record in records] == [b"0", b"1", b"2", b"3", b"4"]
    assert {(record.topic, record.key) for record in records} == {(Topic.STATE, "R1")}


def test_a_large_record_comes_through_whole(bus: Bus) -> None:
    """Three megabytes that do not compress: a planned drill on a large network is that long."""
    value = random.Random(0).randbytes(3 << 20)
    publisher = bus.publisher()
    publisher.publish(Topic.DRILL, "D1", value)
    publisher.flush()
    with closing(bus.subscribe(Topic.DRILL)) as subscription:
        records = _read(subscription, 1)

    assert [record.value for record in records] == [value]


def test_two_subscriptions_do_not_share(bus: Bus) -> None:
    """Each reads everything: there are no groups."""
    _fill(bus, Topic.STATE, 3)
    with (
        closing(bus.subscribe(Topic.STATE)) as first,
        closing(bus.subscribe(Topic.STATE)) as second,
    ):
        assert len(_read(first, 3)) == 3
        assert len(_read(second, 3)) == 3


def test_records_of_one_key_stay_in_order(bus: Bus) -> None:
    """Keys may overtake each other, records of a key never do; offsets tell them apart."""
    publisher = bus.publisher()
    for number in range(60):
        publisher.publish(Topic.STATE, f"R{number % 6}", str(number).encode())
    publisher.flush()
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        records = _read(subscription, 60)

    for key in {record.key for record in records}:
        numbers = [int(record.value) for record in records if record.key == key]
        assert numbers == sorted(numbers)
        assert len({record.partition for record in records if record.key == key}) == 1
    assert len({record.origin for record in records}) == 60


def test_caught_up_is_about_what_was_there_at_the_beginning(bus: Bus) -> None:
    """A subscription to empty topics is caught up at once; otherwise when it has read its past."""
    with closing(bus.subscribe(Topic.WARNING)) as empty:
        assert empty.is_caught_up()
        _fill(bus, Topic.WARNING, 4)
        assert empty.is_caught_up()
        assert len(_read(empty, 4)) == 4
    with closing(bus.subscribe(Topic.WARNING)) as late:
        assert not late.is_caught_up()
        _read(late, 4)
        assert late.is_caught_up()


def test_later_records_are_seen_too(bus: Bus) -> None:
    """A subscription goes on after its past; it waits no longer than it must."""
    with closing(bus.subscribe(Topic.DRILL, Topic.VERDICT)) as subscription:
        _fill(bus, Topic.DRILL, 1)
        assert [record.topic for record in _read(subscription, 1)] == [Topic.DRILL]
        _fill(bus, Topic.VERDICT, 1)
        assert [record.topic for record in _read(subscription, 1)] == [Topic.VERDICT]
        assert list(subscription.poll(0.05)) == []


def test_poll_returns_no_more_than_asked_for(bus: Bus) -> None:
    """A large past comes in portions."""
    _fill(bus, Topic.STATE, 50)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        first = eventually(lambda: subscription.poll(0.1, 10), within_s=_ENOUGH_S)
        assert len(first) <= 10
        rest = _read(subscription, 50 - len(first))

    assert [int(record.value) for record in (*first, *rest)] == list(range(50))


def test_several_threads_may_publish(bus: Bus) -> None:
    """What threads with publishers of their own write is all there."""
    threads = [
        threading.Thread(target=_fill, args=(bus, Topic.TELEMETRY, 20), kwargs={"key": key})
        for key in "ABC"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(bus.subscribe(Topic.TELEMETRY)) as subscription:
        records = _read(subscription, 60)

    for key in "ABC":
        assert [int(it.value) for it in records if it.key == key] == list(range(20))


def test_bytes_come_back_as_they_were(bus: Bus) -> None:
    """Values are bytes, not text."""
    publisher = bus.publisher()
    publisher.publish(Topic.STATE, "R1", b"\x00\xff\xc1")
    publisher.flush()
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        assert _read(subscription, 1)[0].value == b"\x00\xff\xc1"


def test_a_saved_position_is_where_reading_goes_on(bus: Bus) -> None:
    """What was polled before the position was taken does not come again; the rest does."""
    _fill(bus, Topic.STATE, 6)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        read = eventually(lambda: subscription.poll(0.1, 4), within_s=_ENOUGH_S)
        saved = subscription.positions()
    _fill(bus, Topic.STATE, 2, first=6)
    with closing(bus.subscribe(Topic.STATE, begin=saved)) as again:
        assert not again.is_caught_up()
        rest = _read(again, 8 - len(read))
        assert again.is_caught_up()
        assert again.lag() == 0

    assert [int(record.value) for record in (*read, *rest)] == list(range(8))


def test_a_position_at_the_end_has_no_past(bus: Bus) -> None:
    """Nothing was missed: such a subscription is caught up at once, and hears what comes."""
    _fill(bus, Topic.STATE, 3)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        _read(subscription, 3)
        saved = subscription.positions()
    with closing(bus.subscribe(Topic.STATE, begin=saved)) as again:
        assert again.is_caught_up()
        _fill(bus, Topic.STATE, 1, first=3)
        assert [record.value for record in _read(again, 1)] == [b"3"]


def test_a_position_the_topic_has_never_reached_is_refused(bus: Bus) -> None:
    """A state saved beside another broker's topic is no state of this one."""
    _fill(bus, Topic.STATE, 3)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        beyond = {place: at + 100 for place, at in subscription.positions().items()}

    with pytest.raises(HistoryGone):
        bus.subscribe(Topic.STATE, begin=beyond)


def test_lag_is_what_was_not_read(bus: Bus) -> None:
    """It falls to nothing as records are polled."""
    _fill(bus, Topic.STATE, 5)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        eventually(lambda: subscription.poll(0.1, 1), within_s=_ENOUGH_S)
        assert subscription.lag() == 4
        eventually(
            lambda: subscription.poll(0.1) is not None and not subscription.lag(),
            within_s=_ENOUGH_S,
        )


def test_ends_are_after_everything_that_was_acknowledged(bus: Bus) -> None:
    """A subscription that begins there hears only what is published later."""
    _fill(bus, Topic.STATE, 7)
    ends = bus.ends(Topic.STATE, Topic.WARNING)
    _fill(bus, Topic.STATE, 1, first=7)
    with closing(bus.subscribe(Topic.STATE, begin=ends)) as subscription:
        assert [record.value for record in _read(subscription, 1)] == [b"7"]

    assert {topic for topic, _ in ends} == {Topic.STATE, Topic.WARNING}
    assert sum(at for (topic, _), at in ends.items() if topic is Topic.STATE) == 7
