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
        self._hopeless: dict[Place, None] = {}
        """Templates that did not come in time: nobody waits for them any more, till they do."""

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @property
    def lacks(self) -> bool:
        """Whether a template is missing, waited for or not."""
        return bool(self._waiting or self._hopeless)

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
            if not left[place]:
                continue
            left[place] -= 1
            held = Held(place=place, datagram=datagram, received_ns=received_ns, origin=origin)
            if place in self._hopeless:
                yield _in_vain(held, "did not come before")
                continue
            self._waiting.append(held)
            self._bytes += len(datagram)
        while self._bytes > self._limits.held_bytes:
            yield self._given_up("came too late: more data came than is kept")

    def take(self, known: set[Place]) -> list[Held]:
        """What need not wait any longer, oldest first."""
        for place in known & self._hopeless.keys():
            del self._hopeless[place]
        return self._out(known)

    def expire(self, now_ns: int) -> Iterator[Refused]:
        """What has waited too long; a clock that was set is a reason too."""
        longest_ns = self._limits.held_s * _S
        if not self._waiting or abs(now_ns - self._waiting[0].received_ns) <= longest_ns:
            return
        places = {
            each.place for each in self._waiting if abs(now_ns - each.received_ns) > longest_ns
        }
        self._hopeless.update(dict.fromkeys(places))
        while len(self._hopeless) > self._limits.templates:
            del self._hopeless[next(iter(self._hopeless))]
        yield from (_in_vain(each, "did not come in time") for each in self._out(places))

    def _out(self, places: set[Place]) -> list[Held]:
        """All that waits for one of these templates, and waits no more."""
        out = [each for each in self._waiting if each.place in places]
        if out:
            self._waiting = deque(each for each in self._waiting if each.place not in places)
            self._bytes -= sum(len(each.datagram) for each in out)
        return out

    def _given_up(self, why: str) -> Refused:
        held = self._waiting.popleft()
        self._bytes -= len(held.datagram)
        return _in_vain(held, why)


def _in_vain(held: Held, why: str) -> Refused:
    domain, template = held.place
    return Refused(
        reason=f"data of template {template} of observation domain {domain} came without the "
        f"template, which {why}; have the exporter send its templates every minute",
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
