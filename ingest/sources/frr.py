"""The read-only agent for FRR routers on this host: says what they say, as soon as it changes.

One thread a router, so that one that hangs holds up nobody. It has no way to send a router anything
but `show`: the client it uses refuses everything else.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict, Field

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError, DeviceUnreachable
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import Stream
from foreshadow.telemetry import TelemetrySample
from foreshadow.topology import NodeId
from frr.configuration import fingerprint
from frr.vty import ReadOnlyRouter
from ingest import frr_reading
from ingest.heard import CounterReading
from ingest.rates_block import packed
from ingest.read_schedule import ReadSchedule
from ingest.source import Ground, Outlet
from ingest.sources.kernel_counters import kernel_counters
from ingest.sources.kernel_events import KernelEvents
from ingest.sources.pseudonym import without_secrets

_LONGEST_WAIT_S = 0.2
"""How soon the agent notices that it is to stop."""
_RETRY_S = 1.0
COUNTERS_S = 10.0
"""Between two readings of the counters, unless a setting says otherwise."""

log = structlog.get_logger(__name__)


class FrrAgentConfig(BaseModel):
    """The agent in a file of sources: it watches every FRR router of the inventory."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["frr-agent"]
    poll_s: float | None = Field(default=None, gt=0, description="none: the process's own")
    counters_s: float = Field(default=COUNTERS_S, gt=0, description="counters are read so often")

    def open(self, ground: Ground) -> "FrrAgent":
        """The agent, not running yet."""
        return FrrAgent(
            ground.devices,
            ground.clock,
            poll_s=self.poll_s or ground.poll_s,
            counters_s=self.counters_s,
        )


class FrrAgent:
    """Watches every router of an inventory."""

    name = "frr-agent"

    def __init__(
        self,
        devices: Sequence[DeviceEntry],
        clock: Clock,
        *,
        poll_s: float,
        counters_s: float = COUNTERS_S,
    ) -> None:
        """Open nothing yet.

        Args:
            devices: Routers of this host, each with its namespace and pathspace.
            clock: Stamps the readings.
            poll_s: Everything is read at least this often.
            counters_s: What the kernel has counted is read this often.
        """
        self._devices, self._clock = devices, clock
        self._poll_s, self._counters_s = poll_s, counters_s

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish readings until `stop` is set.

        Raises:
            Exception: Whatever stopped a router's thread; a silent router is no such thing.
        """
        failures: list[Exception] = []

        def watch(device: DeviceEntry) -> None:
            try:
                _Watch(device, self._clock, epoch, self._poll_s, self._counters_s).run(outlet, stop)
            except Exception as error:  # noqa: BLE001 - raised below, in the thread that waits.
                failures.append(error)
                stop.set()

        threads = [
            threading.Thread(target=watch, args=(device,), name=f"agent-{device.name}")
            for device in self._devices
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]


@dataclass(slots=True)
class _Watch:
    """One router's agent."""

    device: DeviceEntry
    clock: Clock
    epoch: int
    poll_s: float
    counters_s: float
    _seqs: dict[Stream, int] = field(default_factory=dict)
    _is_silent: bool = False

    def run(self, outlet: Outlet, stop: threading.Event) -> None:
        """Read when due; begin anew where the router was not there."""
        while not stop.is_set():
            try:
                with (
                    KernelEvents(self.device.namespace) as events,
                    ReadOnlyRouter(self.device.pathspace or "", device=self.device.name) as router,
                ):
                    self._follow(router, events, outlet, stop)
            except (DeviceUnreachable, ConfigError) as error:
                if not self._is_silent:
                    log.warning("device_fell_silent", device=self.device.name, reason=str(error))
                self._is_silent = True
                stop.wait(_RETRY_S)

    def _follow(
        self,
        router: ReadOnlyRouter,
        events: KernelEvents,
        outlet: Outlet,
        stop: threading.Event,
    ) -> None:
        schedule, version = ReadSchedule(self.poll_s), None
        counters_due_s = self.clock.monotonic_s()
        while not stop.is_set():
            if (current := _table_version(router)) != version:
                version = current
                schedule.note_paths(self.clock.monotonic_s())
            due = schedule.due(self.clock.monotonic_s())
            if due:
                outlet.publish(self._readings(router, due))
            if (now_s := self.clock.monotonic_s()) >= counters_due_s:
                counters_due_s = now_s + self.counters_s
                outlet.publish(self._counters())
            wait_s = min(schedule.next_s(), counters_due_s) - self.clock.monotonic_s()
            changed, is_link = events.wait(min(max(wait_s, 0), _LONGEST_WAIT_S))
            if changed:
                schedule.note(self.clock.monotonic_s(), is_link=is_link)

    def _readings(
        self, router: ReadOnlyRouter, streams: Iterable[Stream]
    ) -> Iterator[TelemetrySample]:
        for stream in streams:
            at_ns = to_ns(self.clock.now())
            shown = {command: _shown(router, command) for command in frr_reading.COMMANDS[stream]}
            if stream is Stream.CONFIG:
                shown = _without_secrets(shown[frr_reading.RUNNING])
            with suppress(ValueError):  # What is not FRR's answer is refused where it is read.
                while more := frr_reading.further_commands(stream, shown):
                    shown |= {command: router.show(command) for command in more}
            yield self._numbered(stream, at_ns, "frr", frr_reading.body(shown))
        if self._is_silent:
            log.info("device_answered_again", device=self.device.name)
        self._is_silent = False

    def _counters(self) -> Iterator[TelemetrySample]:
        """What the kernel has counted; numbered with the stream that it lies beside."""
        at_ns = to_ns(self.clock.now())
        counters = kernel_counters(self.device.namespace)
        reading = CounterReading(device=NodeId(self.device.name), at_ns=at_ns, counters=counters)
        for block in packed(reading):
            body = msgspec.msgpack.encode(block)
            yield self._numbered(Stream.INTERFACE, at_ns, "counters", body)

    def _numbered(
        self, stream: Stream, at_ns: int, encoding: Literal["frr", "counters"], body: bytes
    ) -> TelemetrySample:
        self._seqs[stream] = self._seqs.get(stream, 0) + 1
        return TelemetrySample(
            device=NodeId(self.device.name),
            stream=stream,
            source=FrrAgent.name,
            epoch=self.epoch,
            seq=self._seqs[stream],
            observed_at_ns=at_ns,
            encoding=encoding,
            body=body,
        )


def _shown(router: ReadOnlyRouter, command: str) -> str:
    """The answer of the daemon that knows; nothing where that daemon is not to run."""
    return router.show(command) if router.knows(command) else ""


def _table_version(router: ReadOnlyRouter) -> object:
    """What FRR counts up with every change of a best path.

    A best path can move to another exit on the same way out: the kernel's table, and so netlink,
    never hears of it.
    """
    if not router.knows(frr_reading.BGP_SUMMARY):
        return None
    return router.show_json(frr_reading.BGP_SUMMARY).get("tableVersion")


def _without_secrets(config: str) -> dict[str, str]:
    """What travels of a running configuration: its passwords count, but do not leave."""
    return {
        frr_reading.RUNNING: without_secrets(config),
        frr_reading.FINGERPRINT: fingerprint(config),
    }
