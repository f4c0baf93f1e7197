"""A TCP connection as syslog lines (RFC 6587): counted, or ended by a line feed."""

import re
from collections.abc import Iterator

LONGEST_LINE = 1 << 16
_COUNT = re.compile(rb"([1-9]\d{0,5}) (?=<)")
_MAYBE_COUNT = re.compile(rb"[1-9]\d{0,5} ?\Z")
_END = re.compile(rb"[\n\0]")


class TooLong(ValueError):
    """A line is longer than any is taken; nobody can tell where the next begins."""


class SyslogFraming:
    """Cuts what arrives in pieces where lines end; holds one line at the most."""

    def __init__(self) -> None:
        """Begin between two lines."""
        self._held = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The lines that are whole with this piece.

        Raises:
            TooLong: A line exceeds `LONGEST_LINE`.
        """
        held, at = self._held + piece, 0
        self._held = b""
        while (found := self._line(held, at)) is not None:
            line, at = found
            if line.strip():
                yield line
        self._held = held[at:]
        if len(self._held) > LONGEST_LINE:
            raise TooLong(f"a line of more than {LONGEST_LINE} octets")

    def end(self) -> Iterator[bytes]:
        """What was left without an end when the connection closed."""
        rest, self._held = self._held, b""
        if rest.strip():
            yield rest

    @staticmethod
    def _line(held: bytes, at: int) -> tuple[bytes, int] | None:
        """The next line and where the one after it begins; None while it is not whole."""
        counted = _COUNT.match(held, at)
        if counted is not None:
            begin, length = counted.end(), int(counted[1])
            if length > LONGEST_LINE:
                raise TooLong(f"a line of {length} octets, more than {LONGEST_LINE}")
            if len(held) - begin < length:
                return None
            return held[begin : begin + length], begin + length
        if _MAYBE_COUNT.match(held, at) is not None:
            return None
        ended = _END.search(held, at)
        return None if ended is None else (held[at : ended.start()], ended.end())
