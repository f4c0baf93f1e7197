"""The BMP server: routers connect, and say what they know.

One thread serves all: it reads a piece from whoever has something to say, and puts what that means
on the bus before it reads on. A broker that is slow so slows the routers down (TCP), and nothing is
held but one piece and one message a router.
"""

import math
import os
import selectors
import socket
import threading
from collections import Counter

import structlog

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.meter import SILENT, Meter
from foreshadow.topology import NodeId
from ingest.collector import Collector
from ingest.device_names import DeviceNames, host_of
from ingest.heard import Refused
from ingest.refusal_gate import RefusalGate
from ingest.source import Outlet
from ingest.sources.bmp_account import BmpAccount
from ingest.sources.bmp_connection import BmpConnection, ListenerLimits
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_merge import merged
from ingest.sources.bmp_router import SOURCE, AdjRibIn

_PIECE = 1 << 16
_MEASURED_EVERY_S = 1.0
_ROUND_S = 0.2
"""How soon the server notices that it is to stop, and what is due by the clock."""
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)
"""A router that died says nothing, as one does to which nothing happens: 30 s tell them apart."""

log = structlog.get_logger(__name__)


class BmpListener:
    """Serves routers until it is told to stop."""

    name = SOURCE

    def __init__(
        self,
        address: tuple[str, int],
        names: DeviceNames,
        clock: Clock,
        limits: ListenerLimits,
        *,
        adj_rib_in: AdjRibIn = "pre-policy",
        meter: Meter = SILENT,
    ) -> None:
        """Open nothing yet.

        Args:
            address: Where to listen; port 0 takes a free one.
            names: Devices by what they call themselves and by their addresses.
            clock: Time.
            limits: How long, and how much.
            adj_rib_in: Which table stands for what a peer sent.
            meter: Takes what is counted.
        """
        self._meter, self._measured_s, self.account = meter, -math.inf, BmpAccount()
        self._address, self._names, self._clock = address, names, clock
        self._limits, self._adj_rib_in = limits, adj_rib_in
        self._sessions: dict[socket.socket, BmpConnection] = {}
        self._gate = RefusalGate()
        self.bound: tuple[str, int] | None = None
        """Where it listens, while it does."""

    @property
    def routers(self) -> tuple[str, ...]:
        """Who is connected."""
        return tuple(sorted(it.decoder.device or it.origin for it in self._sessions.values()))

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Serve until `stop` is set.

        Raises:
            ConfigError: The address cannot be listened at.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        with self._listening() as server, selectors.DefaultSelector() as selector:
            selector.register(server, selectors.EVENT_READ)
            self.bound = server.getsockname()[:2]
            log.info("bmp_listens", address=f"{self.bound[0]}:{self.bound[1]}")
            try:
                while not stop.is_set():
                    self._round(server, selector, collector)
                collector.take(self._gate.finish())
            finally:
                self.bound = None
                for session in self._sessions.values():
                    session.socket.close()
                self._sessions.clear()

    def _listening(self) -> socket.socket:
        host, port = self._address
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            server = socket.create_server((host, port), family=family, backlog=64)
        except OSError as error:
            said = os.strerror(error.errno or 0)
            raise ConfigError(
                f"cannot listen at {host}:{port}: {said}; correct `listen`", field="listen"
            ) from error
        server.settimeout(0)
        return server

    def _round(
        self, server: socket.socket, selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        for key, _ in selector.select(_ROUND_S):
            if key.fileobj is server:
                self._accept(server, selector, collector)
            elif (session := self._sessions.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                self._read(session, selector, collector)
        for session in list(self._sessions.values()):
            collector.take(session.due(self._clock.monotonic_s()))
            if session.end_reason:
                self._end(session, selector, collector)
        now_s = self._clock.monotonic_s()
        if now_s >= self._measured_s + _MEASURED_EVERY_S:
            self._measured_s = now_s
            collector.take(self._gate.due(to_ns(self._clock.now())))
            self._measure()

    def _measure(self) -> None:
        """What has been counted."""
        present: dict[NodeId, Counter[str]] = {}
        for session in self._sessions.values():
            decoder = session.decoder
            if decoder.device is not None and decoder.router is not None:
                present[decoder.device] = decoder.router.unused
        self.account.measure(self._meter, present)

    def _accept(
        self, server: socket.socket, selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        try:
            accepted, peer = server.accept()
        except OSError:  # It hung up before we answered.
            return
        origin = f"[{peer[0]}]:{peer[1]}" if ":" in peer[0] else f"{peer[0]}:{peer[1]}"
        if len(self._sessions) >= self._limits.most_routers:
            self._make_room(selector, collector)
        if len(self._sessions) >= self._limits.most_routers:
            accepted.close()
            self.account.cut_off += 1
            reason = f"more than {self._limits.most_routers} routers; raise `most_routers`"
            refused = Refused(reason=reason, origin=origin)
            now_ns = to_ns(self._clock.now())
            collector.take(self._gate.let_through(host_of(origin), refused, now_ns))
            return
        accepted.settimeout(0)
        for level, option, value in _KEEPALIVE:
            accepted.setsockopt(level, option, value)
        decoder = BmpDecoder(self._names, adj_rib_in=self._adj_rib_in)
        self._sessions[accepted] = BmpConnection(
            accepted, origin, decoder, self._limits, self._clock.monotonic_s()
        )
        selector.register(accepted, selectors.EVENT_READ)

    def _make_room(self, selector: selectors.BaseSelector, collector: Collector) -> None:
        """Of those who have not said who they are, the first comer goes: routers come first."""
        for session in self._sessions.values():
            if session.decoder.device is None:
                session.end_reason, session.is_at_fault = "another wants the place", True
                self._end(session, selector, collector)
                return

    def _read(
        self, session: BmpConnection, selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        try:
            piece = session.socket.recv(_PIECE)
        except BlockingIOError:
            return
        except OSError as error:
            session.end_reason = error.strerror or "connection lost"
            return
        was_unknown = session.decoder.device is None
        now = self._clock.monotonic_s(), to_ns(self._clock.now())
        heard = self._gate.pass_on(session.host, session.take(piece, *now), now[1])
        collector.take(merged(heard))
        if session.decoder.device is not None:
            self.account.messages[session.decoder.device] += session.drain()
        if was_unknown and session.decoder.device is not None:
            log.info("bmp_session_began", device=session.decoder.device, origin=session.origin)
            self._replace_elder(session, selector, collector)

    def _replace_elder(
        self, session: BmpConnection, selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        """A router that comes again has lost its former session, even if we have not noticed."""
        for elder in list(self._sessions.values()):
            if elder is not session and elder.decoder.device == session.decoder.device:
                elder.end_reason = "the router connected anew"
                self._end(elder, selector, collector)

    def _end(
        self, session: BmpConnection, selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        """Hang up; nobody vouches for the router's streams until it comes again."""
        selector.unregister(session.socket)
        session.socket.close()
        del self._sessions[session.socket]
        if session.decoder.device is not None and session.decoder.router is not None:
            self.account.unused[session.decoder.device] += session.decoder.router.unused
        if session.is_at_fault:
            self.account.cut_off += 1
            reason = f"BMP session ended: {session.end_reason}"
            refused = Refused(reason=reason, sample=session.sample, origin=session.origin)
            now_ns = to_ns(self._clock.now())
            collector.take(self._gate.let_through(session.host, refused, now_ns))
        log.info(
            "bmp_session_ended",
            device=session.decoder.device,
            origin=session.origin,
            reason=session.end_reason,
        )
