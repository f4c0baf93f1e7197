"""What the conformance suite must know of a decoder: how to make one, and real messages."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ingest.heard import Decoder


@dataclass(frozen=True, kw_only=True)
class Hoard:
    """A sender that always has something new to remember: templates, interfaces, paths, peers.

    Attributes:
        decoder: Makes a decoder whose memory is small.
        message: The message that brings the `n`-th new thing.
        full_after: From this many messages on the decoder holds no more than it did.
    """

    decoder: Callable[[], Decoder]
    message: Callable[[int], bytes]
    full_after: int = 200


def _whole(path: Path) -> Iterable[bytes]:
    return [path.read_bytes()]


@dataclass(frozen=True, kw_only=True)
class DecoderCase:
    """One decoder, and what it should be able to read.

    Attributes:
        name: For test ids.
        decoder: Makes a fresh one.
        samples: Messages each of which yields something other than a refusal.
        is_json: Whether its messages are JSON documents.
        shared: Globs under `telemetry/` of the public data sets.
        messages: The messages that a file of them holds.
        hoard: What would fill its memory; None where it remembers nothing between messages.
    """

    name: str
    decoder: Callable[[], Decoder]
    samples: tuple[bytes, ...]
    is_json: bool = False
    shared: tuple[str, ...] = ()
    messages: Callable[[Path], Iterable[bytes]] = _whole
    hoard: Hoard | None = None

    def __str__(self) -> str:
        return self.name
