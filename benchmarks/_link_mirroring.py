"""How long the shadow takes to follow a cut: a row of the loop's table, in a file of its own.

Everything is real: 12 production routers, the agent, Kafka, ingest and shadow in processes of their
own. The clock is the host's monotonic one; it starts when the carrier in production is cut and ends
when the kernel of the mirror's router reports the same link down.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from benchmarks._report import Row, median_row
from console.broker import start_broker
from console.clean import remove_run
from console.house import House
from console.kafka_bus import KafkaBus
from console.ownership import Run, claim_run
from foreshadow.clock import SystemClock
from foreshadow.control import decode_control
from foreshadow.fidelity_report import FidelityReport
from foreshadow.network_file import parse_network
from foreshadow.settings import BusSettings
from foreshadow.topics import Topic
from foreshadow.topology import LinkId
from ingest.sources.kernel_events import KernelEvents
from shadow.emulation.design import design
from shadow.emulation.production import ProductionLab

_REPOSITORY = Path(__file__).resolve().parents[1]
_NETWORK = _REPOSITORY / "console" / "networks" / "abilene.yaml"
_CUT, _NEAR = LinkId("CHINng-NYCMng"), "CHINng"
_CUTS = 20
_TARGET_S = 2.0
_FOLLOWED_WITHIN_S = 30.0
_LEVEL_WITHIN_S = 90.0
_POLL_S = 0.2


def link_mirrored() -> Iterator[Row]:
    """From a cut in production to the same cut in the mirror, and from mending to mending.

    With 20 repetitions the 99th percentile is the slowest one.
    """
    with _house() as (production, bus, run):
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(_CUTS):
            for is_up in (False, True):
                _await_level(bus)
                times[is_up].append(_followed_s(production, run, is_up=is_up))
    yield Row(
        name="production link down -> down in the shadow, p99",
        value=max(times[False]),
        unit="s",
        target=_TARGET_S,
        repetitions=_CUTS,
    )
    yield median_row("production link down -> down in the shadow", times[False], "s", None)
    yield median_row("production link up -> up in the shadow", times[True], "s", None)


def _followed_s(production: ProductionLab, run: Run, *, is_up: bool) -> float:
    """Seconds from the change of the carrier until the mirror's kernel reports it."""
    clock = SystemClock()
    with KernelEvents(f"{run.run_id}-mirror-{_NEAR}") as mirror:
        changed_s = production.set_link(_CUT, is_up)
        while clock.monotonic_s() < changed_s + _FOLLOWED_WITHIN_S:
            _, is_link = mirror.wait(_POLL_S)
            if is_link:
                return clock.monotonic_s() - changed_s
    raise RuntimeError(f"the mirror did not follow {_CUT} within {_FOLLOWED_WITHIN_S} s")


def _await_level(bus: KafkaBus) -> None:
    """Wait for a fidelity report of 100 % that was made from now on."""
    clock = SystemClock()
    asked_at, deadline_s = clock.now(), clock.monotonic_s() + _LEVEL_WITHIN_S
    with closing(bus.subscribe(Topic.STATUS)) as subscription:
        while clock.monotonic_s() < deadline_s:
            for record in subscription.poll(_POLL_S):
                message = decode_control(record.value)
                if (
                    isinstance(message, FidelityReport)
                    and message.at > asked_at
                    and message.share == 1
                ):
                    return
    raise RuntimeError(f"the mirror did not agree with production within {_LEVEL_WITHIN_S} s")


@contextmanager
def _house() -> Iterator[tuple[ProductionLab, KafkaBus, Run]]:
    clock = SystemClock()
    run = claim_run(
        _REPOSITORY / ".run", pid=psutil.Process().pid, command="benchmarks.loop", clock=clock
    )
    spec = design(parse_network(_NETWORK.read_text(), path=_NETWORK))[1]
    production = ProductionLab(
        spec, run_id=run.run_id, network="abilene", directory=run.directory / "prod"
    )
    try:
        with start_broker(run, clock=clock) as broker, production:
            broker.create_topics(run.run_id)
            production.up(within_s=60)
            settings = BusSettings(bootstrap=broker.bootstrap, topic_prefix=run.run_id)
            house = House(
                log_dir=run.directory / "logs",
                clock=clock,
                environment={
                    "FORESHADOW_RUN_ID": run.run_id,
                    "FORESHADOW_RUN_DIR": str(run.directory),
                    "FORESHADOW_INVENTORY": str(production.inventory),
                    "FORESHADOW_BUS__BOOTSTRAP": settings.bootstrap,
                    "FORESHADOW_BUS__TOPIC_PREFIX": settings.topic_prefix,
                },
            )
            house.start("ingest", "shadow")
            try:
                yield production, KafkaBus(settings), run
            finally:
                house.stop()
    finally:
        remove_run(run, clock=clock)
