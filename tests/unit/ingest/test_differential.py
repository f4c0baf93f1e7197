"""The laws of differential state, over any history of an owner and any channel to a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import given

from foreshadow.delta import Effect, Op, StateDelta, StreamState, apply
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from ingest import differential
from ingest.differential import OwnedStream, Reading, advance, full_size, heartbeat, snapshot

R1 = NodeId("R1")

Values = Mapping[str, bytes]


@dataclass
class History:
    """What an owner and its successors published, and what their map was at every number."""

    deltas: list[StateDelta] = field(default_factory=list)
    maps: dict[tuple[int, int], Values] = field(default_factory=dict)
    last: OwnedStream = field(
        default_factory=lambda: OwnedStream(device=R1, stream=Stream.FIB, epoch=0)
    )

    def publish(self, owned: OwnedStream, deltas: tuple[StateDelta, ...]) -> None:
        """Note what went out, and the map it stands for once all of it has arrived."""
        self.last = owned
        self.deltas += deltas
        self.maps[owned.epoch, owned.seq] = dict(owned.values)


def _reading(values: Values, stream: Stream = Stream.FIB, event_at_ns: int = 0) -> Reading:
    return Reading(
        device=R1, stream=stream, values=values, observed_at_ns=1, event_at_ns=event_at_ns
    )


maps = st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=2), max_size=6)
actions = st.one_of(maps, st.sampled_from(["snapshot", "heartbeat"]))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One to three owners after each other, each with readings, snapshots and heartbeats."""
    history = History()
    for epoch in range(1, draw(st.integers(1, 3)) + 1):
        owned = OwnedStream(device=R1, stream=Stream.FIB, epoch=epoch)
        history.publish(*advance(owned, _reading(draw(maps))))
        for action in draw(st.lists(actions, max_size=6)):
            if action == "snapshot":
                history.publish(*snapshot(history.last))
            elif action == "heartbeat":
                history.publish(history.last, (heartbeat(history.last),))
            elif isinstance(action, dict):
                history.publish(*advance(history.last, _reading(action)))
    return history


@st.composite
def channels(draw: st.DrawFn) -> tuple[History, list[StateDelta]]:
    """A history and what arrives of it: lost, doubled and reordered at will, dead owners late."""
    history = draw(histories())
    places = st.integers(0, len(history.deltas) - 1)
    order = draw(st.lists(places, max_size=3 * len(history.deltas)))
    return history, [history.deltas[place] for place in order]


@given(histories())
def test_replay_of_deltas_equals_the_snapshot(history: History) -> None:
    """In order, a copy is level with its owner after every publication."""
    copy = StreamState()
    for delta in history.deltas:
        copy, effect = apply(copy, delta)
        assert effect is Effect.APPLIED
        if copy.is_synced:
            assert copy.values == history.maps[copy.position]

    assert copy.is_synced
    assert copy.values == history.last.values


@given(channels())
def test_a_copy_equals_its_owner_or_knows_that_it_is_stale(
    channel: tuple[History, list[StateDelta]],
) -> None:
    """Whatever the channel does, a copy that calls itself synced holds the owner's map."""
    history, arrived = channel
    copy = StreamState()
    for delta in arrived:
        before = copy
        copy, effect = apply(copy, delta)
        assert copy.position >= before.position
        if copy.is_synced:
            assert copy.values == history.maps[copy.position]
        if effect in (Effect.DUPLICATE, Effect.ZOMBIE):
            assert copy == before


@given(channels())
def test_a_snapshot_heals_whatever_happened(channel: tuple[History, list[StateDelta]]) -> None:
    """After any channel the owner's next snapshot makes the copy level again."""
    history, arrived = channel
    copy = StreamState()
    owned, healing = snapshot(history.last)
    for delta in (*arrived, *healing):
        copy, _ = apply(copy, delta)

    assert copy.is_synced
    assert copy.values == owned.values
    assert copy.position == (owned.epoch, owned.seq)


@given(histories())
def test_duplicates_change_nothing(history: History) -> None:
    """Every delta delivered twice gives the same copy as once."""
    once = twice = StreamState()
    for delta in history.deltas:
        once, _ = apply(once, delta)
        twice, _ = apply(apply(twice, delta)[0], delta)

    assert once == twice


@given(histories(), st.data())
def test_a_copy_notices_a_map_that_is_not_its_owners(history: History, data: st.DataObject) -> None:
    """A heartbeat of another map makes the copy stale instead of wrong."""
    other = data.draw(maps.filter(lambda values: values != history.last.values))
    copy, _ = apply(_level(history), heartbeat(_with(history.last, other)))

    assert not copy.is_synced


@given(maps, maps)
def test_equal_values_never_travel(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """A change carries exactly what differs; an equal reading carries nothing at all."""
    owned, _ = advance(OwnedStream(device=R1, stream=Stream.FIB, epoch=1), _reading(before))
    _, deltas = advance(owned, _reading(after))

    changed = {key for key, value in after.items() if before.get(key) != value}
    assert {key for delta in deltas for key, _ in delta.upserts} == changed
    assert {key for delta in deltas for key in delta.deletes} == before.keys() - after.keys()
    assert len(deltas) == (before != after)


def test_a_demand_interval_travels_even_when_no_rate_changed() -> None:
    """The empty delta says that the interval is over; the same interval again says nothing."""
    owned = OwnedStream(device=R1, stream=Stream.DEMAND, epoch=1)
    owned, first = advance(owned, _reading({"p": b"1"}, Stream.DEMAND, 300))
    owned, second = advance(owned, _reading({"p": b"1"}, Stream.DEMAND, 600))
    _, again = advance(owned, _reading({"p": b"2"}, Stream.DEMAND, 600))

    assert [(delta.op, delta.event_at_ns) for delta in first] == [
        (Op.SNAPSHOT_BEGIN, 0),
        (Op.SNAPSHOT_END, 300),
    ]
    assert [(delta.op, delta.upserts, delta.event_at_ns) for delta in second] == [
        (Op.CHANGE, (), 600)
    ]
    assert again == ()


def test_a_large_map_travels_in_parts() -> None:
    """No message of a snapshot holds more than a broker takes; the copy is level at its end."""
    values = {f"10.{n // 256}.{n % 256}.0/24": b"x" for n in range(differential.SNAPSHOT_PART + 5)}
    owned = OwnedStream(device=R1, stream=Stream.FIB, epoch=1)
    owned, deltas = advance(owned, _reading(values))
    copy = StreamState()
    for delta in deltas:
        copy, _ = apply(copy, delta)

    assert [len(delta.upserts) for delta in deltas] == [differential.SNAPSHOT_PART, 5, 0]
    assert copy.is_synced
    assert copy.values == values
    assert full_size(owned) > sum(len(key) for key in values)


def _level(history: History) -> StreamState:
    copy = StreamState()
    for delta in history.deltas:
        copy, _ = apply(copy, delta)
    return copy


def _with(owned: OwnedStream, values: Values) -> OwnedStream:
    return OwnedStream(
        device=owned.device,
        stream=owned.stream,
        epoch=owned.epoch,
        seq=owned.seq,
        values=values,
    )
