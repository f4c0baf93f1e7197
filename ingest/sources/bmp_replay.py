"""BMP sessions from a file, as if they arrived now."""

import threading
from collections.abc import Iterator
from pathlib import Path

import structlog

from foreshadow.clock import Clock, to_ns
from ingest.collector import Collector
from ingest.device_names import DeviceNames
from ingest.heard import Heard, Refused
from ingest.source import Outlet
from ingest.sources.bgp_octets import Malformed
from ingest.sources.bmp_capture import Piece, pieces
from ingest.sources.bmp_decoder import BmpDecoder
from ingest.sources.bmp_framing import BmpFraming
from ingest.sources.bmp_merge import merged
from ingest.sources.bmp_router import SOURCE, AdjRibIn

_BATCH = 1_000

log = structlog.get_logger(__name__)


class BmpReplay:
    """Tells what a file holds, then waits to be stopped."""

    name = SOURCE

    def __init__(
        self, path: Path, names: DeviceNames, clock: Clock, *, adj_rib_in: AdjRibIn = "pre-policy"
    ) -> None:
        """Open nothing yet.

        Args:
            path: A packet capture, or the octets of one session.
            names: Devices by what they call themselves and by their addresses.
            clock: Stamps what the file has no time for.
            adj_rib_in: Which table stands for what a peer sent.
        """
        self._path, self._names, self._clock, self._adj_rib_in = path, names, clock, adj_rib_in

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Tell everything once.

        Raises:
            ConfigError: The file cannot be read.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        waiting: list[Heard] = []
        for heard in hear_sessions(
            self._path, self._names, self._clock, adj_rib_in=self._adj_rib_in
        ):
            if stop.is_set():
                return
            waiting.append(heard)
            if len(waiting) >= _BATCH:
                collector.take(merged(waiting))
                waiting.clear()
        collector.take(merged(waiting))
        log.info("bmp_file_told", path=str(self._path))
        stop.wait()


def hear_sessions(
    path: Path, names: DeviceNames, clock: Clock, *, adj_rib_in: AdjRibIn = "pre-policy"
) -> Iterator[Heard]:
    """Everything the sessions in a file say.

    Raises:
        ConfigError: The file cannot be read.
    """
    sessions: dict[str, _Session] = {}
    for piece in pieces(path):
        session = sessions.get(piece.origin)
        if session is None:
            decoder = BmpDecoder(names, adj_rib_in=adj_rib_in)
            session = sessions[piece.origin] = _Session(decoder)
        yield from session.take(piece, to_ns(clock.now()))
    for session in sessions.values():
        yield from session.end()


class _Session:
    """One session of a file; what follows damage is passed over, as a server would hang up."""

    def __init__(self, decoder: BmpDecoder) -> None:
        self._decoder, self._framing, self._is_over = decoder, BmpFraming(), False

    def take(self, piece: Piece, now_ns: int) -> list[Heard]:
        heard: list[Heard] = []
        if self._is_over:
            return heard
        received_ns = piece.at_ns or now_ns
        try:
            for raw in self._framing.feed(piece.octets):
                heard += self._decoder.decode(raw, origin=piece.origin, received_ns=received_ns)
        except Malformed as error:
            self._is_over = True
            reason = f"BMP: {error}; the rest of this session is passed over"
            heard.append(Refused(reason=reason, sample=piece.octets[:256], origin=piece.origin))
        return heard

    def end(self) -> list[Heard]:
        return [] if self._decoder.router is None else list(self._decoder.router.settle())
