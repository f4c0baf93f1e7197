"""One FRR router, watched: its streams when they are due, what its kernel counts, what occurred."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import structlog

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError, DeviceUnreachable
from foreshadow.incident import Incident
from foreshadow.inventory import DeviceEntry
from foreshadow.observed import Stream
from foreshadow.telemetry import TelemetrySample
from foreshadow.topics import LARGEST_RECORD_BYTES
from foreshadow.topology import NodeId
from frr.configuration import Daemon, fingerprint
from frr.vty import ReadOnlyRouter
from ingest import frr_reading
from ingest.heard import CounterReading, Refused
from ingest.rates_block import packed
from ingest.read_schedule import ReadSchedule
from ingest.refusal_gate import RefusalGate
from ingest.source import Outlet
from ingest.sources.frr_daemons import GLANCE_S, Daemons
from ingest.sources.frr_incidents import WATCHED, FrrIncidents
from ingest.sources.kernel_counters import kernel_counters
from ingest.sources.kernel_events import KernelEvents
from ingest.sources.pseudonym import without_secrets

_LONGEST_WAIT_S = 0.2
"""How soon the agent notices that it is to stop."""
_RETRY_S = 1.0
LARGEST_BODY_BYTES = LARGEST_RECORD_BYTES - (1 << 16)
"""What a record has room for beside its own envelope."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often a router is looked at.

    Attributes:
        poll_s: Everything is read at least this often.
        counters_s: What the kernel has counted is read this often.
        look_s: Whether the BGP table is another than it was is asked this often.
    """

    poll_s: float
    counters_s: float
    look_s: float


@dataclass(slots=True, kw_only=True)
class FrrWatch:
    """One router's part of the agent."""

    device: DeviceEntry
    source: str
    epoch: int
    pace: Pace
    clock: Clock
    outlet: Outlet
    stop: threading.Event
    _seqs: dict[Stream, int] = field(default_factory=dict)
    _is_silent: bool = False
    _gate: RefusalGate = field(default_factory=RefusalGate)
    _untold: list[Incident] = field(default_factory=list)
    _refused: list[Refused] = field(default_factory=list)
    _incidents: FrrIncidents = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing read."""
        self._incidents = FrrIncidents(NodeId(self.device.name), self.source)

    def run(self) -> None:
        """Read when due; begin anew where the router was not there."""
        with self._router() as router, self._router(timeout_s=GLANCE_S) as glancing:
            daemons = Daemons(glancing, self.clock, device=self.device.name)
            while not self.stop.is_set():
                try:
                    with KernelEvents(self.device.namespace) as events:
                        self._follow(_Line(events, router, glancing, daemons))
                except (DeviceUnreachable, OSError) as error:
                    self._fall_silent(str(error))
                    self.stop.wait(_RETRY_S)
        self._untold.extend(self._incidents.end())
        self._refused.extend(self._gate.finish())
        self._tell()

    def _fall_silent(self, reason: str) -> None:
        if not self._is_silent:
            log.warning("device_fell_silent", device=self.device.name, reason=reason)
        self._is_silent = True

    def _router(self, *, timeout_s: float = 5.0) -> ReadOnlyRouter:
        return ReadOnlyRouter(
            self.device.pathspace or "",
            device=self.device.name,
            timeout_s=timeout_s,
            stop=self.stop,
        )

    def _follow(self, line: "_Line") -> None:
        """Read until told to stop.

        Raises:
            DeviceUnreachable: The router's namespace, or its kernel, is not there (any more).
        """
        schedule, version = ReadSchedule(self.pace.poll_s), None
        counters_due_s = look_due_s = self.clock.monotonic_s()
        while not self.stop.is_set():
            line.events.check()
            if (now_s := self.clock.monotonic_s()) >= look_due_s:
                look_due_s = now_s + self.pace.look_s
                self._look_after_daemons(line.daemons, schedule)
                if (current := self._table_version(line)) != version:
                    version = current
                    schedule.note_paths(self.clock.monotonic_s())
            if due := schedule.due(self.clock.monotonic_s()):
                # Each leaves when it is read; all are acknowledged together.
                self.outlet.publish(filter(None, (self._read(line, it) for it in due)))
                self._tell()
            if (now_s := self.clock.monotonic_s()) >= counters_due_s:
                counters_due_s = now_s + self.pace.counters_s
                self.outlet.publish(self._counters())
            wait_s = min(schedule.next_s(), counters_due_s) - self.clock.monotonic_s()
            changed, is_link = line.events.wait(min(max(wait_s, 0), _LONGEST_WAIT_S))
            if changed:
                schedule.note(self.clock.monotonic_s(), is_link=is_link)

    def _look_after_daemons(self, daemons: Daemons, schedule: ReadSchedule) -> None:
        now_ns = to_ns(self.clock.now())
        restarted = tuple(daemons.restarted())
        for daemon in restarted:
            self._untold.extend(self._incidents.restarted(daemon, now_ns))
        if daemons.returned() or restarted:
            schedule.note_all(self.clock.monotonic_s())
        self._untold.extend(self._incidents.due(now_ns))
        self._refused.extend(self._gate.due(now_ns))
        self._tell()

    def _read(self, line: "_Line", stream: Stream) -> TelemetrySample | None:
        """One stream; nothing while a daemon that has part in it is silent."""
        asked = line.daemons.asked(frr_reading.COMMANDS[stream])
        if self.stop.is_set() or not line.daemons.are_answering(asked):
            return None
        at_ns = to_ns(self.clock.now())
        try:
            shown = _shown(line, stream)
            body = _fitting(stream, shown)
        except DeviceUnreachable as error:
            if not self.stop.is_set():
                line.daemons.note_silence(asked, error)
            return None
        except ConfigError as error:
            # A daemon's words about its configuration may be its configuration.
            is_secret = stream is Stream.CONFIG
            self._refuse(stream, "no running configuration" if is_secret else str(error), at_ns)
            return None
        if stream in WATCHED:
            # What cannot be read is refused, and counted, where the state is made.
            with suppress(*frr_reading.UNREADABLE):
                values = frr_reading.read(stream, shown)
                self._untold.extend(self._incidents.compare(stream, values, at_ns))
        if self._is_silent:
            log.info("device_answered_again", device=self.device.name)
        self._is_silent = False
        return self._numbered(stream, at_ns, "frr", body)

    def _refuse(self, stream: Stream, reason: str, at_ns: int) -> None:
        refused = Refused(reason=reason, origin=f"{self.source} {self.device.name} {stream}")
        sender = f"{self.device.name} {stream}"
        self._refused.extend(self._gate.let_through(sender, refused, at_ns))

    def _tell(self) -> None:
        if self._untold:
            self.outlet.tell(self._untold)
        if self._refused:
            self.outlet.refuse(self._refused)
        self._untold, self._refused = [], []

    def _table_version(self, line: "_Line") -> object:
        """What FRR counts up with every change of a best path.

        A best path can move to another exit on the same way out: the kernel's table, and so
        netlink, never hears of it.
        """
        command = frr_reading.BGP_SUMMARY
        if not line.daemons.knows(command) or not line.daemons.are_answering([Daemon.BGPD]):
            return None
        try:
            return frr_reading.table_version(line.glancing.show(command))
        except DeviceUnreachable as error:
            if not self.stop.is_set():
                line.daemons.note_silence([Daemon.BGPD], error)
        except (ConfigError, ValueError):
            pass  # Refused with its reason where the sessions are read.
        return None

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
            source=self.source,
            epoch=self.epoch,
            seq=self._seqs[stream],
            observed_at_ns=at_ns,
            encoding=encoding,
            body=body,
        )


@dataclass(frozen=True, slots=True)
class _Line:
    """The ways to one router, while it is there."""

    events: KernelEvents
    router: ReadOnlyRouter
    glancing: ReadOnlyRouter
    daemons: Daemons


def _fitting(stream: Stream, shown: dict[str, str]) -> bytes:
    """A reading's body.

    Raises:
        ConfigError: It is larger than a record.
    """
    body = frr_reading.body(shown)
    if len(body) > LARGEST_BODY_BYTES:
        raise ConfigError(
            f"{stream} takes {len(body) >> 20} MiB as text, more than the"
            f" {LARGEST_BODY_BYTES >> 20} MiB of a record; let the router tell it by BMP"
        )
    return body


def _shown(line: _Line, stream: Stream) -> dict[str, str]:
    """The answers that make a stream; empty where a daemon is not to run there."""
    shown = {
        command: line.router.show(command) if line.daemons.knows(command) else ""
        for command in frr_reading.COMMANDS[stream]
    }
    if stream is Stream.CONFIG:
        return _without_secrets(shown[frr_reading.RUNNING])
    with suppress(*frr_reading.UNREADABLE):  # Refused where it is read.
        while more := frr_reading.further_commands(stream, shown):
            shown |= {command: line.router.show(command) for command in more}
    return shown


def _without_secrets(config: str) -> dict[str, str]:
    """What travels of a running configuration: its passwords count, but do not leave."""
    return {
        frr_reading.RUNNING: without_secrets(config),
        frr_reading.FINGERPRINT: fingerprint(config),
    }
