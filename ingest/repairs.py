"""What copies have asked for and nobody has answered yet.

Several copies may miss the same delta. A whole snapshot answers them all, also those whose question
is still on the way; of buckets each copy lacks its own, so what comes in during the pause after an
answer waits and is answered together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from foreshadow.control import ResyncRequest
from ingest.precedence import Place

PAUSE_S = 1.0
_MOST_WAITING = 16
"""Copies of one stream whose buckets are compared; for more of them everything is sent."""
_EVERYTHING = b""


@dataclass(slots=True)
class Repairs:
    """Questions by stream."""

    _waiting: dict[Place, list[bytes]] = field(default_factory=dict)
    _answered: dict[Place, tuple[float, bool]] = field(default_factory=dict)
    """When, and whether with everything."""

    def take(self, request: ResyncRequest, now_s: float) -> None:
        """Note what a copy asks for, unless the last answer is for it too."""
        place = (request.device, request.stream)
        at_s, was_whole = self._answered.get(place, (float("-inf"), False))
        if was_whole and now_s < at_s + PAUSE_S:
            return
        waiting = self._waiting.setdefault(place, [])
        if not request.buckets or len(waiting) >= _MOST_WAITING:
            waiting[:] = [_EVERYTHING]
        elif waiting != [_EVERYTHING]:
            waiting.append(request.buckets)

    def due(self, now_s: float) -> Iterator[tuple[Place, list[bytes]]]:
        """What is to be answered now: the digests of each copy, one empty where all is wanted."""
        for place in list(self._waiting):
            at_s, _ = self._answered.get(place, (float("-inf"), False))
            if now_s >= at_s + PAUSE_S:
                digests = self._waiting.pop(place)
                self._answered[place] = (now_s, digests == [_EVERYTHING])
                yield place, digests
