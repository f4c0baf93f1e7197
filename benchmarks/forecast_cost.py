"""What the forecast costs: history, a live step, triage, and the way of state to it.

`python -m benchmarks.forecast_cost [--json]`. The demand is the built-in profile up to the story's
first live interval (3,073 intervals, 204 demands); times are of one process that has a core.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from benchmarks._report import Row, median_row, run
from console import apache_kafka, topics
from console.kafka_bus import KafkaBus
from forecast.forecaster import Forecaster
from forecast.intake import Intake
from foreshadow.clock import SystemClock, to_ns
from foreshadow.delta import StateDelta
from foreshadow.follower import Follower
from foreshadow.present import Present
from foreshadow.settings import BusSettings, ForecastSettings
from foreshadow.topics import SPECS, Topic
from foreshadow.topology import NodeId
from ingest.normalize import Refused, normalize
from ingest.owner import StateOwner
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import DemandSeries, Story, demands, flow_samples
from scenarios.triage import NamedDemand, triage
from tests.fakes.bus import MemoryBus
from tests.planned_network import planned, planned_deltas
from tests.production_state import ABILENE, abilene

_RUN_ID = "fsbe9c41"
_ROUTERS = tuple(NodeId(router.name) for router in abilene().routers)


@cache
def _series() -> DemandSeries:
    profile = profile_matrices(
        ABILENE.with_name("abilene_profile.yaml"), abilene(), until=Story().live_from
    )
    return demands(profile, abilene())


def _fresh() -> Present:
    return planned(abilene())


def history_and_step() -> Iterator[Row]:
    """All of history learnt, then one live interval: predicted, judged and put into words."""
    series = _series()
    forecaster = Forecaster(ForecastSettings(), load_limit=0.85)
    forecaster.reroute(_fresh())
    begun_s = time.perf_counter()
    for matrix in series:
        outlook = forecaster.observe(matrix)
    yield median_row("history learnt", [time.perf_counter() - begun_s], "s", 15.0)
    if outlook is None:
        raise RuntimeError("no forecast after all of history")
    begun_s = time.perf_counter()
    forecaster.warn(outlook)
    outlook.forecasts()
    yield median_row("live step in words", [(time.perf_counter() - begun_s) * 1e3], "ms", None)


def failures_ranked() -> Iterator[Row]:
    """All single failures of a network seen for the first time, then again at another demand."""
    demands = (NamedDemand(name="now", matrix=_series().matrix(0)),)
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(5):
        network = _fresh()
        for times in (cold, warm):
            begun_s = time.perf_counter()
            triage(network, demands, limit_ratio=0.85)
            times.append((time.perf_counter() - begun_s) * 1e3)
    yield median_row("triage of every failure and pair, first time", cold, "ms", None)
    yield median_row("triage of every failure and pair, again", warm, "ms", None)


def state_read() -> Iterator[Row]:
    """The state topic into demand matrices: by subscription, and by a faust agent."""
    if (lack := apache_kafka.lack()) is not None:
        raise SystemExit(f"needs Apache Kafka: {lack}")
    with _broker() as bootstrap:
        records = _fill(bootstrap)
        yield median_row("state by subscription", [_subscribed_s(bootstrap, records)], "s", 15.0)
        yield median_row("state by faust agent", [_faust_s(bootstrap, records)], "s", None)


@contextmanager
def _broker() -> Iterator[str]:
    with TemporaryDirectory() as directory:
        child, bootstrap = apache_kafka.start(_RUN_ID, Path(directory), clock=SystemClock())
        try:
            topics.create_topics(BusSettings(bootstrap=bootstrap), _RUN_ID, SPECS)
            yield bootstrap
        finally:
            child.kill()
            child.wait()


def _fill(bootstrap: str) -> int:
    publisher = KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=_RUN_ID)).publisher()
    count = 0
    for delta in _deltas():
        publisher.publish(Topic.STATE, delta.device, msgspec.msgpack.encode(delta))
        count += 1
    publisher.flush()
    return count


def _deltas() -> Iterator[StateDelta]:
    yield from planned_deltas(abilene())
    owner = StateOwner(1)
    for number, matrix in enumerate(_series(), start=1):
        for sample in flow_samples(matrix, epoch=1, seq=number, observed_at_ns=to_ns(matrix.at)):
            reading = normalize(sample)
            if not isinstance(reading, Refused):
                yield from owner.take(reading)


def _subscribed_s(bootstrap: str, records: int) -> float:
    bus = KafkaBus(BusSettings(bootstrap=bootstrap, topic_prefix=_RUN_ID))
    intake = Intake(Follower("bench", MemoryBus().publisher(), SystemClock()), _ROUTERS)
    subscription = bus.subscribe(Topic.STATE)
    seen, begun_s = 0, 0.0
    while seen < records:
        batch = subscription.poll(0.1, 2000)
        begun_s = begun_s or time.perf_counter()
        seen += len(batch)
        for record in batch:
            intake.take(record)
    subscription.close()
    return time.perf_counter() - begun_s


def _faust_s(bootstrap: str, records: int) -> float:
    command = [sys.executable, "-m", "benchmarks._faust_reader", bootstrap, _RUN_ID, str(records)]
    done = subprocess.run(
        [*command, *_ROUTERS], capture_output=True, text=True, timeout=180, check=True
    )
    return float(done.stdout.split()[0])


if __name__ == "__main__":
    run("What the forecast costs", (history_and_step, failures_ranked, state_read))
