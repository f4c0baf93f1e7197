"""A process tells its numbers on the bus, as long as it runs."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from console.prometheus import PrometheusMeter
from foreshadow.bus import Bus
from foreshadow.clock import Clock
from foreshadow.codec import to_json
from foreshadow.errors import BrokerUnreachable
from foreshadow.process_status import ProcessStatus
from foreshadow.topics import Topic

log = structlog.get_logger(__name__)


@contextmanager
def reporting(
    process: str, meter: PrometheusMeter, bus: Bus, clock: Clock, *, every_s: float
) -> Iterator[None]:
    """Tell the numbers on the status topic for the length of a `with` block.

    Args:
        process: Whose they are.
        meter: Keeps them.
        bus: Takes the reports; its own records are not counted.
        clock: Stamps them.
        every_s: Pause between two.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=_report, args=(process, meter, bus, clock, every_s, stop), name="status", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(every_s)


def _report(  # noqa: PLR0917 - a thread's arguments have no names.
    process: str,
    meter: PrometheusMeter,
    bus: Bus,
    clock: Clock,
    every_s: float,
    stop: threading.Event,
) -> None:
    publisher, started_at = bus.publisher(), clock.now()
    host, pid = socket.gethostname(), os.getpid()
    while not stop.wait(every_s):
        status = ProcessStatus(
            process=process,
            host=host,
            pid=pid,
            started_at=started_at,
            at=clock.now(),
            every_s=every_s,
            metrics=meter.values(),
        )
        try:
            publisher.publish(Topic.STATUS, f"process/{process}@{host}", to_json(status))
            publisher.flush()
        except BrokerUnreachable as error:
            # The process itself waits for the broker, or ends; a missing report says enough.
            log.warning("status_not_told", reason=str(error))
