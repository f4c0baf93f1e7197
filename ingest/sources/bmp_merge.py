"""Many small changes of a stream as few larger ones: a full table need not be a million records."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from foreshadow.observed import Stream, Value
from foreshadow.topology import NodeId
from ingest.heard import Heard, Phase, StatePatch

_MOST_KEYS = 2_000
_MERGED = {Phase.PART, Phase.CHANGE}


def merged(heard: Iterable[Heard]) -> Iterator[Heard]:
    """The same in fewer patches, each stream in its order; of a key the last word counts."""
    drafts: dict[tuple[NodeId, Stream], _Draft] = {}
    for each in heard:
        if not isinstance(each, StatePatch):
            yield each
            continue
        place = each.device, each.stream
        draft = drafts.get(place)
        if draft is not None and not draft.takes(each):
            yield drafts.pop(place).patch()
            draft = None
        if each.phase not in _MERGED or each.subtrees:
            yield each
        elif draft is None:
            drafts[place] = _Draft(each)
        else:
            draft.take(each)
    for draft in drafts.values():
        yield draft.patch()


@dataclass(slots=True)
class _Draft:
    first: StatePatch
    upserts: dict[str, Value] = field(init=False)
    deletes: dict[str, None] = field(init=False)
    at_ns: int = field(init=False)
    coalesced: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.upserts, self.deletes, self.at_ns = {}, {}, 0
        self.take(self.first)

    def takes(self, patch: StatePatch) -> bool:
        """Whether a patch can join without changing what the two mean."""
        return (
            patch.phase is self.first.phase
            and not patch.subtrees
            and len(self.upserts) + len(self.deletes) < _MOST_KEYS
        )

    def take(self, patch: StatePatch) -> None:
        for key in patch.deletes:
            self.upserts.pop(key, None)
            self.deletes[key] = None
        for key, value in patch.upserts.items():
            self.deletes.pop(key, None)
            self.upserts[key] = value
        self.at_ns = max(self.at_ns, patch.at_ns)
        self.coalesced += patch.coalesced

    def patch(self) -> StatePatch:
        return StatePatch(
            device=self.first.device,
            stream=self.first.stream,
            phase=self.first.phase,
            upserts=self.upserts,
            deletes=tuple(self.deletes),
            at_ns=self.at_ns,
            coalesced=self.coalesced,
        )
