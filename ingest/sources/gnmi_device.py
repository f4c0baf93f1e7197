"""One device's tree of leaves: what is known of it, and which of its values that changes.

Updates need not come in the order of their time: of one leaf the newest counts. A time from further
back than anything is late by means that the device's clock was set, and is believed; a time ahead
of ours counts as now, so that it cannot outlast the true ones after it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from foreshadow.observed import Stream, Value, key_of
from ingest.sources.gnmi_schema import Keys, Kind, Leaf, Place
from ingest.sources.gnmi_values import COMPOSE, STREAMS, LeafId, Leaves, ToldIn, joined

LATEST_NS = 60 * 10**9
"""A leaf may be overtaken by at most this much."""

Thing = tuple[Kind, Keys]


class Change(NamedTuple):
    """One value of one stream that is another than was last passed on; None where there is none."""

    stream: Stream
    key: str
    before: Value | None
    after: Value | None


Told = tuple[LeafId, int, Any, str, int]
"""A leaf, when it was so, its value, and in which snapshot of which subscription it was told."""

TreeMemory = list[tuple[int, Keys, list[Told]]]
"""All leaves of a device by kind and thing, as they are saved."""


class DeviceTree:
    """What one device has told, and what of it has not been passed on."""

    def __init__(self, instance: str, room: int) -> None:
        """Begin knowing nothing.

        Args:
            instance: The network instance whose sessions and routes are the device's.
            room: How many leaves it may hold.
        """
        self._instance, self.room = instance, room
        self._things: dict[Kind, dict[Keys, Leaves]] = {kind: {} for kind in Kind}
        self._dirty: dict[Thing, None] = {}
        self._routes: defaultdict[Keys, dict[Keys, None]] = defaultdict(dict)
        """Prefixes by the next-hop group they are forwarded to."""
        self._sayers: defaultdict[tuple[Stream, str], dict[Thing, Value]] = defaultdict(dict)
        """Who says something under a key: a subinterface may be in the list of interfaces too."""
        self.size = 0
        self.is_overfull = False
        self.has_news = False
        """Whether any leaf has another value since the changes were last asked for."""

    def set(self, leaf: Leaf, keys: Keys, value: Any, *, at_ns: int, told_in: ToldIn) -> None:
        """Take one leaf, unless a newer one is known."""
        kind, field, width = leaf
        place, leaf_id = keys[:width], (field, *keys[width:])
        things = self._things[kind]
        leaves = things.get(place)
        held = None if leaves is None else leaves.get(leaf_id)
        if held is None:
            if self.size >= self.room:
                self.is_overfull = True
                return
            self.size += 1
        elif at_ns < held[0] <= at_ns + LATEST_NS:
            return
        if leaves is None:
            leaves = things[place] = Leaves()
        leaves[leaf_id] = (at_ns, value, told_in)
        if held is None or held[1] != value:
            self._touch(kind, place, before=held and held[1], after=value, field=field)

    def delete(self, place: Place, at_ns: int) -> None:
        """Forget a leaf or all of a branch, but for what was told after that."""
        if place.node is None:
            return
        keys = place.keys
        for leaf in place.node.leaves:
            things = self._things[leaf.kind]
            if len(keys) >= leaf.width:
                found = [keys[: leaf.width]] if keys[: leaf.width] in things else []
            else:
                found = [each for each in things if each[: len(keys)] == keys]
            for each in found:
                self._drop(leaf, each, keys[leaf.width :], at_ns)

    def sweep(self, subscription: str, generation: int) -> None:
        """Forget what a subscription told before this generation and not again in it.

        Where less than half was told again this was no snapshot, but a `sync_response` delivered
        twice: nothing is forgotten.
        """
        own = [
            (kind, place, leaf_id, told_in[1] == generation)
            for kind, things in self._things.items()
            for place, leaves in things.items()
            for leaf_id, (_, _, told_in) in leaves.items()
            if told_in[0] == subscription
        ]
        if 2 * sum(is_retold for *_, is_retold in own) >= len(own):
            for kind, place, leaf_id, is_retold in own:
                if not is_retold:
                    self._remove(kind, place, leaf_id)

    def changes(self) -> list[Change]:
        """What is another value than was last passed on, a key once; then it is passed on."""
        dirty, self._dirty, self.has_news = self._dirty, {}, False
        found: dict[tuple[Stream, str], Change] = {}
        for kind, place in dirty:
            leaves = self._things[kind].get(place)
            if leaves is None:
                continue
            values = {
                key_of(value): value
                for value in COMPOSE[kind](place, leaves, self._things, self._instance)
            }
            told, leaves.told = leaves.told, values
            if not leaves:
                del self._things[kind][place]
            for key in {**told, **values}:
                if told.get(key) != values.get(key):
                    change = self._change((kind, place), key, told.get(key), values.get(key))
                    earlier = found.get((change.stream, key), change)
                    found[change.stream, key] = change._replace(before=earlier.before)
        return [change for change in found.values() if change.before != change.after]

    def _change(self, thing: Thing, key: str, before: Value | None, after: Value | None) -> Change:
        """One value's change, where others may say something under the same key."""
        stream = STREAMS[thing[0]]
        if stream is Stream.FIB:  # A prefix is one thing; and there are a million of them.
            return Change(stream, key, before, after)
        sayers = self._sayers[stream, key]
        was = joined(sayers.values())
        if after is None:
            sayers.pop(thing, None)
        else:
            sayers[thing] = after
        now = joined(sayers.values())
        if not sayers:
            del self._sayers[stream, key]
        return Change(stream, key, was, now)

    def remember(self) -> TreeMemory:
        """Every leaf, to be saved."""
        return [
            (
                kind.value,
                place,
                [(leaf, at_ns, value, *told) for leaf, (at_ns, value, told) in leaves.items()],
            )
            for kind, things in self._things.items()
            for place, leaves in things.items()
        ]

    def recall(self, memory: TreeMemory) -> None:
        """Take back what was saved; all of it counts as changed.

        Raises:
            ValueError: A kind is none.
        """
        for kind, place, leaves in memory:
            for leaf_id, at_ns, value, subscription, generation in leaves:
                leaf = Leaf(Kind(kind), leaf_id[0], len(place))
                keys = (*place, *leaf_id[1:])
                self.set(leaf, keys, value, at_ns=at_ns, told_in=(subscription, generation))

    def is_fib_complete(self) -> bool:
        """Whether the device says that its forwarding table is told whole, if it says so at all."""
        said = self._things[Kind.AFT].get((self._instance,))
        return said is None or said.text("synced") in {None, "True", "true"}

    def _drop(self, leaf: Leaf, place: Keys, inside: Keys, at_ns: int) -> None:
        leaves = self._things[leaf.kind][place]
        for leaf_id, (told_ns, _, _) in list(leaves.items()):
            is_meant = leaf_id[0] == leaf.field and leaf_id[1 : 1 + len(inside)] == inside
            if is_meant and not at_ns < told_ns <= at_ns + LATEST_NS:
                self._remove(leaf.kind, place, leaf_id)

    def _remove(self, kind: Kind, place: Keys, leaf_id: LeafId) -> None:
        leaves = self._things[kind].get(place)
        held = None if leaves is None else leaves.pop(leaf_id, None)
        if leaves is None or held is None:
            return
        self.size -= 1
        self._touch(kind, place, before=held[1], after=None, field=leaf_id[0])
        if not leaves and kind not in COMPOSE:
            del self._things[kind][place]

    def _touch(self, kind: Kind, place: Keys, *, before: Any, after: Any, field: str) -> None:
        self.has_news = True
        if kind in COMPOSE:
            self._dirty[kind, place] = None
        if kind is Kind.PREFIX and field == "group":
            self._routes[place[0], str(before)].pop(place, None)
            if after is not None:
                self._routes[place[0], str(after)][place] = None
            elif not self._routes[place[0], str(before)]:
                del self._routes[place[0], str(before)]
        for thing in self._dependents(kind, place):
            self._dirty[thing] = None

    def _dependents(self, kind: Kind, place: Keys) -> Iterator[Thing]:
        """Things whose value may be another because this one is."""
        match kind:
            case Kind.GLOBAL_BGP:
                yield from self._below(Kind.SESSION, place)
            case Kind.ISIS_INTERFACE:
                yield from self._below(Kind.ISIS_ADJACENCY, place)
            case Kind.OSPF_INTERFACE:
                yield from self._below(Kind.OSPF_ADJACENCY, place)
            case Kind.NEXT_HOP_GROUP:
                yield from ((Kind.PREFIX, each) for each in self._routes.get(place, ()))
            case Kind.NEXT_HOP:
                for group, hops in self._things[Kind.NEXT_HOP_GROUP].items():
                    if group[0] == place[0] and ("hop", place[1]) in hops:
                        yield from self._dependents(Kind.NEXT_HOP_GROUP, group)
            case _:
                return

    def _below(self, kind: Kind, place: Keys) -> Iterator[Thing]:
        yield from ((kind, each) for each in self._things[kind] if each[: len(place)] == place)
