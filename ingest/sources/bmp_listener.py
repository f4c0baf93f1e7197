"""The BMP server: routers connect, and say what they know.

One thread serves all: it reads a piece from whoever has something to say, and puts what that means
on the bus before it reads on. A broker that is slow so slows the routers down (TCP), and nothing is
held but one piece and one message a router.
"""

import math
import selectors
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from foreshadow.meter import SILENT, Meter
from foreshadow.topology import NodeId
from ingest.collector import Collector
from ingest.device_names import DeviceNames
from ingest.heard import Heard, Refused
from ingest.source import Outlet
from ingest.sources.bgp_octets import Malformed
from ingest.sources.bmp_account import BmpAccount
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_framing import BmpFraming
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerLimits:
    """How long the server waits for what, and how much it takes.

    Attributes:
        settle_s: Silence after which a router has told all its peers.
        vouch_s: How often it is said of a quiet stream that it still holds.
        waits_for_end_of_rib: Whether a table is whole only when the router says so.
        most_routers: Sessions at a time.
        hello_s: How soon a router must have said who it is.
        stall_s: How long the rest of a message may take.
        most_refused: Refused messages after which a session ends.
    """

    settle_s: float = 5.0
    vouch_s: float = 10.0
    waits_for_end_of_rib: bool = True
    most_routers: int = 256
    hello_s: float = 30.0
    stall_s: float = 60.0
    most_refused: int = 1_000


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
        self._sessions: dict[socket.socket, _Session] = {}
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
            raise ConfigError(
                f"cannot listen at {host}:{port}: {error.strerror}; correct `listen`",
                field="listen",
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
        self._measure()

    def _measure(self) -> None:
        """Now and then, what has been counted."""
        now_s = self._clock.monotonic_s()
        if now_s < self._measured_s + _MEASURED_EVERY_S:
            return
        self._measured_s = now_s
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
            accepted.close()
            self.account.cut_off += 1
            reason = f"more than {self._limits.most_routers} routers; raise `most_routers`"
            collector.take([Refused(reason=reason, origin=origin)])
            return
        accepted.settimeout(0)
        for level, option, value in _KEEPALIVE:
            accepted.setsockopt(level, option, value)
        decoder = BmpDecoder(self._names, adj_rib_in=self._adj_rib_in)
        self._sessions[accepted] = _Session(
            accepted, origin, decoder, self._limits, self._clock.monotonic_s()
        )
        selector.register(accepted, selectors.EVENT_READ)

    def _read(
        self, session: "_Session", selector: selectors.BaseSelector, collector: Collector
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
        collector.take(merged(session.take(piece, *now)))
        if session.decoder.device is not None:
            self.account.messages[session.decoder.device] += session.drain()
        if was_unknown and session.decoder.device is not None:
            log.info("bmp_session_began", device=session.decoder.device, origin=session.origin)
            self._replace_elder(session, selector, collector)

    def _replace_elder(
        self, session: "_Session", selector: selectors.BaseSelector, collector: Collector
    ) -> None:
        """A router that comes again has lost its former session, even if we have not noticed."""
        for elder in list(self._sessions.values()):
            if elder is not session and elder.decoder.device == session.decoder.device:
                elder.end_reason = "the router connected anew"
                self._end(elder, selector, collector)

    def _end(
        self, session: "_Session", selector: selectors.BaseSelector, collector: Collector
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
            collector.take([Refused(reason=reason, sample=session.sample, origin=session.origin)])
        log.info(
            "bmp_session_ended",
            device=session.decoder.device,
            origin=session.origin,
            reason=session.end_reason,
        )


class _Session:
    """One connection."""

    def __init__(  # noqa: PLR0917 - made in one place.
        self,
        connection: socket.socket,
        origin: str,
        decoder: BmpDecoder,
        limits: ListenerLimits,
        now_s: float,
    ) -> None:
        self.socket, self.origin, self.decoder = connection, origin, decoder
        self.end_reason, self.is_at_fault, self.sample = "", False, b""
        self._limits, self._framing, self._refused = limits, BmpFraming(), 0
        self._messages = 0
        self._began_s = self._heard_s = self._vouched_s = now_s
        self._told, self._told_s = 0, now_s

    def take(self, piece: bytes, now_s: float, now_ns: int) -> Iterator[Heard]:
        """What a piece says; an empty one is the end."""
        if not piece:
            self.end_reason = "closed by the router"
            return
        self._heard_s = now_s
        try:
            for raw in self._framing.feed(piece):
                self._messages += 1
                for heard in self.decoder.decode(raw, origin=self.origin, received_ns=now_ns):
                    self._refused += isinstance(heard, Refused)
                    yield heard
        except Malformed as error:
            self._cut(str(error), piece)
        if self.decoder.device is None and self._refused:
            self._cut("the sender is unknown", piece)
        elif self._refused > self._limits.most_refused:
            self._cut(f"more than {self._limits.most_refused} messages refused", piece)

    def drain(self) -> int:
        """How many messages came since this was asked last."""
        count, self._messages = self._messages, 0
        return count

    def due(self, now_s: float) -> Iterator[Heard]:
        """What is to be said by the clock."""
        if now_s > self._heard_s + self._limits.stall_s and self._framing.held_octets:
            self._cut("a message broke off", b"")
        router = self.decoder.router
        if router is None:
            if now_s > self._began_s + self._limits.hello_s:
                self._cut("it did not say who it is (Initiation)", b"")
            return
        if router.told != self._told:
            self._told, self._told_s = router.told, now_s
        elif now_s > self._told_s + self._limits.settle_s:
            self._told_s = math.inf
            yield from router.settle(without_end_of_rib=not self._limits.waits_for_end_of_rib)
            if router.waits_for and self._limits.waits_for_end_of_rib:
                peers = router.waits_for[:5]
                log.info("bmp_waits_for_end_of_rib", device=self.decoder.device, peers=peers)
        if now_s > self._vouched_s + self._limits.vouch_s:
            self._vouched_s = now_s
            yield from router.vouch()

    def _cut(self, reason: str, sample: bytes) -> None:
        self.end_reason, self.is_at_fault, self.sample = reason, True, sample[:256]
