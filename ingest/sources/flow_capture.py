"""Flows from files: packet captures, and datagrams as they were, one a file."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import structlog
from pydantic import Field

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from ingest.collector import Collector
from ingest.heard import Refused
from ingest.source import Ground, Outlet
from ingest.sources.flow_decoder import FlowHeard
from ingest.sources.flow_feed import FlowConfig, FlowFeed
from ingest.sources.netflow import sent_ns
from ingest.sources.pcap import Datagram, is_capture, udp_datagrams

_BATCH = 1_000

log = structlog.get_logger(__name__)


class FlowCaptureConfig(FlowConfig):
    """Files of flows in a file of sources."""

    kind: Literal["flow-capture"]
    files: tuple[Path, ...] = Field(
        min_length=1, description="pcap, pcapng, or one datagram (then `sender` says whose)"
    )
    sender: str | None = Field(
        default=None, description="exporter of files that are one datagram, by its address"
    )

    def open(self, ground: Ground) -> "FlowCapture":
        """The files, not read yet.

        Raises:
            ConfigError: One cannot be read, or does not say whose it is.
        """
        for path in self.files:
            try:
                lacks_sender = self.sender is None and not is_capture(path)
            except OSError as error:
                raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
            if lacks_sender:
                raise ConfigError(
                    "is no packet capture; as one datagram it needs `sender`", path=path
                )
        return FlowCapture(self.files, self.sender, self.feed(ground, since_ns=0), ground.clock)


class FlowCapture:
    """Reads files of flows once; time in them is when they were captured."""

    name = "flow-capture"

    def __init__(
        self, files: tuple[Path, ...], sender: str | None, feed: FlowFeed, clock: Clock
    ) -> None:
        """Open nothing yet."""
        self.feed = feed
        self._files, self._sender, self._clock = files, sender, clock

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish all that is in the files, then wait for `stop`.

        Raises:
            ConfigError: A file cannot be read.
        """
        collector = Collector(self.name, epoch, outlet, self._clock)
        heard: list[FlowHeard] = []
        for each in self._hear():
            if stop.is_set():
                return
            heard.append(each)
            if len(heard) >= _BATCH:
                collector.take(heard)
                heard.clear()
        collector.take([*heard, *self.feed.refusals.finish(), *self.feed.finish()])
        log.info("flow_files_read", files=len(self._files))
        stop.wait()

    def _hear(self) -> Iterator[FlowHeard]:
        for path in self._files:
            for each in self._datagrams(path):
                if isinstance(each, Refused):
                    yield each
                else:
                    yield from self.feed.hear(
                        each.payload,
                        sender=each.sender,
                        origin=each.origin,
                        received_ns=each.at_ns,
                    )

    def _datagrams(self, path: Path) -> Iterator[Datagram | Refused]:
        if is_capture(path):
            yield from udp_datagrams(path)
            return
        payload = path.read_bytes()
        yield Datagram(
            payload=payload,
            sender=self._sender or "",
            at_ns=sent_ns(payload) or to_ns(self._clock.now()),
            origin=path.name,
        )
