"""Many small changes of a stream as few larger ones: a full table need not be a million records.

And large ones as several: a record on the bus has a limit, and one UPDATE can say the same long
attributes of thousands of prefixes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from foreshadow.observed import ReceivedPath, Stream, Value
from foreshadow.routing import BestPath
from foreshadow.topology import NodeId
from ingest.heard import Heard, Phase, StatePatch

LARGEST_PATCH_CHARACTERS = 400_000
"""Of its values as JSON, about."""
_MERGED = {Phase.PART, Phase.CHANGE}
_EMPTY_VALUE, _COMMUNITY = 200, 15
"""Characters of a value's field names and numbers, and of a community."""


def merged(heard: Iterable[Heard]) -> Iterator[Heard]:
    """The same in patches of a good size, streams in their order; the last word on a key counts."""
    drafts: dict[tuple[NodeId, Stream], _Draft] = {}
    for each in heard:
        if not isinstance(each, StatePatch):
            yield each
            continue
        place = each.device, each.stream
        draft = drafts.get(place)
        if draft is not None and (each.phase is not draft.phase or each.subtrees):
            yield drafts.pop(place).patch()
            draft = None
        if each.phase not in _MERGED or each.subtrees:
            yield each
            continue
        if draft is None:
            draft = drafts[place] = _Draft(*place, each.phase)
        yield from draft.take(each)
    for draft in drafts.values():
        yield draft.patch()


@dataclass(slots=True)
class _Draft:
    """A patch in the making."""

    device: NodeId
    stream: Stream
    phase: Phase
    upserts: dict[str, Value] = field(default_factory=dict)
    deletes: dict[str, None] = field(default_factory=dict)
    at_ns: int = 0
    coalesced: int = 0
    characters: int = 0

    def take(self, patch: StatePatch) -> Iterator[StatePatch]:
        """Join a patch, key by key; what grew too large leaves before it."""
        self.coalesced += patch.coalesced
        self.at_ns = max(self.at_ns, patch.at_ns)
        for key in patch.deletes:
            yield from self._make_room(len(key))
            self.upserts.pop(key, None)
            self.deletes[key] = None
        for key, value in patch.upserts.items():
            yield from self._make_room(len(key) + _characters(value))
            self.deletes.pop(key, None)
            self.upserts[key] = value

    def patch(self) -> StatePatch:
        """What has been joined so far."""
        return StatePatch(
            device=self.device,
            stream=self.stream,
            phase=self.phase,
            upserts=self.upserts,
            deletes=tuple(self.deletes),
            at_ns=self.at_ns,
            coalesced=self.coalesced,
        )

    def _make_room(self, characters: int) -> Iterator[StatePatch]:
        if self.characters and self.characters + characters > LARGEST_PATCH_CHARACTERS:
            yield self.patch()
            self.upserts, self.deletes, self.coalesced, self.characters = {}, {}, 0, 0
        self.characters += characters


def _characters(value: Value) -> int:
    """How long a value is as JSON, about; paths alone may be long."""
    match value:
        case ReceivedPath(path=path) | (BestPath() as path):
            return _EMPTY_VALUE + len(path.as_path) + _COMMUNITY * len(path.communities)
        case _:
            return _EMPTY_VALUE
