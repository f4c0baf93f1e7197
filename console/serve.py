"""`foreshadow run NAME`: one process of the house, wired to Kafka and to its inventory.

The only place where rooms meet the adapters they need. A process that is told to stop (SIGTERM,
Ctrl-C) ends with 0; one whose broker goes away ends with an error, and whoever supervises it starts
it again: every process rebuilds its state from the bus.
"""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

import forecast.app
import ingest.app
import policy_gen.app
import rollout.app
import scenarios.app
import scenarios.feedback
import shadow.app
from console.house import PROCESSES
from console.kafka_bus import KafkaBus
from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from foreshadow.inventory import InventoryFile, parse_inventory
from foreshadow.settings import Settings
from foreshadow.topology import NodeId
from ingest.sources.frr import FrrAgent
from scenarios.drill import run_experiment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Post:
    """What every process is given."""

    bus: Bus
    settings: Settings
    inventory: InventoryFile
    clock: Clock
    stop: threading.Event

    @property
    def routers(self) -> tuple[NodeId, ...]:
        return tuple(NodeId(device.name) for device in self.inventory.devices)


def serve(name: str, settings: Settings, clock: Clock) -> None:
    """Run one process until it is told to stop.

    Raises:
        ConfigError: No such process, or no inventory.
        BrokerUnreachable: Kafka does not answer.
    """
    if name not in _RUNS:
        raise ConfigError(f"no process {name!r}; there are {', '.join(PROCESSES)}")
    inventory = read_inventory(settings.inventory)
    _log_to_stderr(name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    post = _Post(
        bus=KafkaBus(settings.bus),
        settings=settings,
        inventory=inventory,
        clock=clock,
        stop=stop,
    )
    _RUNS[name](post)


def read_inventory(path: Path | None) -> InventoryFile:
    """The devices of the inventory file the settings name.

    Raises:
        ConfigError: There is none, or it is not one.
    """
    if path is None:
        raise ConfigError("which devices? name an inventory file", field="FORESHADOW_INVENTORY")
    try:
        return parse_inventory(path.read_text(), path=path)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error


def _ingest(post: _Post) -> None:
    ingest.app.run(
        post.bus,
        post.settings.ingest,
        post.clock,
        post.stop,
        epoch_file=post.settings.run_dir / "ingest.epoch",
        sources=(FrrAgent(post.inventory.devices, post.clock, poll_s=post.settings.ingest.poll_s),),
    )


def _forecast(post: _Post) -> None:
    forecast.app.run(
        post.bus,
        post.settings.forecast,
        post.clock,
        post.stop,
        load_limit=post.settings.policy.load_limit,
        routers=post.routers,
    )


def _shadow(post: _Post) -> None:
    shadow.app.run(
        post.bus,
        post.settings,
        post.clock,
        post.stop,
        routers=post.routers,
        experiment=run_experiment,
    )


def _drills(post: _Post) -> None:
    """Drills and, beside them, the comparison of what came with what was predicted."""
    scenarios.app.run(post.bus, post.settings, post.clock, post.stop, routers=post.routers)


def _policy(post: _Post) -> None:
    policy_gen.app.run(post.bus, post.settings, post.clock, post.stop, routers=post.routers)


def _rollout(post: _Post) -> None:
    rollout.app.run(post.bus, post.settings, post.clock, post.stop, inventory=post.inventory)


def _log_to_stderr(name: str) -> None:
    """Structured logs, one line an event, for people on a terminal and as JSON elsewhere."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(name)s: %(message)s")
    renderer = (
        structlog.dev.ConsoleRenderer()
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(process=name)


_RUNS: Mapping[str, Callable[[_Post], None]] = {
    "ingest": _ingest,
    "forecast": _forecast,
    "shadow": _shadow,
    "drills": _drills,
    "policy": _policy,
    "rollout": _rollout,
}
