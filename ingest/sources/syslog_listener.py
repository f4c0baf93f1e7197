"""The syslog server, over UDP (RFC 5426) and TCP (RFC 6587).

One thread serves all. Only incidents and refusals go to the broker, so that it seldom waits; while
it does, datagrams stand in the kernel's buffer, and what finds no room there is counted.
"""

import os
import selectors
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import structlog

from foreshadow import meter as metrics
from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.meter import SILENT, Meter
from ingest.collector import Collector
from ingest.device_names import host_of
from ingest.heard import Heard, Refused
from ingest.refusal_gate import RefusalGate
from ingest.source import Outlet
from ingest.sources.syslog_decoder import SOURCE, SyslogDecoder
from ingest.sources.syslog_framing import SyslogFraming, TooLong

_LONGEST_DATAGRAM = 1 << 16
_PIECE = 1 << 16
_BATCH = 256
_ROUND_S = 0.2
_MEASURED_EVERY_S = 1.0
_RECEIVE_BUFFER = 8 << 20
_SO_RXQ_OVFL = 40
"""Linux: each datagram brings along how many were dropped before it, since the socket was made."""
_SO_RCVBUFFORCE = 33
_IDLE_S = 600.0
"""Connections that say nothing for so long are closed: senders connect again when they must."""

Address = tuple[str, int]

log = structlog.get_logger(__name__)


class SyslogListener:
    """Serves devices until it is told to stop."""

    name = SOURCE

    def __init__(
        self,
        udp: Sequence[Address],
        tcp: Sequence[Address],
        decoder: SyslogDecoder,
        clock: Clock,
        *,
        most_connections: int = 256,
        meter: Meter = SILENT,
    ) -> None:
        """Open nothing yet.

        Args:
            udp: Where datagrams are taken; port 0 takes a free one.
            tcp: Where connections are.
            decoder: Reads the lines.
            clock: Time.
            most_connections: At a time.
            meter: Takes what is counted.
        """
        self._meter, self._measured_s = meter, float("-inf")
        self._udp, self._tcp, self.decoder = udp, tcp, decoder
        self._clock, self._most = clock, most_connections
        self._connections: dict[socket.socket, _Connection] = {}
        self._dropped: dict[socket.socket, int] = {}
        self._gate = RefusalGate()
        self.bound: tuple[tuple[Address, ...], tuple[Address, ...]] | None = None
        """UDP and TCP addresses, while it listens."""

    @property
    def dropped(self) -> int:
        """Datagrams that found the kernel's buffers full."""
        return sum(self._dropped.values())

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            ConfigError: An address cannot be listened at.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            datagrams = [stack.enter_context(_bound(it, is_tcp=False)) for it in self._udp]
            servers = [stack.enter_context(_bound(it, is_tcp=True)) for it in self._tcp]
            stack.callback(self._hang_up)
            for each in datagrams:
                selector.register(each, selectors.EVENT_READ, self._receive)
            for each in servers:
                selector.register(each, selectors.EVENT_READ, self._accept)
            self.bound = (
                tuple(each.getsockname()[:2] for each in datagrams),
                tuple(each.getsockname()[:2] for each in servers),
            )
            log.info("syslog_listens", udp=self.bound[0], tcp=self.bound[1])
            while not stop.is_set():
                for key, _ in selector.select(_ROUND_S):
                    _put(collector, key.data(key.fileobj, selector))
                _put(collector, self._due(selector))
            _put(collector, self._gate.finish())
            _put(collector, self.decoder.finish())

    def _hang_up(self) -> None:
        self.bound = None
        for each in self._connections:
            each.close()
        self._connections.clear()

    def _receive(self, sock: socket.socket, __: selectors.BaseSelector) -> Iterator[Heard]:
        """What a socket has ready, a batch at most: the others have their turn."""
        now_ns = to_ns(self._clock.now())
        for _ in range(_BATCH):
            try:
                raw, extra, _flags, peer = sock.recvmsg(_LONGEST_DATAGRAM, socket.CMSG_SPACE(4))
            except BlockingIOError:
                return
            for level, kind, body in extra:
                if (level, kind) == (socket.SOL_SOCKET, _SO_RXQ_OVFL):
                    (self._dropped[sock],) = struct.unpack("=I", body[:4])
            yield from self._heard(raw, _origin(peer), now_ns)

    def _heard(self, raw: bytes, origin: str, now_ns: int) -> Iterator[Heard]:
        heard = self.decoder.decode(raw, origin=origin, received_ns=now_ns)
        return self._gate.pass_on(host_of(origin), heard, now_ns)

    def _accept(self, server: socket.socket, selector: selectors.BaseSelector) -> Iterator[Heard]:
        try:
            accepted, peer = server.accept()
        except OSError:  # It hung up before we answered.
            return
        if len(self._connections) >= self._most:
            accepted.close()
            reason = f"more than {self._most} connections; raise `most_connections`"
            yield Refused(reason=reason, origin=_origin(peer))
            return
        accepted.settimeout(0)
        self._connections[accepted] = _Connection(_origin(peer), self._clock.monotonic_s())
        selector.register(accepted, selectors.EVENT_READ, self._read)

    def _read(self, sock: socket.socket, selector: selectors.BaseSelector) -> Iterator[Heard]:
        connection = self._connections[sock]
        try:
            piece = sock.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        now_ns, connection.heard_s = to_ns(self._clock.now()), self._clock.monotonic_s()
        framing, origin = connection.framing, connection.origin
        try:
            for raw in framing.feed(piece) if piece else framing.end():
                yield from self._heard(raw, origin, now_ns)
        except TooLong as error:
            reason = f"syslog over TCP: {error}; the connection is closed"
            yield Refused(reason=reason, sample=piece[:256], origin=origin)
            piece = b""
        if not piece:
            self._close(sock, selector)

    def _due(self, selector: selectors.BaseSelector) -> Iterator[Heard]:
        now_s = self._clock.monotonic_s()
        for sock, connection in list(self._connections.items()):
            if now_s > connection.heard_s + _IDLE_S:
                self._close(sock, selector)
        if now_s >= self._measured_s + _MEASURED_EVERY_S:
            self._measured_s = now_s
            self._meter.total(metrics.SYSLOG_DROPPED, self.dropped)
            for outcome, count in self.decoder.lines.items():
                self._meter.total(metrics.SYSLOG_LINES, count, outcome=outcome)
            yield from self._gate.due(to_ns(self._clock.now()))
        yield from self.decoder.due(to_ns(self._clock.now()))

    def _close(self, sock: socket.socket, selector: selectors.BaseSelector) -> None:
        selector.unregister(sock)
        sock.close()
        del self._connections[sock]


class _Connection:
    """Who is connected, and what of a line has arrived."""

    def __init__(self, origin: str, now_s: float) -> None:
        self.origin, self.heard_s, self.framing = origin, now_s, SyslogFraming()


def _put(collector: Collector, heard: Iterator[Heard]) -> None:
    """On the bus, where there is something; most lines say nothing."""
    if batch := list(heard):
        collector.take(batch)


def _origin(peer: tuple[str, int]) -> str:
    host = peer[0].removeprefix("::ffff:")
    return f"[{host}]:{peer[1]}" if ":" in host else f"{host}:{peer[1]}"


def _bound(address: Address, *, is_tcp: bool) -> socket.socket:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        if is_tcp:
            sock = socket.create_server(address, family=family, backlog=64)
        else:
            sock = socket.socket(family, socket.SOCK_DGRAM)
            sock.setsockopt(socket.SOL_SOCKET, _SO_RXQ_OVFL, 1)
            _enlarge(sock)
            sock.bind(address)
    except OSError as error:
        said = os.strerror(error.errno or 0)
        raise ConfigError(
            f"cannot listen at {host}:{port}: {said}; correct `udp` or `tcp`"
        ) from error
    sock.settimeout(0)
    return sock


def _enlarge(sock: socket.socket) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:  # The limit of net.core.rmem_max holds for us.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
