"""Octets of a BGP or BMP message, read one after another."""

from struct import Struct

_TWO = Struct(">H")
_FOUR = Struct(">I")
_EIGHT = Struct(">Q")


class Malformed(ValueError):
    """The octets are not what the protocol says; the sentence says what was expected."""


class Octets:
    """A message with a place in it; reading past the end is `Malformed`."""

    __slots__ = ("_at", "_raw")

    def __init__(self, raw: bytes) -> None:
        """Begin at the first octet."""
        self._raw, self._at = raw, 0

    @property
    def left(self) -> int:
        """How many octets have not been read."""
        return len(self._raw) - self._at

    def take(self, count: int) -> bytes:
        """The next `count` octets.

        Raises:
            Malformed: There are fewer.
        """
        begin = self._at
        end = begin + count
        if end > len(self._raw):
            raise Malformed(f"{count} octets expected, {self.left} left")
        self._at = end
        return self._raw[begin:end]

    def rest(self) -> bytes:
        """Everything that has not been read."""
        return self.take(self.left)

    def one(self) -> int:
        """The next octet as a number."""
        return self.take(1)[0]

    def two(self) -> int:
        """The next two octets as a number, in network order."""
        number: int = _TWO.unpack(self.take(2))[0]
        return number

    def four(self) -> int:
        """The next four octets as a number, in network order."""
        number: int = _FOUR.unpack(self.take(4))[0]
        return number

    def eight(self) -> int:
        """The next eight octets as a number, in network order."""
        number: int = _EIGHT.unpack(self.take(8))[0]
        return number
