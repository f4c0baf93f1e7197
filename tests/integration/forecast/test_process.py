"""The forecast and drills processes as they really run: on Kafka, and killed in the middle."""

import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import pytest

from console.broker import Broker
from console.kafka_bus import KafkaBus
from console.topics import create_topics
from foreshadow.bus import Subscription
from foreshadow.clock import to_ns
from foreshadow.codec import from_json
from foreshadow.delta import StateDelta
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Experiment
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, Topic
from foreshadow.warning import ForecastStep, SpikeWarning
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, Story, demands, flow_samples
from tests.eventually import eventually
from tests.planned_network import planned_deltas
from tests.production_state import ABILENE, abilene

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

T = TypeVar("T")
DAYS = 3
STORY = Story()
STEP = timedelta(minutes=5)
WITHIN_S = 120


class _Listener(Generic[T]):
    """Everything that was said on one topic so far."""

    def __init__(self, subscription: Subscription, kind: type[T]) -> None:
        self._subscription, self._kind = subscription, kind
        self.heard: list[T] = []

    def hear(self) -> list[T]:
        self.heard += [from_json(r.value, self._kind) for r in self._subscription.poll(0.1)]
        return self.heard


@pytest.fixture
def bus(broker: Broker, run_id: str) -> KafkaBus:
    """A bus whose state topic holds the planned network and the days before the story's peak."""
    create_topics(broker.bus, run_id, SPECS)
    filled = KafkaBus(BusSettings(bootstrap=broker.bootstrap, topic_prefix=run_id))
    _publish(filled, _state())
    return filled


def _publish(bus: KafkaBus, deltas: Iterator[StateDelta]) -> None:
    publisher = bus.publisher()
    for delta in deltas:
        publisher.publish(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    publisher.flush()


def _state() -> Iterator[StateDelta]:
    yield from planned_deltas(abilene())
    series, owner = _series(), StateOwner(1)
    until = series.index(STORY.live_from)
    for number in range(until - DAYS * 288, until + 1):
        yield from _interval(owner, series.matrix(number), number)


def _one_more() -> Iterator[StateDelta]:
    """The interval after those, as the same owner would have sent it."""
    series, owner = _series(), StateOwner(1)
    last = series.index(STORY.live_from) + 1
    for number in range(last - 1 - DAYS * 288, last):
        deque(_interval(owner, series.matrix(number), number), maxlen=0)
    return _interval(owner, series.matrix(last), last)


def _interval(owner: StateOwner, matrix: DemandMatrix, number: int) -> Iterator[StateDelta]:
    for sample in flow_samples(matrix, epoch=1, seq=number + 1, observed_at_ns=to_ns(matrix.at)):
        reading = normalize(sample)
        assert not isinstance(reading, Refused)
        yield from owner.take(reading)


def _series() -> DemandSeries:
    profile = ABILENE.with_name("abilene_profile.yaml")
    until = STORY.live_from + timedelta(minutes=10)
    return demands(profile_matrices(profile, abilene(), until=until), abilene())


@pytest.fixture
def environment(broker: Broker, run_id: str, tmp_path: Path) -> dict[str, str]:
    """What the processes are told."""
    inventory = tmp_path / "inventory.yaml"
    devices = "".join(
        f"  - {{name: {router.name}, ssh_key: k, known_hosts: h}}\n" for router in abilene().routers
    )
    inventory.write_text(f"version: 1\nnetwork: abilene\ndevices:\n{devices}")
    return {
        "FORESHADOW_RUN_ID": run_id,
        "FORESHADOW_INVENTORY": str(inventory),
        "FORESHADOW_BUS__BOOTSTRAP": broker.bootstrap,
        "FORESHADOW_BUS__TOPIC_PREFIX": run_id,
        "FORESHADOW_RUN_DIR": str(tmp_path),
        "FORESHADOW_FORECAST__WARN_FROM": STORY.live_from.isoformat(),
        "FORESHADOW_FORECAST__HORIZONS_S": "[3600, 10800]",
        "FORESHADOW_FORECAST__CHECKPOINT_S": "1",
    }


@contextmanager
def _process(name: str, environment: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    child = subprocess.Popen(
        [sys.executable, "-m", "console.entry", "run", name], env={**os.environ, **environment}
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _live(steps: _Listener[ForecastStep]) -> list[ForecastStep]:
    return [step for step in steps.hear() if step.is_live]


def test_the_chain_from_history_to_a_drill_survives_kills(
    bus: KafkaBus, environment: dict[str, str]
) -> None:
    """Killed while it learns, stopped after it warned: it goes on, and says each thing once."""
    steps = _Listener(bus.subscribe(Topic.FORECAST), ForecastStep)
    warnings = _Listener(bus.subscribe(Topic.WARNING), SpikeWarning)
    drills = _Listener(bus.subscribe(Topic.DRILL), Experiment)
    with _process("drills", environment):
        with _process("forecast", environment) as learning:
            eventually(lambda: len(steps.hear()) > DAYS * 288 / 2, within_s=WITHIN_S)
            learning.send_signal(signal.SIGKILL)
        with _process("forecast", environment) as going_on:
            (drill,) = eventually(drills.hear, within_s=WITHIN_S)
            (live,) = eventually(lambda: _live(steps), within_s=WITHIN_S)
            eventually(lambda: len(warnings.hear()) >= live.warnings_sent, within_s=WITHIN_S)
            said = list(warnings.heard)
            going_on.send_signal(signal.SIGTERM)
            status = going_on.wait(WITHIN_S)
    heard = len(steps.hear())
    _publish(bus, _one_more())
    with _process("forecast", environment):
        eventually(lambda: steps.hear()[heard:], within_s=WITHIN_S)

    assert said[0].under_failure == "CHINng-NYCMng"
    assert {warning.made_at for warning in said} == {STORY.live_from}
    assert drill.cut == ("CHINng-NYCMng",)
    assert warnings.hear() == said
    assert status == 0
    (after,) = steps.hear()[heard:]
    assert after.is_live
    assert (after.steps_seen, after.made_at - live.made_at) == (live.steps_seen + 1, STEP)
