"""Flows over UDP, as exporters send them.

UDP waits for nobody: while one datagram is decoded the next ones stand in the kernel's buffer, and
what finds no room there is gone. So the thread that receives never waits for the broker, and what
the kernel dropped is counted.
"""

import queue
import selectors
import socket
import struct
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Literal

import structlog
from pydantic import Field

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.meter import FLOW_DROPPED, FLOW_UNSENT, SILENT, Meter
from ingest.collector import Collector
from ingest.heard import DemandReading
from ingest.source import Ground, Outlet
from ingest.sources.flow_decoder import FlowHeard
from ingest.sources.flow_feed import FlowConfig, FlowFeed

_SO_RXQ_OVFL = 40
"""Linux: each datagram brings along how many were dropped before it, since the socket was made."""
_SO_RCVBUFFORCE = 33
_LONGEST = 65_535
_BATCH = 256
_WAIT_S = 0.2
_QUEUE = 10_000
_SECOND_NS = 1_000_000_000

log = structlog.get_logger(__name__)


class FlowListenerConfig(FlowConfig):
    """A listener for flows in a file of sources."""

    kind: Literal["flow-listener"]
    listen: tuple[str, ...] = Field(
        default=("127.0.0.1:2055", "127.0.0.1:4739", "127.0.0.1:6343"),
        min_length=1,
        description="ADDRESS:PORT, with [] around IPv6; any protocol on any of them",
    )
    receive_buffer_bytes: int = Field(default=8 << 20, ge=4_096)

    def open(self, ground: Ground) -> "FlowListener":
        """The listener with its sockets bound, not receiving yet.

        Raises:
            ConfigError: It cannot listen there; names the address.
        """
        feed = self.feed(ground, since_ns=to_ns(ground.clock.now()))
        sockets: list[socket.socket] = []
        try:
            sockets.extend(_bound(each, self.receive_buffer_bytes) for each in self.listen)
        except ConfigError:
            for each in sockets:
                each.close()
            raise
        return FlowListener(sockets, feed, ground.clock, meter=ground.meter)


class FlowListener:
    """Receives flows and publishes the demand they tell of."""

    name = "flow-listener"

    def __init__(
        self,
        sockets: list[socket.socket],
        feed: FlowFeed,
        clock: Clock,
        *,
        meter: Meter = SILENT,
    ) -> None:
        """Take over bound sockets; `run` closes them."""
        self.feed = feed
        self.addresses = tuple(each.getsockname()[:2] for each in sockets)
        """(address, port) of each socket: a configured port 0 is any that was free."""
        self.not_queued = 0
        """Refusals and intervals that the broker was away too long for."""
        self._sockets, self._clock, self._meter = sockets, clock, meter
        self._dropped = dict.fromkeys(sockets, 0)
        self._passed_ns = 0

    @property
    def dropped(self) -> int:
        """Datagrams that found the kernel's buffers full."""
        return sum(self._dropped.values())

    def close(self) -> None:
        """Give the sockets back, where `run` was never called."""
        for each in self._sockets:
            each.close()

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Receive until `stop` is set.

        Raises:
            Exception: Whatever kept the outlet from taking what was heard.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        sender = _Sender(collector, stop)
        with closing(self), selectors.DefaultSelector() as selector:
            for each in self._sockets:
                selector.register(each, selectors.EVENT_READ)
            log.info("flow_listener_started", addresses=[f"{a}:{p}" for a, p in self.addresses])
            sender.start()
            try:
                while not stop.is_set():
                    for key, _ in selector.select(_WAIT_S):
                        self._put(sender, self._receive(key.fileobj))  # type: ignore[arg-type]
                    self._put(sender, self._pass_time())
            finally:
                self._put(sender, self.feed.refusals.finish())
                sender.finish()

    def _put(self, sender: "_Sender", heard: Iterable[FlowHeard]) -> None:
        for each in heard:
            if isinstance(each, DemandReading):
                self._log(each)
            self.not_queued += not sender.put(each)

    def _log(self, reading: DemandReading) -> None:
        for each in self.feed.demands[reading.device].account.recent:
            if each.start_ns == reading.start_ns:
                log.info(
                    "demand_interval_closed",
                    device=each.device,
                    start_ns=each.start_ns,
                    rate_bps=round(each.rate_bps),
                    prefixes=each.prefixes,
                    packets=each.packets,
                    relative_error=round(each.relative_error, 4),
                )

    def _receive(self, sock: socket.socket) -> Iterator[FlowHeard]:
        """What a socket has ready, a batch at most: the others have their turn."""
        now_ns = to_ns(self._clock.now())
        for _ in range(_BATCH):
            try:
                raw, extra, _, peer = sock.recvmsg(_LONGEST, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return
            for level, kind, body in extra:
                if (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL):
                    (self._dropped[sock],) = struct.unpack("=I", body[:4])
            sender = peer[0].removeprefix("::ffff:")
            yield from self.feed.hear(
                raw, sender=sender, origin=f"{sender}#{peer[1]}", received_ns=now_ns
            )

    def _pass_time(self) -> Iterator[FlowHeard]:
        now_ns = to_ns(self._clock.now())
        if abs(now_ns - self._passed_ns) >= _SECOND_NS:
            self._passed_ns = now_ns
            self.feed.measure(self._meter)
            self._meter.total(FLOW_DROPPED, self.dropped)
            self._meter.total(FLOW_UNSENT, self.not_queued)
            yield from self.feed.pass_time(now_ns)


class _Sender:
    """Takes what was heard to the broker, in a thread of its own."""

    def __init__(self, collector: Collector, stop: threading.Event) -> None:
        self._collector, self._stop = collector, stop
        self._queue: queue.Queue[FlowHeard] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._run, name="flow-sender")
        self._failure: Exception | None = None
        self._is_over = threading.Event()

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, heard: FlowHeard) -> bool:
        """Whether there was room for it."""
        try:
            self._queue.put_nowait(heard)
        except queue.Full:
            return False
        return True

    def finish(self) -> None:
        """Send what is left, and raise what went wrong."""
        self._is_over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not (self._is_over.is_set() and self._queue.empty()):
                if batch := self._next():
                    self._collector.take(batch)
        except Exception as error:  # noqa: BLE001 - raised by the thread that waits for this one.
            self._failure = error
            self._stop.set()

    def _next(self) -> list[FlowHeard]:
        """All that waits, a batch at most; nothing where nothing comes for a while."""
        batch: list[FlowHeard] = []
        with suppress(queue.Empty):
            batch.append(self._queue.get(timeout=_WAIT_S))
            while len(batch) < _BATCH:
                batch.append(self._queue.get_nowait())
        return batch


def _bound(where: str, buffer_bytes: int) -> socket.socket:
    host, _, port = where.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdecimal():
        raise ConfigError(f"{where!r} is not ADDRESS:PORT", field="listen")
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, buffer_bytes)
        except PermissionError:  # The limit of net.core.rmem_max holds for us.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
        sock.settimeout(0)
        sock.bind((host, int(port)))
    except (OSError, OverflowError) as error:
        sock.close()
        said = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"cannot listen on {where}: {said}; correct it", field="listen"
        ) from error
    return sock
