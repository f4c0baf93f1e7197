"""A broker that goes away and comes back costs nothing but delay."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from console import apache_kafka, topics
from console.kafka_bus import KafkaBus
from foreshadow.clock import SystemClock
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, Topic
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

_BEFORE, _DURING = 300, 300
_AWAY_S = 8.0
"""Longer than a client's first attempts, shorter than a test may take."""


def test_nothing_is_lost_doubled_or_reordered_over_an_outage(run_id: str, tmp_path: Path) -> None:
    """The broker is killed and started again on its files; writer and reader go on."""
    child, bootstrap = apache_kafka.start(run_id, tmp_path, clock=SystemClock())
    settings = BusSettings(bootstrap=bootstrap, topic_prefix=run_id)
    written, away = threading.Event(), threading.Event()
    topics.create_topics(settings, run_id, SPECS)
    bus = KafkaBus(settings)

    def write() -> None:
        publisher = bus.publisher()
        for number in range(_BEFORE + _DURING):
            if number == _BEFORE:
                publisher.flush()
                written.set()
                away.wait(60)
            publisher.publish(Topic.STATE, "R1", str(number).encode())
        publisher.flush()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        with closing(bus.subscribe(Topic.STATE)) as subscription:
            seen: list[int] = []

            def read(wanted: int) -> bool:
                seen.extend(int(record.value) for record in subscription.poll(0.2))
                return len(seen) >= wanted

            assert written.wait(60)
            eventually(lambda: read(_BEFORE), within_s=60)
            child.kill()
            child.wait()
            away.set()
            clock, gone_s = SystemClock(), SystemClock().monotonic_s()
            # Reading goes on meanwhile, as a process does: it finds nothing, and does not fail.
            eventually(
                lambda: not subscription.poll(0.5) and clock.monotonic_s() - gone_s > _AWAY_S,
                within_s=60,
            )
            child = apache_kafka.start_again(run_id, tmp_path, bootstrap, clock=SystemClock())
            eventually(lambda: read(_BEFORE + _DURING), within_s=90)
        writer.join(60)
        assert not writer.is_alive()
    finally:
        away.set()
        child.kill()
        child.wait()

    assert seen == list(range(_BEFORE + _DURING))
