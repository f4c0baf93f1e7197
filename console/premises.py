"""Broker, production and processes of one run on this machine: up together, down in reverse."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.broker import Broker, start_broker
from console.house import PROCESSES, House
from console.interruption import Interruption
from console.kafka_bus import KafkaBus
from console.ownership import Run
from console.processes import ProcessMark, processes_of
from foreshadow.clock import Clock
from foreshadow.network_file import NetworkFile
from foreshadow.settings import BusSettings
from shadow.emulation.design import design
from shadow.emulation.production import ProductionLab

_PRODUCTION_WITHIN_S = 180.0
_LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What a run has standing."""

    broker: Broker
    bus: KafkaBus
    production: ProductionLab | None
    """None where the inventory names devices that are already there."""
    inventory: Path | None
    """The file that lists the devices."""
    house: House


@contextmanager
def premises(  # noqa: PLR0913 - what a run is made of
    run: Run,
    *,
    network: NetworkFile | None,
    inventory: Path | None,
    clock: Clock,
    interruption: Interruption,
    given_broker: BusSettings | None,
    told: Mapping[str, str],
) -> Iterator[Premises]:
    """Put everything up for the length of a `with` block.

    Args:
        run: Whose id everything carries.
        network: Production to emulate where there is no `inventory`.
        inventory: The operator's own devices.
        clock: Time.
        interruption: Asked between the parts.
        given_broker: The user's own Kafka, or None to start one.
        told: More `FORESHADOW_*` variables for the processes.

    Raises:
        ForeshadowError: A part did not come up.
        Interrupted: The operator stopped it.
    """
    with ExitStack() as stack:
        production = None
        if inventory is None and network is not None:
            production = ProductionLab(
                design(network)[1],
                run_id=run.run_id,
                network=network.name,
                directory=run.directory / "production",
            )
            stack.callback(production.down)
        raising = InBackground(lambda: production and production.up(within_s=_PRODUCTION_WITHIN_S))
        stack.callback(raising.settle)
        broker = stack.enter_context(start_broker(run, clock=clock, given=given_broker))
        interruption.check()
        broker.create_topics(run.run_id)
        settings = broker.bus.model_copy(update={"topic_prefix": run.run_id})
        while raising.is_running(within_s=_LOOK_EVERY_S):
            interruption.check()
        raising.join()
        interruption.check()
        listed = inventory or (production.inventory if production else None)
        house = House(run.directory / "logs", {**_told(run, settings, listed), **told}, clock)
        stack.callback(house.stop)
        house.start(*PROCESSES)
        yield Premises(
            broker=broker,
            bus=KafkaBus(settings),
            production=production,
            inventory=listed,
            house=house,
        )


def _told(run: Run, bus: BusSettings, inventory: Path | None) -> dict[str, str]:
    """What every process of the run is told."""
    return {
        "FORESHADOW_RUN_ID": run.run_id,
        "FORESHADOW_RUN_DIR": str(run.directory),
        "FORESHADOW_BUS__BOOTSTRAP": bus.bootstrap,
        "FORESHADOW_BUS__TOPIC_PREFIX": bus.topic_prefix,
        "FORESHADOW_ROLLOUT__JOURNAL": str(run.directory / "journal.sqlite"),
        **_ports(os.environ),
        # One BLAS thread each: six processes on two cores only get into each other's way.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    } | ({"FORESHADOW_INVENTORY": str(inventory.resolve())} if inventory else {})


def _ports(given: Mapping[str, str]) -> dict[str, str]:
    """Any free ports for metrics, where the operator has named none: runs share a host."""
    name = "FORESHADOW_METRICS__FIRST_PORT"
    return {} if name in given else {name: "0"}


def run_processes(run: Run) -> tuple[ProcessMark, ...]:
    """Every process of a run: in its namespaces, or told its id."""
    return processes_of(run.run_id, tuple(Path("/run/netns").glob(f"{run.run_id}-*")))


class InBackground:
    """One call on a thread of its own, whose error comes out where it is joined."""

    def __init__(self, call: Callable[[], object]) -> None:
        """Start it."""
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def is_running(self, *, within_s: float) -> bool:
        """Whether it still runs after so long; back at once when it has ended."""
        self._thread.join(within_s)
        return self._thread.is_alive()

    def join(self) -> None:
        """Wait for its end; raise what it raised."""
        self.settle()
        if self._error is not None:
            raise self._error

    def settle(self) -> None:
        """Wait for its end, however it ended."""
        self._thread.join()

    def _run(self, call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - carried to whoever joins
            self._error = error
