"""Production, the broker, and the processes that follow: real ones, for a module's length."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from console.broker import Broker
from console.clean import remove_run
from console.house import House
from console.kafka_bus import KafkaBus
from console.ownership import Run, claim_run
from foreshadow.bus import Record
from foreshadow.clock import SystemClock
from foreshadow.control import decode_control
from foreshadow.fidelity_report import FidelityReport
from foreshadow.follower import Follower
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.settings import BusSettings
from foreshadow.topics import Topic
from frr.vty import ReadOnlyRouter
from shadow.emulation.design import design
from shadow.emulation.production import ProductionLab
from tests.eventually import eventually


@dataclass
class Following:
    """A network of four routers, and its shadow that follows it."""

    network: NetworkFile
    production: ProductionLab
    house: House
    bus: KafkaBus
    run: Run

    def mirror(self, node: str) -> ReadOnlyRouter:
        """A router of the mirror."""
        return ReadOnlyRouter(f"{self.run.run_id}-mirror-{node}", device=node)

    def records(self, topic: Topic) -> list[Record]:
        """Everything on a topic now."""
        found: list[Record] = []
        with closing(self.bus.subscribe(topic)) as subscription:
            while not subscription.is_caught_up():
                found += subscription.poll(0.1)
        return found

    def copy(self) -> Follower:
        """A fresh copy of production's state, as a consumer that starts now has it."""
        follower = Follower("test", self.bus.publisher(), SystemClock())
        for record in self.records(Topic.STATE):
            follower.take(record)
        return follower

    def fidelity(self) -> FidelityReport:
        """The mirror's last report.

        Raises:
            AssertionError: There is none yet.
        """
        found = [
            message
            for record in self.records(Topic.STATUS)
            for message in [decode_control(record.value)]
            if isinstance(message, FidelityReport)
        ]
        assert found, "no fidelity report yet"
        return found[-1]

    def await_level(self, where: Callable[[FidelityReport], bool] = lambda _: True) -> None:
        """Wait until the mirror does all that production does, and the report says so."""

        def is_level() -> bool:
            report = self.fidelity()
            assert report.share == 1, report.disagreements
            assert not report.is_stale
            return where(report)

        eventually(is_level, within_s=60, poll_s=0.3)

    def publish(self, topic: Topic, key: str, value: bytes) -> None:
        """Put one record on a topic."""
        publisher = self.bus.publisher()
        publisher.publish(topic, key, value)
        publisher.flush()


def encoded(value: msgspec.Struct) -> bytes:
    """A struct as the hot topics carry it."""
    return msgspec.msgpack.encode(value)


@pytest.fixture(scope="module")
def following(repository: Path, broker: Broker) -> Iterator[Following]:
    """Ingest and shadow at work on a production of four routers."""
    clock = SystemClock()
    path = repository / "tests" / "networks" / "square.yaml"
    network = parse_network(path.read_text(), path=path)
    run = claim_run(repository / ".run", pid=os.getpid(), command="pytest", clock=clock)
    try:
        broker.create_topics(run.run_id)
        production = ProductionLab(
            design(network)[1],
            run_id=run.run_id,
            network=network.name,
            directory=run.directory / "prod",
        )
        house = House(
            log_dir=run.directory / "logs",
            clock=clock,
            environment={
                "FORESHADOW_RUN_ID": run.run_id,
                "FORESHADOW_RUN_DIR": str(run.directory),
                "FORESHADOW_INVENTORY": str(production.inventory),
                "FORESHADOW_BUS__BOOTSTRAP": broker.bootstrap,
                "FORESHADOW_BUS__TOPIC_PREFIX": run.run_id,
                "FORESHADOW_INGEST__POLL_S": "2",
                "FORESHADOW_INGEST__HEARTBEAT_S": "1",
                "FORESHADOW_SHADOW__FIDELITY_S": "0.5",
            },
        )
        with production:
            production.up(within_s=60)
            house.start("ingest", "shadow")
            try:
                bus = KafkaBus(BusSettings(bootstrap=broker.bootstrap, topic_prefix=run.run_id))
                yield Following(
                    network=network, production=production, house=house, bus=bus, run=run
                )
            finally:
                house.stop()
    finally:
        remove_run(run, clock=clock)
