"""The controller dies in the middle of a wave: the router goes back alone, the next one says so."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.broker import Broker
from console.kafka_bus import KafkaBus
from foreshadow.rollout_event import RolloutStep
from foreshadow.settings import BusSettings
from tests.eventually import eventually
from tests.integration.rollout.ring import BORDER, Board, Ring, propose, telemetry

S = RolloutStep
pytestmark = [pytest.mark.netns, pytest.mark.device, pytest.mark.kafka, pytest.mark.slow]


@contextmanager
def _controller(ring: Ring, bus: BusSettings, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`foreshadow run rollout`, a process of its own."""
    settings = {
        "FORESHADOW_RUN_DIR": str(directory),
        "FORESHADOW_INVENTORY": str(ring.production.inventory),
        "FORESHADOW_BUS__BOOTSTRAP": bus.bootstrap,
        "FORESHADOW_BUS__TOPIC_PREFIX": bus.topic_prefix,
        "FORESHADOW_ROLLOUT__PROFILE": "demo",
        "FORESHADOW_ROLLOUT__MAY_CONFIGURE": "true",
        "FORESHADOW_ROLLOUT__MOVED_TRAFFIC_CAP": "0.6",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "console.entry", "run", "rollout"], env={**os.environ, **settings}
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def test_killed_controller_leaves_a_router_that_goes_back_alone(
    ring: Ring, broker: Broker, run_id: str, tmp_path: Path
) -> None:
    """SIGKILL in the second wave's soak; the dead-man takes the wave back, the restart the rest."""
    settings = BusSettings(bootstrap=broker.bootstrap, topic_prefix=run_id)
    broker.create_topics(run_id)
    bus, before = KafkaBus(settings), ring.digest()
    prefixes = ring.prefixes
    candidate = propose(ring, "orphan", [prefixes[3:], prefixes[2:], prefixes[1:]])
    board = Board(bus, candidate.id)

    with telemetry(ring, bus, tmp_path):
        with _controller(ring, settings, tmp_path) as first:
            board.submit(candidate)
            board.until(S.SOAKING, wave=2)
            first.send_signal(signal.SIGKILL)
            first.wait(5)
        during = ring.digest()
        eventually(lambda: _is_first_wave(ring), within_s=20)
        alone = ring.digest()
        with _controller(ring, settings, tmp_path):
            end = board.until(S.REVERTED, S.REVERT_FAILED)

    reverting = next(event for event in board.seen if event.step is S.REVERTING)
    assert before != alone != during
    assert f"{BORDER} went back by itself" in reverting.says
    assert reverting.facts is not None
    assert 10 <= reverting.facts["reverted_after_s"] < 12
    assert end.step is S.REVERTED
    assert ring.digest() == before


def _is_first_wave(ring: Ring) -> bool:
    return "route-map FS-in-10.253.0.3-g1 in" in ring.production.running_config(BORDER)
