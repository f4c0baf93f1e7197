"""What one source has told of one stream: in which order, whether all of it, and what it makes.

A source numbers what it says of a stream from 1, under an epoch that grows with each of its starts.
Whole readings need no more than that order. Patches add up to a map, which is the source's word
only from the moment at which the source says that it has told everything; until then, and again
after a hole in the numbers, it is collected aside and nobody is told of it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from foreshadow.telemetry import Patch, TelemetrySample
from ingest.normalize import MOST_ENTRIES


@dataclass(slots=True)
class Testimony:
    """One source's word on one stream.

    Attributes:
        epoch: Of the source's present start.
        seq: Of what it said last.
        is_whole: Whether it has told everything.
        is_torn: Whether something it said was lost; only telling everything again mends that.
        is_patched: Whether it tells differences, and so may be silent while nothing changes.
        told: What it has told in all; none while that is what the owner has published.
        coalesced: Transitions in `told` that nobody was told of.
        whole_at_ns: When it last spoke while `is_whole`.
    """

    epoch: int = -1
    seq: int = 0
    is_whole: bool = False
    is_torn: bool = False
    is_patched: bool = False
    told: Mapping[str, bytes] | None = field(default_factory=dict)
    coalesced: int = 0
    whole_at_ns: int = 0

    def hears(self, sample: TelemetrySample) -> bool:
        """Whether this is said for the first time; a hole or a new start undoes what was whole."""
        if (sample.epoch, sample.seq) <= (self.epoch, self.seq):
            return False
        is_next = sample.epoch == self.epoch and sample.seq == self.seq + 1
        if not is_next:
            self._begin()
            # A new epoch that is heard from its first word on lacks nothing.
            self.is_torn = sample.epoch == self.epoch or sample.seq != 1
        self.epoch, self.seq = sample.epoch, sample.seq
        return True

    def note_reading(self, values: Mapping[str, bytes], at_ns: int) -> None:
        """A whole reading was told; patches may go on from it."""
        self.is_whole, self.is_torn, self.is_patched = True, False, False
        self.told, self.coalesced, self.whole_at_ns = values, 0, at_ns

    def note_patch(self, patch: Patch, at_ns: int) -> None:
        """Collect what a patch says, where it is not the owner's to keep.

        Raises:
            ValueError: The map grows beyond what is followed.
        """
        if patch.phase == "begin":
            self._begin()
            self.is_torn = False
        # A reading's values are shared with whoever holds the reading.
        told = (
            self.told if self.is_patched and isinstance(self.told, dict) else {**(self.told or {})}
        )
        self.told, self.is_patched = told, True
        self._merge(told, patch)
        if patch.phase == "end" and not self.is_torn:
            self.is_whole = True
        if self.is_whole:
            self.whole_at_ns = at_ns

    def hand_over(self) -> tuple[Mapping[str, bytes], int]:
        """The map and the transitions in it, for the owner to keep from here on."""
        told, coalesced = self.told or {}, self.coalesced
        self.told, self.coalesced = None, 0
        return told, coalesced

    def tear(self) -> None:
        """Something that was said is lost: nothing counts before everything is told again."""
        self._begin()
        self.is_torn = True

    def _begin(self) -> None:
        self.is_whole, self.told, self.coalesced = False, {}, 0

    def _merge(self, told: dict[str, bytes], patch: Patch) -> None:
        for key in gone(told, patch):
            self.coalesced += told.pop(key, None) is not None
        for key, value in patch.upserts:
            self.coalesced += told.get(key, value) != value
            told[key] = value
        self.coalesced += patch.coalesced
        if len(told) > MOST_ENTRIES:
            raise ValueError(f"more than {MOST_ENTRIES} entries; no more are followed")


def gone(keys: Iterable[str], patch: Patch) -> list[str]:
    """What a patch deletes: by name, and under the prefixes of keys that it names."""
    deletes = list(patch.deletes)
    if not patch.subtrees:
        return deletes
    roots = _outermost(patch.subtrees)
    for key in keys:
        at = bisect_right(roots, key) - 1
        if at >= 0 and key.startswith(roots[at]):
            deletes.append(key)
    return deletes


def _outermost(prefixes: Iterable[str]) -> list[str]:
    """The prefixes without those that are within another: at most one then covers a key."""
    roots: list[str] = []
    for prefix in sorted(prefixes):
        if not (roots and prefix.startswith(roots[-1])):
            roots.append(prefix)
    return roots
