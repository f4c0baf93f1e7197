"""One connection of a router: what arrives on it, and when it is hung up on."""

import math
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import structlog

from ingest.device_names import host_of
from ingest.heard import Heard, Refused
from ingest.sources.bgp_octets import Malformed
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_framing import BmpFraming

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


class BmpConnection:
    """One connection, and the session on it; the server hangs up where `end_reason` says why."""

    def __init__(  # noqa: PLR0917 - made in one place.
        self,
        connection: socket.socket,
        origin: str,
        decoder: BmpDecoder,
        limits: ListenerLimits,
        now_s: float,
    ) -> None:
        self.socket, self.origin, self.decoder = connection, origin, decoder
        self.host = host_of(origin)
        self.end_reason, self.is_at_fault, self.sample = "", False, b""
        self._limits, self._framing, self._refused = limits, BmpFraming(), 0
        self._messages = 0
        self._began_s = self._whole_s = self._vouched_s = now_s
        self._told, self._told_s = 0, now_s

    def take(self, piece: bytes, now_s: float, now_ns: int) -> Iterator[Heard]:
        """What a piece says; an empty one is the end."""
        if not piece:
            self.end_reason = "closed by the router"
            return
        if not self._framing.held_octets:
            self._whole_s = now_s
        try:
            for raw in self._framing.feed(piece):
                self._messages, self._whole_s = self._messages + 1, now_s
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
        if self._framing.held_octets and now_s > self._whole_s + self._limits.stall_s:
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
