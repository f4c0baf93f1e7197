"""`foreshadow run NAME`: one process of the house, wired to Kafka and to its inventory.

The only place where rooms meet the adapters they need. A process that is told to stop (SIGTERM,
Ctrl-C) ends with 0; one whose broker goes away ends with an error, and whoever supervises it starts
it again: every process rebuilds its state from the bus.
"""

import importlib
import logging
import signal
import sys
import threading
from pathlib import Path

import structlog

from console.house import PROCESSES, WATCHERS
from console.kafka_bus import KafkaBus
from console.metered_bus import MeteredBus
from console.posts.post import Post
from console.prometheus import PrometheusMeter, serving
from console.status_report import reporting
from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from foreshadow.inventory import InventoryFile, parse_inventory
from foreshadow.settings import Settings

_REHEARSED = ("shadow",)


def serve(name: str, settings: Settings, clock: Clock, *, is_dry_run: bool = False) -> None:
    """Run one process until it is told to stop.

    Args:
        name: Which.
        settings: For all of them.
        clock: Time.
        is_dry_run: It says what it would do, and does nothing; the shadow alone can.

    Raises:
        ConfigError: No such process, or it has no dry run, or no inventory.
        BrokerUnreachable: Kafka does not answer.
    """
    known = (*PROCESSES, *WATCHERS)
    if name not in known:
        raise ConfigError(f"no process {name!r}; there are {', '.join(known)}")
    if is_dry_run and name not in _REHEARSED:
        raise ConfigError(f"{name} has no dry run; {', '.join(_REHEARSED)} has", field="--dry-run")
    inventory = read_inventory(settings.inventory)
    _log_to_stderr(name)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    meter, bus = PrometheusMeter(), KafkaBus(settings.bus)
    post = Post(
        bus=MeteredBus(bus, meter),
        settings=settings,
        inventory=inventory,
        clock=clock,
        stop=stop,
        meter=meter,
    )
    module = importlib.import_module(f"console.posts.{name}")
    if is_dry_run:
        module.rehearse(post)
        return
    with (
        serving(meter, settings.metrics, place=known.index(name)),
        reporting(name, meter, bus, clock, every_s=settings.metrics.report_s),
    ):
        module.serve(post)


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
    except UnicodeDecodeError as error:
        raise ConfigError(f"is not text: {error}", path=path) from error


def require_logins(inventory: InventoryFile, *, path: Path | None) -> None:
    """See that the files a login needs are there, before a device is called.

    Raises:
        ConfigError: One is not; names the device and the field.
    """
    for device in inventory.devices:
        for field in ("ssh_key", "known_hosts"):
            file: Path = getattr(device, field)
            if not file.is_file():
                raise ConfigError(
                    f"{file} is no file; the login to {device.name} needs it",
                    path=path,
                    field=f"devices.{device.name}.{field}",
                )


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
            # Bound to the context, it would be lost in threads: a source runs in one of its own.
            lambda _, __, event: {"process": name, **event},
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
