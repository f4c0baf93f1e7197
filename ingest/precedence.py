"""Which source wins: one stream of one device follows one source at a time.

Two sources never agree to the byte or to the moment, so a mixture would flap. The rules:

    a source that does not know a stream whole never speaks for it
    the first that does holds the stream
    a source the operator prefers takes it from one preferred less
    any other takes it when its holder was silent, or not whole, for the patience

What the others say meanwhile is counted, not mixed in. All times are the samples' own, so the same
telemetry read again gives the same decisions.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foreshadow.observed import Stream
from foreshadow.topology import NodeId

Place = tuple[NodeId, Stream]

_DEMAND_PATIENCE = 10
"""Demand is told once an interval of minutes, not every few seconds."""


@dataclass(slots=True)
class Holder:
    """Who speaks for a stream, and when it last did."""

    source: str
    spoke_ns: int


class Precedence:
    """Decides who speaks for each stream, and counts who may not."""

    def __init__(self, preferred: Sequence[str] = (), *, patience_s: float = 180.0) -> None:
        """Begin with nobody heard.

        Args:
            preferred: Names of sources, best first; those that are not named come after, all alike.
            patience_s: How long a holder may be silent; demand's ten times that.
        """
        self._ranks = {name: rank for rank, name in enumerate(preferred)}
        self._patience_ns = round(patience_s * 1e9)
        self._holders: dict[Place, Holder] = {}
        self._heard_ns: dict[tuple[NodeId, str], int] = {}
        self.shadowed: Counter[str] = Counter()
        """Samples per source that another source spoke for."""
        self.takeovers = 0

    def hear(self, device: NodeId, source: str, at_ns: int) -> None:
        """Take note of a sign of life of a source about a device."""
        line = (device, source)
        self._heard_ns[line] = max(at_ns, self._heard_ns.get(line, 0))

    def heard_ns(self, device: NodeId, source: str) -> int:
        """When a source last said anything about a device."""
        return self._heard_ns.get((device, source), 0)

    def goes_on(self, place: Place, at_ns: int) -> None:
        """Take note that the holder of a stream has spoken for it again."""
        self._holders[place].spoke_ns = at_ns

    def holder(self, place: Place) -> str | None:
        """Who speaks for a stream."""
        held = self._holders.get(place)
        return held.source if held else None

    def held(self) -> Iterable[tuple[Place, Holder]]:
        """Every stream and who speaks for it."""
        return self._holders.items()

    def hold(self, place: Place, source: str, spoke_ns: int) -> None:
        """Let a source speak for a stream."""
        self._holders[place] = Holder(source, spoke_ns)

    def may_speak(self, place: Place, source: str, at_ns: int, *, is_holder_whole: bool) -> bool:
        """Whether a source that knows a stream whole speaks for it from here on.

        Args:
            place: Which stream.
            source: Who wants to.
            at_ns: When it spoke.
            is_holder_whole: Whether the present holder knows the stream whole.
        """
        held = self._holders.get(place)
        if held is not None and held.source != source:
            if is_holder_whole:
                # Who tells changes is silent while nothing changes, but its session is heard.
                held.spoke_ns = max(held.spoke_ns, self.heard_ns(place[0], held.source))
            is_better = self._rank(source) < self._rank(held.source)
            if not is_better and at_ns <= held.spoke_ns + self._patience(place):
                self.shadowed[source] += 1
                return False
            self.takeovers += 1
        self._holders[place] = Holder(source, at_ns)
        return True

    def _rank(self, source: str) -> int:
        return self._ranks.get(source, len(self._ranks))

    def _patience(self, place: Place) -> int:
        return self._patience_ns * (_DEMAND_PATIENCE if place[1] is Stream.DEMAND else 1)
