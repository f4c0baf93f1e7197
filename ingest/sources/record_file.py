"""Records from a file or from standard input: what a collector wrote there."""

import gzip
import sys
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

import structlog
from pydantic import Field

from foreshadow.clock import Clock, to_ns
from foreshadow.errors import ConfigError
from ingest.collector import Collector
from ingest.heard import Decoder, Heard
from ingest.source import Ground, Outlet
from ingest.sources.file_records import Document, documents, lines, whole
from ingest.sources.gnmi_decoder import Framing
from ingest.sources.record_decoder import RecordConfig, RecordDecoder

STDIN = Path("-")
_GZIP_MAGIC = b"\x1f\x8b"
_BATCH = 500

log = structlog.get_logger(__name__)


class RecordFileConfig(RecordConfig):
    """Records in a file, in a file of sources."""

    kind: Literal["record-file"]
    path: Path = Field(description="plain or .gz; - for standard input")

    def open(self, ground: Ground) -> "RecordFile":
        """The source, not running yet.

        Raises:
            ConfigError: There is no such file, or it names unknown devices.
        """
        if self.path != STDIN and not self.path.is_file():
            raise ConfigError("is no file that can be read", path=self.path, field="path")
        return RecordFile(self.path, self.decoder(ground), ground.clock)


class RecordFile:
    """Reads a file once, from its beginning to its end."""

    def __init__(self, path: Path, decoder: RecordDecoder, clock: Clock) -> None:
        """Open nothing yet."""
        self.name = f"{decoder.name}:{path}"
        self._path, self._decoder, self._clock = path, decoder, clock

    def run(self, epoch: int, outlet: Outlet, stop: threading.Event) -> None:
        """Publish what the file says, then wait for `stop`."""
        collector = Collector(self.name, epoch, outlet, self._clock)
        waiting: list[Heard] = []
        for heard in hear_file(self._path, self._decoder, self._clock):
            if stop.is_set():
                return
            waiting.append(heard)
            if len(waiting) >= _BATCH:
                collector.take(waiting)
                waiting.clear()
        collector.take(waiting)
        log.info("file_read", path=str(self._path))
        stop.wait()


class FileDecoder(Decoder, Protocol):
    """A decoder that knows what a record is in a file, and may hold something back to its end."""

    @property
    def framing(self) -> Framing:
        """What a record is in a file."""
        ...

    def finish(self) -> Iterable[Heard]:
        """What was held back for more of it to come, when nothing more comes."""
        ...


def hear_file(path: Path, decoder: FileDecoder, clock: Clock) -> Iterator[Heard]:
    """Everything a file says, and at its end what was held back for more.

    Raises:
        ConfigError: It cannot be read.
    """
    with _opened(path) as file:
        records = _FRAMES[decoder.framing](file)
        for document in _readable(path, records):
            yield from decoder.decode(
                document.raw, origin=f"{path}:{document.line}", received_ns=to_ns(clock.now())
            )
    yield from decoder.finish()


def _readable(path: Path, records: Iterator[Document]) -> Iterator[Document]:
    try:
        yield from records
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"cannot be read to its end: {error}", path=path) from error


_FRAMES: Mapping[Framing, Callable[[BinaryIO], Iterator[Document]]] = {
    "json": documents,
    "lines": lines,
    "whole": whole,
}


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The file, unpacked where its first bytes say that it is packed."""
    if path == STDIN:
        yield sys.stdin.buffer
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise ConfigError(f"cannot be opened: {error.strerror}", path=path) from error
    with file:
        if file.peek(2)[:2] == _GZIP_MAGIC:
            with gzip.open(file) as unpacked:
                yield cast("BinaryIO", unpacked)
        else:
            yield file
