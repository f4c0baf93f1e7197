"""The laws of differential state, over any history of an owner and any channel to a copy."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from foreshadow.bucket_map import BUCKETS, BucketMap
from foreshadow.delta import Effect, Op, StateDelta
from foreshadow.observed import Stream
from foreshadow.stream_copy import StreamCopy
from foreshadow.topology import NodeId
from ingest import differential
from ingest.differential import OwnedStream, Reading

R1 = NodeId("R1")

Values = Mapping[str, bytes]


def owned(epoch: int = 1, stream: Stream = Stream.FIB) -> OwnedStream:
    """A stream that nothing was said of yet."""
    return OwnedStream(device=R1, stream=stream, epoch=epoch)


def reading(values: Values, stream: Stream = Stream.FIB, event_at_ns: int = 0) -> Reading:
    """The whole state at once."""
    return Reading(
        device=R1, stream=stream, values=values, observed_at_ns=1, event_at_ns=event_at_ns
    )


@dataclass
class History:
    """What an owner and its successors published, and what their map was at every number."""

    deltas: list[StateDelta] = field(default_factory=list)
    maps: dict[tuple[int, int], Values] = field(default_factory=dict)
    last: OwnedStream = field(default_factory=lambda: owned(0))

    def publish(self, *deltas: StateDelta) -> None:
        """Note what went out, and the map that each number stands for."""
        self.deltas += deltas
        for delta in deltas:
            self.maps.setdefault((delta.epoch, delta.seq), dict(self.last.values))

    def succeed(self, *, is_heir: bool) -> None:
        """The next owner begins, with what the last one knew or with nothing."""
        values, is_heir = self.last.values, is_heir and self.last.is_open
        self.last = owned(self.last.epoch + 1)
        if is_heir:
            self.last.values, self.last.is_inherited = BucketMap(values), True
            self.maps[self.last.epoch, 0] = dict(values)


maps = st.dictionaries(st.sampled_from("abcdef"), st.binary(max_size=2), max_size=6)
changes = st.tuples(maps, st.lists(st.sampled_from("abcdef"), max_size=3))
actions = st.one_of(maps, changes, st.sampled_from(["snapshot", "heartbeat"]))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One to three owners after each other, each with readings, changes and heartbeats."""
    history = History()
    for _ in range(draw(st.integers(1, 3))):
        history.succeed(is_heir=draw(st.booleans()))
        history.publish(*history.last.read(reading(draw(maps))))
        for action in draw(st.lists(actions, max_size=6)):
            if action == "snapshot":
                history.publish(*history.last.snapshot())
            elif action == "heartbeat":
                history.publish(history.last.heartbeat())
            elif isinstance(action, dict):
                history.publish(*history.last.read(reading(action)))
            elif isinstance(action, tuple):
                upserts, deletes = action
                history.publish(*history.last.change(upserts.items(), deletes, observed_at_ns=2))
    return history


@st.composite
def channels(draw: st.DrawFn) -> tuple[History, list[StateDelta]]:
    """A history and what arrives of it: lost, doubled and reordered at will, dead owners late."""
    history = draw(histories())
    places = st.integers(0, len(history.deltas) - 1)
    order = draw(st.lists(places, max_size=3 * len(history.deltas)))
    return history, [history.deltas[place] for place in order]


def followed(deltas: list[StateDelta]) -> StreamCopy:
    """A copy that has heard these."""
    copy = StreamCopy()
    for delta in deltas:
        copy.apply(delta)
    return copy


def standing(copy: StreamCopy) -> object:
    """All there is to a copy."""
    incoming = None if copy.incoming is None else dict(copy.incoming)
    return dict(copy.values), copy.position, copy.is_synced, incoming, copy.coalesced


@given(histories())
def test_replay_of_deltas_equals_the_snapshot(history: History) -> None:
    """In order, a copy is level with its owner after every publication."""
    copy = StreamCopy()
    for delta in history.deltas:
        assert copy.apply(delta) is Effect.APPLIED
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
    copy = StreamCopy()
    for delta in arrived:
        position, before = copy.position, standing(copy)
        effect = copy.apply(delta)
        assert copy.position >= position
        if copy.is_synced:
            assert copy.values == history.maps[copy.position]
        if effect in (Effect.DUPLICATE, Effect.ZOMBIE):
            assert standing(copy) == before


@given(channels())
def test_a_snapshot_heals_whatever_happened(channel: tuple[History, list[StateDelta]]) -> None:
    """After any channel the owner's next snapshot makes the copy level again."""
    history, arrived = channel
    copy = followed([*arrived, *history.last.snapshot()])

    assert copy.is_synced
    assert copy.values == history.last.values
    assert copy.position == (history.last.epoch, history.last.seq)


@given(channels(), maps)
def test_buckets_heal_every_copy_that_asked(
    channel: tuple[History, list[StateDelta]], wrong: dict[str, bytes]
) -> None:
    """Copies that went wrong, each in its way, are level after one answer to all."""
    history, arrived = channel
    copies = [followed(arrived), followed(arrived[::2]), followed([])]
    copies[1].values = BucketMap(wrong)
    for delta in history.last.repair([copy.values.digests() for copy in copies]):
        for copy in copies:
            copy.apply(delta)

    for copy in copies:
        assert copy.is_synced
        assert copy.values == history.last.values


@given(histories())
def test_duplicates_change_nothing(history: History) -> None:
    """Every delta delivered twice gives the same copy as once."""
    twice = [delta for delta in history.deltas for _ in range(2)]

    assert standing(followed(history.deltas)) == standing(followed(twice))


@given(histories(), st.data())
def test_a_copy_notices_a_map_that_is_not_its_owners(history: History, data: st.DataObject) -> None:
    """A heartbeat of another map makes the copy stale instead of wrong."""
    other = data.draw(maps.filter(lambda values: values != history.last.values))
    copy = followed(history.deltas)
    history.last.values = BucketMap(other)
    copy.apply(history.last.heartbeat())

    assert not copy.is_synced


@given(maps, maps)
def test_equal_values_never_travel(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """A change carries exactly what differs; an equal reading carries nothing at all (R7)."""
    stream = owned()
    stream.read(reading(before))
    deltas = list(stream.read(reading(after)))

    changed = {key for key, value in after.items() if before.get(key) != value}
    assert {key for delta in deltas for key, _ in delta.upserts} == changed
    assert {key for delta in deltas for key in delta.deletes} == before.keys() - after.keys()
    assert len(deltas) == (before != after)


@given(maps, maps, st.lists(st.sampled_from("abcdef"), max_size=3))
def test_of_a_change_only_news_travel(
    before: dict[str, bytes], upserts: dict[str, bytes], deletes: list[str]
) -> None:
    """What a source says again, and the end of what never was, stays here (R7)."""
    stream = owned()
    stream.read(reading(before))
    deltas = list(stream.change(upserts.items(), deletes, observed_at_ns=2))

    news = {key for key, value in upserts.items() if before.get(key) != value}
    gone = {key for key in deletes if key in before and key not in upserts}
    assert {key for delta in deltas for key, _ in delta.upserts} == news
    assert {key for delta in deltas for key in delta.deletes} == gone
    assert len(deltas) == bool(news or gone)


def test_transitions_that_nobody_saw_are_told_with_the_next_delta() -> None:
    """A value that went and came back does not travel, but that it did is not lost."""
    stream = owned()
    stream.read(reading({"a": b"1"}))
    silent = list(stream.change([("a", b"1")], (), observed_at_ns=2, coalesced=2))
    (told,) = stream.change([("a", b"2")], (), observed_at_ns=3, coalesced=1)
    (after,) = stream.change([("a", b"3")], (), observed_at_ns=4)

    assert silent == []
    assert (told.coalesced, after.coalesced) == (3, 0)


def test_an_heir_opens_its_epoch_with_one_heartbeat() -> None:
    """What copies hold already is not sent again; a reading then is a difference."""
    stream = owned(2)
    stream.values, stream.is_inherited = BucketMap({"a": b"1", "b": b"1"}), True
    beat, change = stream.read(reading({"a": b"1", "b": b"2"}))

    assert (beat.op, beat.seq, beat.root) == (
        Op.HEARTBEAT,
        0,
        BucketMap({"a": b"1", "b": b"1"}).root(),
    )
    assert (change.op, change.seq, change.upserts) == (Op.CHANGE, 1, (("b", b"2"),))
    assert list(stream.open()) == []


def test_a_demand_interval_travels_even_when_no_rate_changed() -> None:
    """The empty delta says that the interval is over; the same interval again says nothing."""
    stream = owned(stream=Stream.DEMAND)
    first = list(stream.read(reading({"p": b"1"}, Stream.DEMAND, 300)))
    second = list(stream.read(reading({"p": b"1"}, Stream.DEMAND, 600)))
    again = list(stream.read(reading({"p": b"2"}, Stream.DEMAND, 600)))

    assert [(delta.op, delta.event_at_ns) for delta in first] == [
        (Op.SNAPSHOT_BEGIN, 0),
        (Op.SNAPSHOT_END, 300),
    ]
    assert [(delta.op, delta.upserts, delta.event_at_ns) for delta in second] == [
        (Op.CHANGE, (), 600)
    ]
    assert again == []


def test_a_large_map_travels_in_parts() -> None:
    """No message of a snapshot holds more than a broker takes; the copy is level at its end."""
    values = {f"10.{n // 256}.{n % 256}.0/24": b"x" for n in range(differential.SNAPSHOT_PART + 5)}
    stream = owned()
    deltas = list(stream.read(reading(values)))
    copy = followed(deltas)

    assert [len(delta.upserts) for delta in deltas] == [differential.SNAPSHOT_PART, 5, 0]
    assert copy.is_synced
    assert copy.values == values


def test_only_the_buckets_that_differ_are_sent_again() -> None:
    """Three values of ten thousand are wrong: what comes back is a hundredth of the map."""
    values = {f"10.{n // 256}.{n % 256}.0/24": b"x" for n in range(10_000)}
    stream = owned()
    copy = followed(list(stream.read(reading(values))))
    whole = sum(len(msgspec.msgpack.encode(delta)) for delta in stream.snapshot())
    copy.values.put("10.0.1.0/24", b"wrong")
    copy.values.drop("10.1.2.0/24")
    copy.values.put("alien", b"x")
    assert copy.apply(stream.heartbeat()) is Effect.DIVERGED
    answer = stream.repair([copy.values.digests()])
    for delta in answer:
        copy.apply(delta)

    assert copy.is_synced
    assert copy.values == values
    assert sum(len(delta.buckets) for delta in answer) == 3
    assert sum(len(msgspec.msgpack.encode(delta)) for delta in answer) < whole / 50


def test_a_repair_larger_than_a_message_comes_in_parts() -> None:
    """Whole buckets each, as many as a snapshot's part holds; the last one heals."""
    values = {f"10.{n // 256}.{n % 256}.0/24": b"x" for n in range(20_000)}
    stream = owned()
    stream.read(reading(values))
    copy = StreamCopy()
    copy.epoch, copy.values = 1, BucketMap(values)
    for key in list(values)[:100]:
        copy.values.drop(key)
    answer = stream.repair([copy.values.digests()])
    effects = [copy.apply(delta) for delta in answer]

    assert len(answer) > 5
    assert max(len(delta.upserts) for delta in answer) <= differential.SNAPSHOT_PART
    assert effects == [Effect.DIVERGED] * (len(answer) - 1) + [Effect.APPLIED]
    assert copy.values == values


def test_who_lacks_most_gets_everything() -> None:
    """So does who asks with something that are no digests; and of demand there are no parts."""
    values = {str(n): b"x" for n in range(BUCKETS * 8)}
    stream, demand = owned(), owned(stream=Stream.DEMAND)
    stream.read(reading(values))
    demand.read(reading(values, Stream.DEMAND, 300))
    ours = stream.values.digests()

    assert stream.repair([BucketMap().digests()])[0].op is Op.SNAPSHOT_BEGIN
    assert stream.repair([b"nonsense"])[0].op is Op.SNAPSHOT_BEGIN
    assert demand.repair([ours])[-1].event_at_ns == 300
    assert [delta.op for delta in stream.repair([ours])] == [Op.HEARTBEAT]


@given(maps)
def test_full_size_is_what_one_message_would_take(values: dict[str, bytes]) -> None:
    """To the few bytes by which the length of an array is told."""
    stream = owned()
    stream.read(reading(values))
    message = StateDelta(
        device=R1,
        stream=Stream.FIB,
        epoch=1,
        seq=stream.seq,
        op=Op.CHANGE,
        upserts=tuple(values.items()),
        observed_at_ns=1,
    )

    assert stream.full_size() == len(msgspec.msgpack.encode(message))
