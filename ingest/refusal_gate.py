"""Of refusals that are the same, one a minute: who makes a mistake makes it again and again.

The first is told at once, the others once a minute as one with their count, so that the counts of
what is told add up to what was refused.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ingest.heard import Heard, Refused
from ingest.rejects import plain_reason

_PERIOD_NS = 60 * 1_000_000_000
_MOST = 1_024


@dataclass(slots=True)
class _Repeat:
    since_ns: int
    latest: Refused
    untold: int = 0

    def told(self, now_ns: int) -> Iterator[Refused]:
        """Those that nobody has told yet, as one."""
        if self.untold:
            yield replace(self.latest, count=self.untold)
        self.since_ns, self.untold = now_ns, 0

    def is_over(self, now_ns: int) -> bool:
        """Whether its minute has passed; a clock that was put back ends it, too."""
        return not 0 <= now_ns - self.since_ns < _PERIOD_NS


class RefusalGate:
    """Lets a refusal through unless the same was just now; those are counted and told later."""

    def __init__(self) -> None:
        """Begin with none seen."""
        self._seen: dict[tuple[str, str], _Repeat] = {}

    def let_through(self, sender: str, refused: Refused, now_ns: int) -> Iterator[Refused]:
        """The refusal, if it is the first of its minute.

        Args:
            sender: Who made the mistake.
            refused: The mistake; what differs but in numbers and names is the same.
            now_ns: When.
        """
        key = (sender, plain_reason(refused.reason))
        if (repeat := self._seen.get(key)) is not None:
            repeat.latest = refused
            repeat.untold += refused.count
            if repeat.is_over(now_ns):
                yield from repeat.told(now_ns)
            return
        if len(self._seen) >= _MOST:
            yield from self._seen.pop(next(iter(self._seen))).told(now_ns)
        self._seen[key] = _Repeat(now_ns, refused)
        yield refused

    def pass_on(self, sender: str, heard: Iterable[Heard], now_ns: int) -> Iterator[Heard]:
        """Everything that was heard of a sender, its refusals as `let_through` has them."""
        for each in heard:
            if isinstance(each, Refused):
                yield from self.let_through(sender, each, now_ns)
            else:
                yield each

    def due(self, now_ns: int) -> Iterator[Refused]:
        """Those of minutes that have passed; mistakes that were not made again are forgotten."""
        for key in [key for key, repeat in self._seen.items() if repeat.is_over(now_ns)]:
            repeat = self._seen[key]
            if repeat.untold:
                yield from repeat.told(now_ns)
            else:
                del self._seen[key]

    def finish(self) -> Iterator[Refused]:
        """Everything nobody has told yet: there will be no more."""
        for repeat in self._seen.values():
            yield from repeat.told(repeat.since_ns)
