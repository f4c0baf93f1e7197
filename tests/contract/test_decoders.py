"""What every decoder keeps, whatever it is sent: the laws of `ingest.heard.Decoder`.

The cases are in `tests/decoder_cases.py`. A decoder that passes here may stand in the open: nothing
that arrives makes it raise, hang, or grow without bound, and what it says can be put on the bus and
read back.
"""

import gc
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foreshadow.clock import to_ns
from foreshadow.incident import LONGEST_TEXT, Incident
from foreshadow.telemetry import (
    COUNTER_COLUMNS,
    DEAD_LETTER_SAMPLE_BYTES,
    NOT_COUNTED,
    Patch,
    TelemetrySample,
)
from ingest.collector import Collector
from ingest.differential import Reading
from ingest.heard import LARGEST_INPUT_BYTES, CounterReading, Decoder, Heard, Refused
from ingest.normalize import normalize, patch_of
from ingest.rates_block import capacities_of, counters_of, decode_block, names_of
from tests.decoder_case import DecoderCase
from tests.decoder_cases import CASES
from tests.fakes.clock import FakeClock
from tests.fakes.outlet import KeptOutlet
from tests.fuzzing import NOT_UTF8, deep_json, json_mutations, mutations

_NOW = datetime(2026, 3, 11, 17, 0, tzinfo=UTC)
_NOW_NS = to_ns(_NOW)
_LONGEST_REASON = 1_000
_CLOCKS = (0, 1, _NOW_NS, _NOW_NS - 86_400 * 10**9, (1 << 63) - 1)
"""Receipt times that a clock set wrong, back or forward gives."""

_of_each = pytest.mark.parametrize("case", CASES, ids=str)
_of_json = pytest.mark.parametrize("case", [case for case in CASES if case.is_json], ids=str)
_of_hoarders = pytest.mark.parametrize("case", [case for case in CASES if case.hoard], ids=str)
_of_shared = pytest.mark.parametrize("case", [case for case in CASES if case.shared], ids=str)

_fuzzed = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def _hear(decoder: Decoder, *messages: bytes, received_ns: int = _NOW_NS) -> list[Heard]:
    return [
        each
        for number, raw in enumerate(messages)
        for each in decoder.decode(raw, origin=f"test:{number}", received_ns=received_ns)
    ]


def _check(heard: Sequence[Heard]) -> None:
    """Everything heard is valid: it packs, and what was packed reads back."""
    outlet = KeptOutlet()
    Collector("test", 1, outlet, FakeClock(_NOW)).take(heard)
    for refused in outlet.refused:
        assert refused.reason.strip()
        assert len(refused.reason) <= _LONGEST_REASON
        assert len(refused.sample) <= DEAD_LETTER_SAMPLE_BYTES
        refused.reason.encode()
    for incident in outlet.incidents:
        _check_incident(incident)
    for each in heard:
        if isinstance(each, CounterReading):
            _check_counters(each)
    for sample in outlet.samples:
        read = msgspec.msgpack.decode(msgspec.msgpack.encode(sample), type=TelemetrySample)
        assert read == sample
        assert sample.device
        assert 0 <= sample.event_at_ns < 1 << 63
        _check_body(sample)


def _check_incident(incident: Incident) -> None:
    assert incident.device
    assert incident.source
    assert incident.count >= 1
    assert len(incident.text) <= LONGEST_TEXT
    assert 0 <= incident.at_ns < 1 << 63
    assert msgspec.json.decode(msgspec.json.encode(incident), type=Incident) == incident


def _check_counters(reading: CounterReading) -> None:
    assert reading.counters, "a reading of nothing"
    names = [row.interface for row in reading.counters]
    assert len(set(names)) == len(names)
    assert all(names)
    for row in reading.counters:
        assert row.bits in {32, 64}
        for column in COUNTER_COLUMNS:
            value = getattr(row, column)
            assert value is None or 0 <= value < NOT_COUNTED
        assert row.capacity_bps is None or (
            math.isfinite(row.capacity_bps) and row.capacity_bps > 0
        )


def _check_body(sample: TelemetrySample) -> None:
    """The owner of the state takes it: the readers are the intake's own."""
    match sample.encoding:
        case "patch":
            patch = patch_of(sample)
            assert isinstance(patch, Patch), patch
            assert not {key for key, _ in patch.upserts} & set(patch.deletes)
        case "state" | "flow":
            reading = normalize(sample)
            assert isinstance(reading, Reading), reading
        case "counters":
            block = decode_block(sample.body)
            rows = len(names_of(block))
            assert counters_of(block, rows).shape[-1] == rows or rows == 0
            assert len(capacities_of(block, rows)) == rows
        case other:
            pytest.fail(f"a decoder does not make {other}")


@_of_each
def test_samples_are_understood(case: DecoderCase) -> None:
    """A message as it should be yields values, and no refusal."""
    decoder = case.decoder()
    heard = [_hear(decoder, sample) for sample in case.samples]

    _check([each for one in heard for each in one])
    assert [each for one in heard for each in one if isinstance(each, Refused)] == []
    assert any(heard)


@_of_each
@given(raw=st.binary(max_size=400))
@_fuzzed
def test_any_bytes_are_a_value_or_a_refusal(case: DecoderCase, raw: bytes) -> None:
    """No bytes make it raise, and bytes are never passed over in silence."""
    _check(_hear(case.decoder(), raw))


@_of_each
@given(data=st.data())
@_fuzzed
def test_damaged_messages_are_values_or_refusals(case: DecoderCase, data: st.DataObject) -> None:
    """A message that was cut, flipped or spliced does no harm, nor to the good ones around it."""
    damaged = data.draw(st.lists(mutations(case.samples), min_size=1, max_size=3))
    messages = [case.samples[0], *damaged, *case.samples]

    _check(_hear(case.decoder(), *messages))


@_of_json
@given(data=st.data())
@settings(_fuzzed, max_examples=200)
def test_wrong_values_are_refused(case: DecoderCase, data: st.DataObject) -> None:
    """A document with a wrong type, a huge number or a missing field does no harm."""
    messages = data.draw(st.lists(json_mutations(case.samples), min_size=1, max_size=3))

    _check(_hear(case.decoder(), *messages, *case.samples))


@_of_each
def test_what_is_too_long_is_refused_unread(case: DecoderCase) -> None:
    """One byte more than a message may have is one refusal, with the beginning as the sample."""
    raw = case.samples[0] + b" " * (LARGEST_INPUT_BYTES + 1 - len(case.samples[0]))

    (refused,) = _hear(case.decoder(), raw)

    assert isinstance(refused, Refused)
    assert str(LARGEST_INPUT_BYTES) in refused.reason.replace(",", "")
    assert refused.sample
    assert raw.startswith(refused.sample)
    assert refused.origin == "test:0"
    _check([refused])


@_of_each
@pytest.mark.parametrize("raw", [b"", NOT_UTF8 * 50, deep_json(200_000), b"\x00" * 1_000])
def test_what_is_none_of_its_messages_is_refused(case: DecoderCase, raw: bytes) -> None:
    """Nothing, no text, a stack of brackets and zeros are each refused with a reason."""
    heard = _hear(case.decoder(), raw)

    assert heard
    assert all(isinstance(each, Refused) and each.origin for each in heard)
    _check(heard)


@_of_each
@pytest.mark.parametrize("received_ns", _CLOCKS)
def test_the_clock_may_jump(case: DecoderCase, received_ns: int) -> None:
    """A receipt time from 1970 or from the far future changes nothing for the messages after it."""
    decoder = case.decoder()
    heard = [
        *_hear(decoder, *case.samples),
        *_hear(decoder, *case.samples, received_ns=received_ns),
        *_hear(decoder, *case.samples),
    ]

    _check(heard)


@_of_each
@given(data=st.data())
@settings(_fuzzed, max_examples=20)
def test_the_same_messages_say_the_same(case: DecoderCase, data: st.DataObject) -> None:
    """Two decoders that are sent the same hear the same, in the same order."""
    messages = [*case.samples, *data.draw(st.lists(mutations(case.samples), max_size=3))]

    assert _hear(case.decoder(), *messages) == _hear(case.decoder(), *messages)


@_of_hoarders
def test_memory_is_bounded(case: DecoderCase) -> None:
    """Once a decoder holds what it may, ever new things make it no larger."""
    assert case.hoard
    decoder, count = case.hoard.decoder(), case.hoard.full_after
    _check(_hear(decoder, *map(case.hoard.message, range(count))))
    full = _held_bytes(decoder)

    _check(_hear(decoder, *map(case.hoard.message, range(count, 10 * count))))

    assert _held_bytes(decoder) <= 1.3 * full + 20_000


@_of_shared
@pytest.mark.shared_data
def test_real_messages_say_something(case: DecoderCase, shared_data: Path) -> None:
    """Every file of the public data sets is read; what is in it packs."""
    paths = _shared(case, shared_data)
    heard = [_hear(case.decoder(), *case.messages(path)) for path in paths]

    assert paths
    assert any(heard)
    for each in heard:
        _check(each)


@_of_shared
@pytest.mark.shared_data
@given(data=st.data())
@settings(_fuzzed, max_examples=100)
def test_damaged_real_messages_do_no_harm(
    case: DecoderCase, shared_data: Path, data: st.DataObject
) -> None:
    """What devices really sent, damaged."""
    path = data.draw(st.sampled_from(_shared(case, shared_data)))
    messages = [raw for raw in case.messages(path) if raw][:20]
    damaged = data.draw(st.lists(mutations(messages), min_size=1, max_size=3))

    _check(_hear(case.decoder(), *damaged, *messages[:3]))


def _shared(case: DecoderCase, shared_data: Path) -> list[Path]:
    folder = shared_data / "telemetry"
    return sorted(path for pattern in case.shared for path in folder.glob(pattern))


def _held_bytes(decoder: Decoder) -> int:
    """What a decoder holds, all that hangs on it counted once; classes and code are not its own."""
    shared = (type, type(sys), type(_hear), type(len))
    seen: set[int] = set()
    waiting: list[object] = [decoder]
    total = 0
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, shared):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        waiting.extend(gc.get_referents(each))
    return total
