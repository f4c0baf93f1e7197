"""The hot path: what goes out for what comes in, live and after a predecessor's death."""

import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given, settings

from foreshadow.bus import Record
from foreshadow.checkpoint import Checkpoint, checkpoint
from foreshadow.clock import to_ns
from foreshadow.codec import from_json
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Interface, Stream, encode
from foreshadow.state import NetworkState, replay
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import CounterBlock, FlowRecord, Patch, Rejected, TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.intake import Intake
from ingest.owner import Published, StateOwner, published
from ingest.precedence import Precedence
from tests.fakes.clock import FakeClock

R1 = NodeId("R1")
Flows = dict[str, float]
Sent = list[tuple[Topic, str, bytes]]


def _record(value: bytes, offset: int = 0) -> Record:
    return Record(topic=Topic.TELEMETRY, key=R1, value=value, partition=0, offset=offset)


def _flows(step: int, rates: Flows) -> Record:
    flows = [FlowRecord(prefix=prefix, rate_bps=rate) for prefix, rate in rates.items()]
    sample = TelemetrySample(
        device=R1,
        stream=Stream.DEMAND,
        source="flow",
        epoch=1,
        seq=step,
        observed_at_ns=step,
        event_at_ns=step * 300,
        encoding="flow",
        body=msgspec.msgpack.encode(flows),
    )
    return _record(msgspec.msgpack.encode(sample))


def _config(text: str, epoch: int, seq: int) -> Record:
    sample = TelemetrySample(
        device=R1,
        stream=Stream.CONFIG,
        source="frr-agent",
        epoch=epoch,
        seq=seq,
        observed_at_ns=1,
        encoding="frr",
        body=msgspec.json.encode({"show running-config": text}),
    )
    return _record(msgspec.msgpack.encode(sample))


def _deltas(sent: Sent) -> list[StateDelta]:
    return [
        msgspec.msgpack.decode(value, type=StateDelta)
        for topic, _, value in sent
        if topic is Topic.STATE
    ]


def _intake(past: list[StateDelta] | None = None, *, live: bool = True) -> tuple[Intake, Sent]:
    sent: Sent = []
    history = published(past or [])
    epoch = history.epoch + 1
    owner = StateOwner(epoch, history.inherited(epoch))
    intake = Intake(owner, lambda *record: sent.append(record))
    if live:
        intake.go_live()
    return intake, sent


def test_first_reading_is_a_snapshot_then_differences() -> None:
    """Deltas are keyed by device; only what changed travels."""
    intake, sent = _intake()
    intake.take(_flows(1, {"10.1.0.0/16": 1.0, "10.2.0.0/16": 2.0}))
    intake.take(_flows(2, {"10.1.0.0/16": 1.0, "10.2.0.0/16": 3.0}))

    begin, end, change = _deltas(sent)
    assert {key for _, key, _ in sent} == {R1}
    assert (begin.op, end.op, change.op) == (Op.SNAPSHOT_BEGIN, Op.SNAPSHOT_END, Op.CHANGE)
    assert change.upserts == (("10.2.0.0/16", b'{"rate_bps":3.0}'),)
    assert change.event_at_ns == 600


def test_samples_that_were_seen_say_nothing() -> None:
    """A repeated sample, and one of a dead source, are passed over."""
    intake, sent = _intake()
    for epoch, seq, name in [(2, 1, "a"), (2, 1, "b"), (1, 9, "c"), (2, 2, "d")]:
        intake.take(_config(f"hostname {name}\n", epoch, seq))
    state = NetworkState()
    for delta in _deltas(sent):
        state.apply(delta)

    config = state.running_config(R1)
    assert config is not None
    assert config.text == "hostname d\n"
    assert len(_deltas(sent)) == 3


def test_of_the_past_only_the_last_reading_counts_but_every_interval() -> None:
    """A successor reads old telemetry as one reading a stream, and as all of the demand."""
    intake, sent = _intake(live=False)
    intake.take(_config("hostname old\n", 1, 1))
    intake.take(_config("hostname new\n", 1, 2))
    for step in (1, 2, 3):
        intake.take(_flows(step, {"10.1.0.0/16": float(step)}))
    intervals = [delta.event_at_ns for delta in _deltas(sent) if delta.event_at_ns]
    before = [delta.stream for delta in _deltas(sent)]
    intake.go_live()

    assert intervals == [300, 600, 900]
    assert Stream.CONFIG not in before
    texts = [value for delta in _deltas(sent) for _, value in delta.upserts]
    assert not any(b"old" in value for value in texts)


@given(
    st.lists(st.dictionaries(st.sampled_from(["10.1.0.0/16", "10.2.0.0/16"]), st.floats(0, 9))),
    st.data(),
)
def test_no_interval_is_lost_or_doubled_by_a_death(rates: list[Flows], data: st.DataObject) -> None:
    """Wherever the owner dies, its successor publishes every interval that is not out yet."""
    samples = [_flows(step, flows) for step, flows in enumerate(rates, start=1)]
    first, sent = _intake()
    for sample in samples[: data.draw(st.integers(0, len(samples)))]:
        first.take(sample)
    out = _deltas(sent)[: data.draw(st.integers(0, len(sent)))]
    second, more = _intake(out, live=False)
    for sample in samples:
        second.take(sample)
    second.go_live()

    state, reached = NetworkState(), []
    for delta in (*out, *_deltas(more)):
        state.apply(delta)
        if delta.event_at_ns:
            reached.append(delta.event_at_ns)
    assert sorted(set(reached)) == [300 * step for step in range(1, len(rates) + 1)]
    last = {str(key.prefix): rate for key, rate in state.demand_rates(R1)}
    assert last == (rates[-1] if rates else {})
    assert state.stale_streams() == ()


def test_resync_sends_the_whole_map_with_its_interval() -> None:
    """A copy that lost its place is healed by one snapshot; unknown streams are nobody's."""
    intake, sent = _intake()
    intake.take(_flows(1, {"10.1.0.0/16": 1.0}))
    sent.clear()
    for stream in (Stream.DEMAND, Stream.FIB):
        intake.resync((R1, stream))

    assert [(it.stream, it.op, it.seq, it.event_at_ns) for it in _deltas(sent)] == [
        (Stream.DEMAND, Op.SNAPSHOT_BEGIN, 3, 0),
        (Stream.DEMAND, Op.SNAPSHOT_END, 4, 300),
    ]


def test_what_nobody_can_use_is_a_dead_letter_and_counted() -> None:
    """Undecodable bytes and refused samples, each with where it was and why."""
    intake, sent = _intake()
    intake.take(_record(b"nonsense", offset=7))
    intake.take(_flows(1, {"10.1.0.1/16": 1.0}))

    letters = [from_json(value, Rejected) for topic, _, value in sent if topic is Topic.REJECT]
    assert letters[0].origin == "telemetry.v1/0/7"
    assert letters[0].sample == b"nonsense"
    assert "host bits" in letters[1].reason
    assert intake.report(datetime(2026, 1, 1, tzinfo=UTC)).rejects == 2


def test_account_compares_with_full_state() -> None:
    """Unchanged readings cost nothing but would have cost their whole map."""
    intake, sent = _intake()
    for seq in range(1, 11):
        intake.take(_config("hostname R1\n", 1, seq))
    report = intake.report(datetime(2026, 1, 1, tzinfo=UTC))
    tally = next(it for it in report.streams if it.stream is Stream.CONFIG)

    assert (tally.readings, tally.messages) == (10, 2)
    assert tally.bytes == report.bytes == sum(len(value) for _, _, value in sent)
    assert report.full_state_bytes > 3 * report.bytes


class Production:
    """Sources that tell of the interfaces and sessions of R1, each with its own numbers."""

    def __init__(self) -> None:
        """Nobody has said anything."""
        self._seqs: Counter[tuple[str, Stream, int]] = Counter()

    def patch(
        self, phase: Any, *, source: str = "gnmi", epoch: int = 1, at_ns: int = 1, **fields: Any
    ) -> Record:
        """One patch of the interfaces."""
        body = msgspec.msgpack.encode(Patch(phase=phase, **fields))
        return self.say("patch", body, source=source, epoch=epoch, at_ns=at_ns)

    def whole(self, *names: str, source: str = "snmp", epoch: int = 1, at_ns: int = 1) -> Record:
        """All interfaces at once."""
        body = msgspec.msgpack.encode(tuple(ports(*names)))
        return self.say("state", body, source=source, epoch=epoch, at_ns=at_ns)

    def say(
        self, encoding: Any, body: bytes, *, source: str, epoch: int = 1, at_ns: int = 1
    ) -> Record:
        """One sample of the interfaces."""
        line = (source, Stream.INTERFACE, epoch)
        self._seqs[line] += 1
        sample = TelemetrySample(
            device=R1,
            stream=Stream.INTERFACE,
            source=source,
            epoch=epoch,
            seq=self._seqs[line],
            observed_at_ns=at_ns,
            encoding=encoding,
            body=body,
        )
        return _record(msgspec.msgpack.encode(sample))


def ports(*names: str, is_up: bool = True) -> tuple[tuple[str, bytes], ...]:
    """Interfaces as they travel."""
    return tuple(
        (name, encode(Interface(name=name, is_admin_up=True, is_oper_up=is_up))) for name in names
    )


def _copy(sent: Sent) -> NetworkState:
    return replay(_deltas(sent))


def _up(sent: Sent) -> dict[str, bool]:
    state = _copy(sent)
    if (R1, Stream.INTERFACE) in state.stale_streams():
        return {}
    return {it.name: it.is_oper_up for it in state.interfaces(R1)}


def _refusals(sent: Sent) -> list[str]:
    return [from_json(value, Rejected).reason for topic, _, value in sent if topic is Topic.REJECT]


def test_patches_are_published_once_everything_was_told() -> None:
    """Nobody sees half a table; then differences, deletes and subtrees travel as they come."""
    intake, sent = _intake()
    production = Production()
    intake.take(production.patch("begin"))
    intake.take(production.patch("part", upserts=ports("eth0", "eth1")))
    intake.take(production.patch("change", upserts=ports("eth1", is_up=False)))
    before = len(sent)
    intake.take(production.patch("end", upserts=ports("lag0", "lag0.1", "lag1")))
    told = _up(sent)
    intake.take(production.patch("change", upserts=ports("eth0", is_up=False)))
    intake.take(production.patch("change", deletes=("eth1", "never")))
    intake.take(production.patch("change", subtrees=("lag0",)))

    assert before == 0
    assert told == {"eth0": True, "eth1": False, "lag0": True, "lag0.1": True, "lag1": True}
    assert _up(sent) == {"eth0": False, "lag1": True}
    assert [(it.op, it.deletes) for it in _deltas(sent)[-2:]] == [
        (Op.CHANGE, ("eth1",)),
        (Op.CHANGE, ("lag0", "lag0.1")),
    ]


def test_what_is_not_told_again_is_swept() -> None:
    """After a reconnect the stream stands as it was until the end; then only differences travel."""
    intake, sent = _intake()
    production = Production()
    intake.take(production.patch("end", upserts=ports("eth0", "gone")))
    intake.take(production.patch("begin", epoch=2))
    intake.take(production.patch("part", epoch=2, upserts=ports("eth0", "new")))
    during = _up(sent)
    intake.take(production.patch("end", epoch=2))
    change = _deltas(sent)[-1]

    assert during == {"eth0": True, "gone": True}
    assert [key for key, _ in change.upserts] == ["new"]
    assert change.deletes == ("gone",)


def test_a_source_without_an_end_is_never_published() -> None:
    """It is counted, so that an operator sees what waits."""
    intake, sent = _intake()
    production = Production()
    for _ in range(50):
        intake.take(production.patch("change", upserts=ports("eth0")))

    assert sent == []
    assert intake.report(datetime(2026, 1, 1, tzinfo=UTC)).unsynced == 1


def test_values_said_again_do_not_travel_but_their_transitions_do() -> None:
    """A router that coalesced a flap says so; the next delta carries it (R7)."""
    intake, sent = _intake()
    production = Production()
    intake.take(production.patch("end", upserts=ports("eth0")))
    intake.take(production.patch("change", upserts=ports("eth0"), coalesced=2))
    silent = len(_deltas(sent))
    intake.take(production.patch("change", upserts=ports("eth0", is_up=False)))

    assert silent == 2
    assert _deltas(sent)[-1].coalesced == 2
    assert _copy(sent).copy_of(R1, Stream.INTERFACE).coalesced == 2


def test_a_stream_follows_one_source_at_a_time() -> None:
    """The first that knows it whole, until that falls silent; the others are counted."""
    intake, sent = _intake()
    production = Production()
    minute = 60_000_000_000
    intake.take(production.whole("a", source="snmp", at_ns=1))
    intake.take(production.patch("end", upserts=ports("b"), at_ns=2))
    first = _up(sent)
    intake.take(production.patch("change", upserts=ports("c"), at_ns=5 * minute))
    second = _up(sent)
    intake.take(production.whole("a", source="snmp", at_ns=6 * minute))
    intake.take(production.patch("change", upserts=ports("d"), at_ns=7 * minute))
    report = intake.report(datetime(2026, 1, 1, tzinfo=UTC))

    assert first.keys() == {"a"}
    assert second.keys() == {"b", "c"}
    assert _up(sent).keys() == {"b", "c", "d"}
    assert (report.shadowed, report.takeovers) == (2, 1)


def test_a_source_of_changes_that_was_replaced_still_knows_its_map() -> None:
    """It went on telling; when it speaks again, its whole map is published, not its last change."""
    sent: Sent = []
    owner = StateOwner(1)
    intake = Intake(
        owner, lambda *record: sent.append(record), precedence=Precedence(["cli", "gnmi"])
    )
    intake.go_live()
    production = Production()
    minute = 60_000_000_000
    intake.take(production.patch("end", upserts=ports("a", "b"), at_ns=1))
    intake.take(production.whole("x", source="cli", at_ns=2))
    taken = _up(sent)
    intake.take(production.patch("change", upserts=ports("c"), at_ns=3))
    intake.take(production.patch("change", deletes=("a",), at_ns=5 * minute))

    assert taken.keys() == {"x"}
    assert _up(sent).keys() == {"b", "c"}


def test_only_who_is_there_and_whole_is_vouched_for() -> None:
    """Readings must come; who tells changes must be heard; who lost something is not believed."""
    intake, sent = _intake()
    production = Production()
    counters = msgspec.msgpack.encode(CounterBlock(interfaces=(), columns=()))
    intake.take(production.patch("end", upserts=ports("a"), at_ns=100))

    def beats(since_ns: int, quiet_ns: int) -> int:
        sent.clear()
        intake.heartbeat(since_ns, quiet_since_ns=quiet_ns)
        return len(sent)

    assert (beats(500, 50), beats(500, 101)) == (1, 0)
    intake.take(production.say("counters", counters, source="gnmi", at_ns=200))
    assert beats(500, 150) == 1
    production.patch("change")  # Lost on its way.
    intake.take(production.patch("change", upserts=ports("b"), at_ns=300))
    assert beats(500, 150) == 0
    intake.take(production.whole("a", source="snmp", at_ns=10**12))
    assert (beats(10**12, 10**12), beats(10**12 + 1, 0)) == (1, 0)


def test_a_time_from_the_future_vouches_for_nothing() -> None:
    """Nothing is heard later than now, whatever a clock says."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC))
    sent: Sent = []
    intake = Intake(StateOwner(1), lambda *record: sent.append(record), clock=clock)
    intake.go_live()
    intake.take(Production().whole("a", at_ns=(1 << 63) - 1))
    sent.clear()
    intake.heartbeat(to_ns(clock.now()))
    now = len(sent)
    intake.heartbeat(to_ns(clock.now()) + 1)

    assert (now, len(sent)) == (1, 1)


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("patch", b"\xc1", "patch interface"),
        ("patch", msgspec.msgpack.encode(["later", []]), "Invalid enum value"),
        ("patch", b"\x95\xa6change\x90\x90\x90" + b"\x91" * 100_000, "patch interface"),
        ("patch", msgspec.msgpack.encode(["change", [["a", b"{}"]]]), "'a'.*missing required"),
        ("patch", msgspec.msgpack.encode(["change", [["a", b"[" * 100_000]]]), "'a'"),
        ("patch", msgspec.msgpack.encode(["change", [["b", ports("a")[0][1]]]]), "value of 'a'"),
        (
            "patch",
            msgspec.msgpack.encode(["change", [], [], [str(n) for n in range(10_001)]]),
            "subtrees",
        ),
        ("state", msgspec.msgpack.encode([["a", b"nonsense"]]), "'a'.*malformed"),
        ("state", msgspec.msgpack.encode([*ports("a"), ("b", b"\xff")]), "'b'"),
        ("state", b"\x91" * 100_000, "state interface"),
        ("flow", b"\x90", "demand comes as flow records, and nothing else"),
    ],
)
def test_bad_values_are_refused_by_name(encoding: Any, body: bytes, reason: str) -> None:
    """One bad value refuses its sample, which leaves the state as it was."""
    intake, sent = _intake()
    production = Production()
    intake.take(production.whole("a", source="cli"))
    before = _deltas(sent)
    intake.take(production.say(encoding, body, source="cli"))

    assert re.search(reason, _refusals(sent)[0])
    assert len(_refusals(sent)[0]) < 2_000
    assert _deltas(sent) == before


def test_a_patch_that_was_refused_leaves_a_hole() -> None:
    """What it said is unknown, so the stream waits for everything to be told again."""
    intake, sent = _intake()
    production = Production()
    intake.take(production.patch("end", upserts=ports("a")))
    intake.take(production.patch("change", upserts=(("b", b"nonsense"),)))
    intake.take(production.patch("change", upserts=ports("c")))
    torn = _up(sent)
    intake.take(production.patch("begin"))
    intake.take(production.patch("end", upserts=ports("d")))

    assert torn == {"a": True}
    assert _up(sent) == {"d": True}


@given(st.binary(max_size=200), st.sampled_from(["frr", "flow", "state", "patch", "counters"]))
def test_no_bytes_stop_the_intake(body: bytes, encoding: str) -> None:
    """Whatever a body holds, the next sample is taken."""
    intake, sent = _intake()
    production = Production()
    intake.take(_record(body))
    intake.take(production.say(encoding, body, source="fuzz"))
    intake.take(production.whole("a", source="cli", at_ns=10**18))

    assert "a" in _up(sent) or intake.report(datetime(2026, 1, 1, tzinfo=UTC)).shadowed


def test_equal_values_in_other_words_are_equal() -> None:
    """Whoever wrote the JSON, with whatever blanks: the same value has the same bytes."""
    intake, sent = _intake()
    production = Production()
    ((name, value),) = ports("a")
    loose = value.replace(b":", b": ").replace(b"}", b',"vendor":1}')
    intake.take(production.say("state", msgspec.msgpack.encode([(name, loose)]), source="s"))
    intake.take(production.say("state", msgspec.msgpack.encode([(name, value)]), source="s"))

    assert _deltas(sent)[0].upserts == ((name, value),)
    assert len(_deltas(sent)) == 2


def test_counters_are_passed_on_and_refused_where_they_are_none() -> None:
    """They are numbered like everything a source says, but are no state."""
    counted: list[TelemetrySample] = []

    def count(sample: TelemetrySample) -> None:
        if not sample.body:
            raise ValueError("no block of counters")
        counted.append(sample)

    sent: Sent = []
    intake = Intake(StateOwner(1), lambda *record: sent.append(record), count=count)
    intake.go_live()
    production = Production()
    block = production.say("counters", b"block", source="s")
    for record in (block, block, production.say("counters", b"", source="s")):
        intake.take(record)

    assert [sample.body for sample in counted] == [b"block"]
    assert _refusals(sent) == ["no block of counters"]
    assert _deltas(sent) == []


@settings(max_examples=200)
@given(st.data())
def test_a_successor_with_a_checkpoint_comes_to_the_same(data: st.DataObject) -> None:
    """Wherever the checkpoint was taken, and wherever the owner died after it."""
    production, steps = Production(), list[Record]()
    for number in range(data.draw(st.integers(1, 12), label="steps")):
        names = data.draw(st.lists(st.sampled_from("abc"), max_size=2))
        phase = data.draw(st.sampled_from(["change", "change", "begin", "end", "part"]))
        source = data.draw(st.sampled_from(["gnmi", "gnmi", "cli"]))
        at_ns = number * 50_000_000_000
        if source == "cli":
            steps.append(production.whole(*names, source=source, at_ns=at_ns))
        else:
            deletes = tuple(data.draw(st.lists(st.sampled_from("abc"), max_size=1)))
            steps.append(
                production.patch(phase, upserts=ports(*names), deletes=deletes, at_ns=at_ns)
            )
    saved_at = data.draw(st.integers(0, len(steps)), label="saved at")
    died_at = data.draw(st.integers(saved_at, len(steps)), label="died at")

    first, sent = _intake()
    saved, saved_end = None, 0
    for number, record in enumerate(steps[:died_at]):
        if number == saved_at:
            saved, saved_end = _checkpoint(first), len(sent)
        first.take(record)
    if saved is None:
        saved, saved_end = _checkpoint(first), len(sent)
    arrived = sent[: data.draw(st.integers(saved_end, len(sent)), label="arrived")]

    past = Published()
    past.resume(saved.streams)
    for delta in _deltas(arrived[saved_end:]):
        past.take(delta)
    more: Sent = []
    second = Intake(StateOwner(2, past.inherited(2)), lambda *record: more.append(record))
    second.resume(saved)
    for record in steps[saved_at:]:
        second.take(record)
    second.go_live()

    never_died, expected = _intake()
    for record in steps:
        never_died.take(record)
    assert _up(arrived + more) == _up(expected)
    ours, theirs = _report(second), _report(never_died)
    assert ours.unsynced == theirs.unsynced


def _report(intake: Intake) -> SyncReport:
    return intake.report(datetime(2026, 1, 1, tzinfo=UTC))


def _checkpoint(intake: Intake) -> Checkpoint:
    return checkpoint({}, intake._owner.checkpoint(), own=intake.checkpoint())


@pytest.mark.parametrize("is_live", [True, False])
def test_changes_may_follow_a_whole_reading(*, is_live: bool) -> None:
    """A source that reads everything and then tells differences is one that was told whole."""
    intake, sent = _intake(live=is_live)
    production = Production()
    intake.take(production.whole("a", "b", source="gnmi"))
    intake.take(production.patch("change", upserts=ports("c"), deletes=("a",)))
    if not is_live:
        intake.go_live()

    assert _up(sent) == {"b": True, "c": True}


def test_what_was_told_whole_before_a_new_beginning_is_published() -> None:
    """A successor that reads of a reconnect knows as much as an owner that lived through it."""
    intake, sent = _intake(live=False)
    production = Production()
    intake.take(production.patch("end", upserts=ports("a")))
    intake.take(production.patch("begin", epoch=2))
    intake.take(production.patch("part", epoch=2, upserts=ports("b")))
    intake.go_live()
    first, published_first = _up(sent), len(sent)
    intake.heartbeat(0)
    vouched = len(sent) - published_first
    intake.take(production.patch("end", epoch=2))

    assert (first, vouched) == ({"a": True}, 0)
    assert _up(sent) == {"b": True}
