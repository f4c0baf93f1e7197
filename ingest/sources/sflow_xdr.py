"""XDR as sFlow uses it (RFC 4506): what reads it never goes past the end."""

import struct
from ipaddress import IPv4Address, IPv6Address

_ADDRESS_BYTES = {1: 4, 2: 16}


class Malformed(Exception):
    """What the specification does not allow; the text says what."""


class Reader:
    """Takes one thing after the other."""

    def __init__(self, raw: bytes) -> None:
        """Begin at the first byte."""
        self._raw, self._at = raw, 0

    def numbers(self, count: int) -> tuple[int, ...]:
        """That many unsigned 32-bit numbers."""
        return struct.unpack(f">{count}I", self.take(4 * count))

    def take(self, count: int) -> bytes:
        """That many bytes.

        Raises:
            Malformed: There are not that many.
        """
        if count > len(self._raw) - self._at:
            raise Malformed("ends before what it announces")
        self._at += count
        return self._raw[self._at - count : self._at]

    def opaque(self) -> bytes:
        """Bytes with their length before them and padding behind."""
        (length,) = self.numbers(1)
        body = self.take(length)
        # Some agents leave out the padding of the last one.
        self._at = min(self._at + -length % 4, len(self._raw))
        return body

    def address(self) -> IPv4Address | IPv6Address | None:
        """An address with its kind before it; None where it says that there is none."""
        (kind,) = self.numbers(1)
        if kind == 0:
            return None
        if kind not in _ADDRESS_BYTES:
            raise Malformed("has an address that is neither IPv4 nor IPv6")
        raw = self.take(_ADDRESS_BYTES[kind])
        return IPv4Address(raw) if kind == 1 else IPv6Address(raw)
