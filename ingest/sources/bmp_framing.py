"""A stream of octets as BMP messages."""

from collections.abc import Iterator

from ingest.sources.bmp_message import HEADER_OCTETS, length_of


class BmpFraming:
    """Cuts what arrives in pieces where messages end; holds one message at the most."""

    def __init__(self) -> None:
        """Begin between two messages."""
        self._held = bytearray()

    @property
    def held_octets(self) -> int:
        """How much of a message has arrived that is not whole."""
        return len(self._held)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The messages that are whole with this piece.

        Raises:
            Malformed: What comes next is no BMP message; nobody can tell where another begins.
        """
        self._held += piece
        begin = 0
        try:
            while len(self._held) - begin >= HEADER_OCTETS:
                length = length_of(self._held[begin : begin + HEADER_OCTETS])
                if len(self._held) - begin < length:
                    break
                yield bytes(self._held[begin : begin + length])
                begin += length
        finally:
            del self._held[:begin]
