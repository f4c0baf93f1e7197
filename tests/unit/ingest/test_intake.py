"""The hot path: what goes out for what comes in, live and after a predecessor's death."""

from datetime import UTC, datetime

import hypothesis.strategies as st
import msgspec
from hypothesis import given

from foreshadow.bus import Record
from foreshadow.codec import from_json
from foreshadow.delta import Op, StateDelta
from foreshadow.observed import Stream
from foreshadow.state import NetworkState
from foreshadow.telemetry import FlowRecord, Rejected, TelemetrySample
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.intake import Intake
from ingest.owner import StateOwner, published

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
