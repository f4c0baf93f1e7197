"""Flap storms as few incidents: the first of a kind at once, what follows soon after counted.

Two kinds of lines may tell of one occurrence (`LINK-3-UPDOWN` and `LINEPROTO-5-UPDOWN`), so each is
counted for itself, and the higher count is the occurrences'.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from foreshadow.incident import Incident, IncidentKind
from foreshadow.topology import NodeId

MOST_OPEN = 10_000
"""Subjects that may be in a storm at a time; one on top of that ends the oldest's count."""

_Key = tuple[NodeId, IncidentKind, str]


@dataclass(slots=True)
class _Window:
    """What followed an incident that was told.

    Attributes:
        began_ns: When, by the device's clock.
        opened_ns: When that was heard, by ours.
        told: How many have been told of.
        last: The latest of them.
    """

    began_ns: int
    opened_ns: int
    last: Incident
    told: int = 1
    counts: Counter[str] = field(default_factory=Counter)

    def rest(self) -> Incident | None:
        """What has not been told of, if anything."""
        untold = max(self.counts.values()) - self.told
        return replace(self.last, count=untold) if untold > 0 else None


class Coalescing:
    """Tells of the first occurrence at once, and of those that follow within a while together."""

    def __init__(self, within_s: float, *, most_open: int = MOST_OPEN) -> None:
        """Begin with nothing open.

        Args:
            within_s: How long after the first they are counted rather than told.
            most_open: How many subjects are counted at a time.
        """
        self._within_ns, self._most = round(within_s * 1e9), most_open
        self._open: dict[_Key, _Window] = {}

    def take(self, incident: Incident, mnemonic: str) -> Iterator[Incident]:
        """What is to be told now that this was heard."""
        yield from self.due(incident.heard_at_ns)
        key = incident.device, incident.what, incident.subject
        window = self._open.get(key)
        if window is not None and abs(incident.at_ns - window.began_ns) <= self._within_ns:
            window.counts[mnemonic] += 1
            window.last = incident
            return
        yield from self._close(key)
        if len(self._open) >= self._most:
            yield from self._close(next(iter(self._open)))
        opened = _Window(incident.at_ns, incident.heard_at_ns, incident)
        opened.counts[mnemonic] += 1
        self._open[key] = opened
        yield incident

    def due(self, now_ns: int) -> Iterator[Incident]:
        """What followed incidents that were heard long enough ago; the oldest stand first."""
        while self._open:
            key, window = next(iter(self._open.items()))
            if 0 <= now_ns - window.opened_ns <= self._within_ns:
                return
            yield from self._close(key)

    def end(self) -> Iterator[Incident]:
        """All that has not been told of."""
        while self._open:
            yield from self._close(next(iter(self._open)))

    def _close(self, key: _Key) -> Iterator[Incident]:
        window = self._open.pop(key, None)
        if window is not None and (rest := window.rest()) is not None:
            yield rest
