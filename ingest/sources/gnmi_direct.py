"""gNMI subscriptions of our own: one stream a target, begun anew whenever it breaks.

One thread a target does nothing but read; what they read is decoded and published by one, in
batches, so that a slow broker holds back the targets and not the memory. Every new beginning is a
new snapshot: what a target no longer tells by its `sync_response` is gone.
"""

import queue
import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import grpc
import structlog
from pydantic import BaseModel, ConfigDict, Field, field_validator

from foreshadow import meter as metrics
from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.meter import SILENT, Meter
from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from foreshadow.topology import NodeId
from ingest.collector import Collector
from ingest.heard import Heard, Refused
from ingest.source import Ground, Outlet
from ingest.sources.gnmi_channel import check, opened, subscribe
from ingest.sources.gnmi_notification import Notification
from ingest.sources.gnmi_protobuf import messages_of
from ingest.sources.gnmi_state import Arrival, GnmiState
from ingest.sources.gnmi_subscription import DEFAULT_PATHS, GnmiPath, GnmiSecurity, GnmiTarget

_MOST_WAITING = 256
"""Responses, of at most `LARGEST_INPUT_BYTES` each; beyond them the targets wait."""
_POLL_S = 0.2
_JOIN_S = 5.0
_LONGEST_BACKOFF_S = 60.0

log = structlog.get_logger(__name__)


class GnmiConfig(BaseModel):
    """Direct subscriptions, in a file of sources."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["gnmi"]
    targets: tuple[GnmiTarget, ...] = Field(min_length=1)
    paths: tuple[GnmiPath, ...] = Field(default=DEFAULT_PATHS, min_length=1)
    security: GnmiSecurity = GnmiSecurity()
    network_instance: str = Field(
        default="default", description="whose sessions and routes are the device's own"
    )
    retry_s: float = Field(default=1.0, gt=0, description="first pause before subscribing again")
    updates_only: Literal[False] = False

    @field_validator("updates_only", mode="before")
    @classmethod
    def _is_never(cls, value: object) -> object:
        if value:
            raise ValueError("updates_only gives no snapshot to take differences from; remove it")
        return value

    def open(self, ground: Ground) -> "GnmiSource":
        """The source, not connected yet.

        Raises:
            ConfigError: A target is no device of the inventory, or a file cannot be read.
        """
        known = {device.name for device in ground.devices}
        for number, target in enumerate(self.targets):
            if target.device not in known:
                raise ConfigError(
                    f"{target.device!r} is no device of the inventory; it has "
                    f"{', '.join(sorted(known))}",
                    field=f"targets.{number}.device",
                )
            check(target.security or self.security)
        return GnmiSource(self, ground.clock, vouch_s=ground.poll_s, meter=ground.meter)


class _Told(NamedTuple):
    """Something read from a target; no response where its stream began anew."""

    device: NodeId
    response: Any | None
    received_ns: int


class GnmiSource:
    """Subscribes to every target of a configuration."""

    name = "gnmi"

    def __init__(
        self,
        config: GnmiConfig,
        clock: Clock,
        rng: random.Random | None = None,
        *,
        vouch_s: float = 10.0,
        meter: Meter = SILENT,
    ) -> None:
        """Connect nothing yet.

        Args:
            config: Targets and paths.
            clock: Stamps what arrives.
            rng: Spreads the attempts of targets that fell silent together.
            vouch_s: How often it is said of a quiet target that what it told still holds.
            meter: Takes what is counted.
        """
        self._meter = meter
        self._vouch_s = vouch_s
        self._config, self._clock = config, clock
        self._rng = rng or random.Random()
        self._state = GnmiState(self.name, instance=config.network_instance)
        self._waiting: queue.Queue[_Told] = queue.Queue(_MOST_WAITING)
        self.restarts: dict[str, int] = {target.device: 0 for target in config.targets}
        """How often each device was subscribed to, for metrics."""
        self.failures = dict(self.restarts)
        """How often a subscription of each device failed or ended, for metrics."""

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish what the targets tell until `stop` is set."""
        collector = Collector(self.name, epoch, outlet, self._clock)
        readers = [_Reader(self, target, stop) for target in self._config.targets]
        for reader in readers:
            reader.start()
        try:
            vouched_s = self._clock.monotonic_s()
            while not stop.is_set():
                if batch := self._batch():
                    collector.take(each for told in batch for each in self._heard(told))
                if self._clock.monotonic_s() >= vouched_s + self._vouch_s:
                    vouched_s = self._clock.monotonic_s()
                    collector.take(self._vouched(readers))
                    self._measure()
        finally:
            stop.set()
            for reader in readers:
                reader.cancel()
            for reader in readers:
                reader.join(_JOIN_S)

    def _measure(self) -> None:
        self._state.tally.measure(self._meter, self.name)
        for device, count in self.restarts.items():
            self._meter.total(metrics.GNMI_SUBSCRIPTIONS, count, device=device)
            self._meter.total(metrics.GNMI_FAILURES, self.failures[device], device=device)

    def _batch(self) -> list[_Told]:
        try:
            batch = [self._waiting.get(timeout=_POLL_S)]
        except queue.Empty:
            return []
        while len(batch) < _MOST_WAITING and not self._waiting.empty():
            batch.append(self._waiting.get())
        return batch

    def _heard(self, told: _Told) -> Iterator[Heard]:
        response = told.response
        if response is None:
            self._state.restart(told.device)
            return
        for heard in self._understood(told.device, response, told.received_ns):
            if isinstance(heard, Refused):
                sample = response.SerializeToString()[:DEAD_LETTER_SAMPLE_BYTES]
                yield replace(heard, sample=sample)
            else:
                yield heard

    def _vouched(self, readers: Sequence["_Reader"]) -> Iterator[Heard]:
        """Of targets whose stream stands: a silent one has nothing new, or its pings would fail."""
        received_ns = to_ns(self._clock.now())
        for reader in readers:
            if reader.is_heard:
                yield from self._state.vouch(reader.device, received_ns=received_ns)

    def _understood(self, device: NodeId, response: Any, received_ns: int) -> Iterator[Heard]:
        arrival = Arrival(origin=f"gnmi:{device}", received_ns=received_ns)
        try:
            for message in messages_of(response):
                if isinstance(message, Notification):
                    yield from self._state.take(device, message, "", arrival)
                else:
                    yield from self._state.sync(device, "", arrival)
        except (RecursionError, ValueError) as error:
            yield arrival.refuse(f"not gNMI: {error}")

    def put(self, device: NodeId, response: Any | None, stop: threading.Event) -> None:
        """Hand over what was read; waits while too much is waiting."""
        told = _Told(device, response, to_ns(self._clock.now()))
        while not stop.is_set():
            try:
                self._waiting.put(told, timeout=_POLL_S)
            except queue.Full:
                continue
            return

    def backoff_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        longest = min(_LONGEST_BACKOFF_S, self._config.retry_s * 2.0 ** min(failures - 1, 10))
        return longest * self._rng.uniform(0.5, 1.0)

    def wishes(self, target: GnmiTarget) -> tuple[GnmiSecurity, Sequence[GnmiPath]]:
        """How a target is reached, and what is asked of it."""
        return target.security or self._config.security, self._config.paths


class _Reader(threading.Thread):
    """Reads one target until stopped; a target that does not answer is asked again."""

    def __init__(self, source: GnmiSource, target: GnmiTarget, stop: threading.Event) -> None:
        super().__init__(name=f"gnmi-{target.device}", daemon=True)
        self._source, self._target, self._stop_event = source, target, stop
        self.device = NodeId(target.device)
        self.is_heard = False
        self._call: Any | None = None
        self._failures = 0

    def run(self) -> None:
        """Subscribe, read, and begin anew."""
        security, paths = self._source.wishes(self._target)
        while not self._stop_event.is_set():
            try:
                with opened(self._target.address, security) as (stub, metadata):
                    self._call = subscribe(stub, metadata, paths, self._target.target)
                    self._read(self._call)
                reason = "the target ended the stream"
            except grpc.RpcError as error:
                reason = f"{error.code().name}: {error.details()}"
            except ConfigError as error:
                reason = str(error)
            self.is_heard = False
            if self._stop_event.is_set():
                return
            self._failures += 1
            self._source.failures[self._target.device] += 1
            if self._failures == 1:
                log.warning("device_fell_silent", device=self.device, reason=reason[:300])
            self._stop_event.wait(self._source.backoff_s(self._failures))

    def cancel(self) -> None:
        """Let go of a target that says nothing."""
        if self._call is not None:
            self._call.cancel()

    def _read(self, call: Any) -> None:
        self._source.restarts[self._target.device] += 1
        self._source.put(self.device, None, self._stop_event)
        for response in call:
            self.is_heard = True
            if self._failures:
                log.info("device_speaks_again", device=self.device)
                self._failures = 0
            self._source.put(self.device, response, self._stop_event)
            if self._stop_event.is_set():
                return
