"""When to read what: at once where the kernel reports a change, soon after it, and now and then.

A change shows in the kernel first and in the daemons' tables some time later, often without another
kernel event: an adjacency is lost, a session comes up. So an event is followed by echoes, reads
that see what came of it. Configurations change without any event; echoes and the poll find them.
"""

from collections.abc import Iterable

from foreshadow.observed import Stream

_ROUTING = (
    Stream.ADJACENCY,
    Stream.SESSION,
    Stream.BEST_PATH,
    Stream.RECEIVED,
    Stream.FIB,
)
_ALL = (Stream.INTERFACE, *_ROUTING, Stream.CONFIG)
_ROUTING_DELAY_S = 0.15
"""Routes change by the dozen when a network converges: one read for many."""
_PATHS = (Stream.SESSION, Stream.BEST_PATH, Stream.RECEIVED, Stream.CONFIG)
_PATHS_DELAY_S = 0.05
_ECHOES: tuple[tuple[float, tuple[Stream, ...]], ...] = (
    (0.03, (Stream.INTERFACE,)),  # zebra may have heard of the link a moment after we did
    (0.4, _ALL),
    (1.2, _ALL),
    (3.0, _ALL),
)


class ReadSchedule:
    """The due times of one router's streams, by a monotonic clock."""

    def __init__(self, poll_s: float) -> None:
        """Everything is due now.

        Args:
            poll_s: Longest time between two reads of the same stream.
        """
        self._poll_s = poll_s
        self._due_s = dict.fromkeys(_ALL, float("-inf"))
        self._echoes: list[tuple[float, tuple[Stream, ...]]] = []

    def note(self, now_s: float, *, is_link: bool) -> None:
        """The kernel reported a change of a link, or of a route."""
        if is_link:
            self._hasten((Stream.INTERFACE,), now_s)
        self._hasten(_ROUTING, now_s + _ROUTING_DELAY_S)
        self._echoes = [(now_s + after_s, streams) for after_s, streams in _ECHOES]

    def note_paths(self, now_s: float) -> None:
        """The router's BGP table changed, whether or not the kernel's did."""
        self._hasten(_PATHS, now_s + _PATHS_DELAY_S)

    def note_all(self, now_s: float) -> None:
        """Anything may be different: a daemon was away."""
        self._hasten(_ALL, now_s)
        self._echoes = [(now_s + after_s, streams) for after_s, streams in _ECHOES]

    def due(self, now_s: float) -> tuple[Stream, ...]:
        """What to read now, link state first; it is scheduled anew."""
        while self._echoes and self._echoes[0][0] <= now_s:
            self._hasten(self._echoes.pop(0)[1], now_s)
        ready = tuple(stream for stream in _ALL if self._due_s[stream] <= now_s)
        self._due_s.update(dict.fromkeys(ready, now_s + self._poll_s))
        return ready

    def next_s(self) -> float:
        """When something is due next."""
        return min((*self._due_s.values(), *(at_s for at_s, _ in self._echoes)))

    def _hasten(self, streams: Iterable[Stream], at_s: float) -> None:
        for stream in streams:
            self._due_s[stream] = min(self._due_s[stream], at_s)
