"""What sources put on the bus: a published wire version never changes its meaning (ADR 0002)."""

import msgspec
import pytest

from foreshadow.codec import from_json, to_json
from foreshadow.observed import Stream
from foreshadow.telemetry import FlowRecord, Rejected, TelemetrySample
from foreshadow.topology import NodeId

SAMPLE = TelemetrySample(
    device=NodeId("R1"),
    stream=Stream.FIB,
    source="frr",
    epoch=7,
    seq=9,
    observed_at_ns=11,
    encoding="frr",
    body=b"{}",
    event_at_ns=12,
)


def test_wire_form_of_a_sample_of_version_1_never_changes() -> None:
    """Golden bytes, both ways."""
    golden = bytes.fromhex("9aa973616d706c652e7631a25231a3666962a366727207090ba3667272c4027b7d0c")

    assert msgspec.msgpack.encode(SAMPLE) == golden
    assert msgspec.msgpack.decode(golden, type=TelemetrySample) == SAMPLE


def test_wire_form_of_a_flow_record_never_changes() -> None:
    """It travels inside a sample's body, under the sample's version."""
    flow = FlowRecord(prefix="10.1.0.0/16", rate_bps=1.5)
    golden = bytes.fromhex("92ab31302e312e302e302f3136cb3ff8000000000000")

    assert msgspec.msgpack.encode(flow) == golden
    assert msgspec.msgpack.decode(golden, type=FlowRecord) == flow


def test_samples_of_an_older_writer_are_read() -> None:
    """A field that was appended has its default where the record does not have it."""
    raw = msgspec.msgpack.encode(["sample.v1", "R1", "fib", "frr", 7, 9, 11, "frr", b"{}"])

    assert msgspec.msgpack.decode(raw, type=TelemetrySample) == msgspec.structs.replace(
        SAMPLE, event_at_ns=0
    )


def test_samples_of_a_newer_writer_are_read() -> None:
    """What was appended after this version is passed over."""
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(SAMPLE))
    raw = msgspec.msgpack.encode([*fields, "of a later day"])

    assert msgspec.msgpack.decode(raw, type=TelemetrySample) == SAMPLE


@pytest.mark.parametrize("tag", ["sample.v2", "delta.v1", ""])
def test_another_version_is_refused(tag: str) -> None:
    """A record of another kind or version is no sample, whatever its fields."""
    fields = msgspec.msgpack.decode(msgspec.msgpack.encode(SAMPLE))
    raw = msgspec.msgpack.encode([tag, *fields[1:]])

    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(raw, type=TelemetrySample)


def test_a_dead_letter_is_json_that_names_its_kind() -> None:
    """People read it with whatever reads Kafka."""
    letter = Rejected(origin="fs.telemetry.v1/0/7", reason="no sample", sample=b"\x00")
    golden = (
        b'{"kind":"rejected.v1","origin":"fs.telemetry.v1/0/7","reason":"no sample",'
        b'"sample":"AA=="}'
    )

    assert to_json(letter) == golden
    assert from_json(golden, Rejected) == letter
