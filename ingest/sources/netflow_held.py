"""Data that came before its template, kept until that comes: exporters repeat theirs now and then.

A template says how long a record is, so nothing can be made of its data without it. What waits is
bounded in bytes and time; what waited in vain is refused with the reason.
"""

import struct
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from foreshadow.telemetry import DEAD_LETTER_SAMPLE_BYTES
from ingest.heard import Refused
from ingest.sources.netflow_templates import Place, TemplateLimits

_S = 1_000_000_000
_SET_HEADER = struct.Struct(">HH")
_HEADER_BYTES = {9: 20, 10: 16}
_IPFIX = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One set of data, as a datagram of its own."""

    place: Place
    datagram: bytes
    received_ns: int
    origin: str


class HeldSets:
    """The data of one exporter that waits for templates."""

    def __init__(self, limits: TemplateLimits) -> None:
        """Begin with nothing held."""
        self._limits = limits
        self._waiting: deque[Held] = deque()
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def hold(
        self, raw: bytes, missing: Counter[Place], *, received_ns: int, origin: str
    ) -> Iterator[Refused]:
        """Keep sets of a datagram that came without template; what had to go for them.

        Args:
            raw: The datagram.
            missing: How many sets of which template; the first ones, as a template may follow its
                data in the same datagram.
            received_ns: When it arrived.
            origin: For refusals.
        """
        ((domain, _), *_), left = missing, missing.copy()
        for identifier, datagram in _sets(raw):
            place = (domain, identifier)
            if left[place]:
                left[place] -= 1
                self._waiting.append(
                    Held(place=place, datagram=datagram, received_ns=received_ns, origin=origin)
                )
                self._bytes += len(datagram)
        while self._bytes > self._limits.held_bytes:
            yield self._given_up("more of it came than is kept")

    def take(self, known: set[Place]) -> list[Held]:
        """What need not wait any longer, oldest first."""
        ready = [each for each in self._waiting if each.place in known]
        if ready:
            self._waiting = deque(each for each in self._waiting if each.place not in known)
            self._bytes -= sum(len(each.datagram) for each in ready)
        return ready

    def expire(self, now_ns: int) -> Iterator[Refused]:
        """What has waited too long; a clock that was set is a reason too."""
        longest_ns = self._limits.held_s * _S
        while self._waiting and abs(now_ns - self._waiting[0].received_ns) > longest_ns:
            yield self._given_up("it has waited long enough")

    def _given_up(self, why: str) -> Refused:
        held = self._waiting.popleft()
        self._bytes -= len(held.datagram)
        domain, template = held.place
        return Refused(
            reason=f"data of template {template} of observation domain {domain} came without the "
            f"template, and {why}; have the exporter send its templates every minute",
            sample=held.datagram[:DEAD_LETTER_SAMPLE_BYTES],
            origin=held.origin,
        )


def _sets(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The sets of a datagram, each with the header before it: (identifier, datagram)."""
    version = int.from_bytes(raw[:2], "big")
    at = _HEADER_BYTES[version]
    header = raw[:at]
    while at + _SET_HEADER.size <= len(raw):
        identifier, length = _SET_HEADER.unpack_from(raw, at)
        if length < _SET_HEADER.size:
            return
        body = raw[at : at + length]
        if version == _IPFIX:
            header = header[:2] + struct.pack(">H", len(header) + len(body)) + header[4:]
        yield identifier, header + body
        at += length
