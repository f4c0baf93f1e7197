"""The forecast and drills processes as they really run: on Kafka, and killed in the middle."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
from foreshadow.experiment import Experiment
from foreshadow.settings import BusSettings
from foreshadow.topics import SPECS, Topic
from foreshadow.warning import ForecastStep, SpikeWarning
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands, flow_samples
from tests.eventually import eventually
from tests.planned_network import planned_deltas
from tests.production_state import ABILENE, abilene

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

T = TypeVar("T")
DAYS = 4
STORY = Story()
WITHIN_S = 90


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
    publisher = filled.publisher()
    for delta in _state():
        publisher.publish(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
    publisher.flush()
    return filled


def _state() -> Iterator[StateDelta]:
    yield from planned_deltas(abilene())
    profile = ABILENE.with_name("abilene_profile.yaml")
    series = demands(profile_matrices(profile, abilene(), until=STORY.live_from), abilene())
    owner = StateOwner(1)
    for number in range(len(series) - DAYS * 288, len(series)):
        matrix = series.matrix(number)
        for sample in flow_samples(
            matrix, epoch=1, seq=number + 1, observed_at_ns=to_ns(matrix.at)
        ):
            reading = normalize(sample)
            assert not isinstance(reading, Refused)
            yield from owner.take(reading)


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
        "FORESHADOW_FORECAST__WARN_FROM": STORY.live_from.isoformat(),
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
    """Killed while it learns and again after it warned, the forecast says each thing once."""
    steps = _Listener(bus.subscribe(Topic.FORECAST), ForecastStep)
    warnings = _Listener(bus.subscribe(Topic.WARNING), SpikeWarning)
    drills = _Listener(bus.subscribe(Topic.DRILL), Experiment)
    with _process("drills", environment):
        with _process("forecast", environment) as learning:
            eventually(steps.hear, within_s=WITHIN_S)
            learning.send_signal(signal.SIGKILL)
        with _process("forecast", environment):
            (drill,) = eventually(drills.hear, within_s=WITHIN_S)
            lives = eventually(lambda: _live(steps), within_s=WITHIN_S)
            said = list(warnings.hear())
    with _process("forecast", environment) as successor:
        eventually(lambda: _live(steps)[len(lives) :], within_s=WITHIN_S)
        successor.send_signal(signal.SIGTERM)
        status = successor.wait(10)

    assert said[0].under_failure == "CHINng-NYCMng"
    assert {warning.made_at for warning in said} == {STORY.live_from}
    assert drill.cut == ("CHINng-NYCMng",)
    assert warnings.hear() == said
    assert status == 0
