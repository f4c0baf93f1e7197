"""Of refusals that are the same, one a minute: who makes a mistake makes it again and again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ingest.heard import Heard, Refused

_PERIOD_NS = 60 * 1_000_000_000
_MOST = 1_024


@dataclass(slots=True)
class _Repeat:
    since_ns: int
    more: int = 0


class RefusalGate:
    """Lets a refusal through unless the same was just now; the next says how many were not."""

    def __init__(self) -> None:
        """Begin with none seen."""
        self._seen: dict[tuple[str, str], _Repeat] = {}

    def let_through(self, sender: str, refused: Refused, now_ns: int) -> Iterator[Refused]:
        """The refusal, if it is the first of its minute.

        Args:
            sender: Who made the mistake.
            refused: The mistake.
            now_ns: When.
        """
        key = (sender, refused.reason)
        last = self._seen.get(key)
        if last is not None and 0 <= now_ns - last.since_ns < _PERIOD_NS:
            last.more += 1
            return
        self._seen.pop(key, None)
        if len(self._seen) >= _MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = _Repeat(now_ns)
        again = f" ({last.more} more since the last)" if last is not None and last.more else ""
        yield Refused(reason=refused.reason + again, sample=refused.sample, origin=refused.origin)

    def pass_on(self, sender: str, heard: Iterable[Heard], now_ns: int) -> Iterator[Heard]:
        """Everything that was heard of a sender, its refusals as `let_through` has them."""
        for each in heard:
            if isinstance(each, Refused):
                yield from self.let_through(sender, each, now_ns)
            else:
                yield each
