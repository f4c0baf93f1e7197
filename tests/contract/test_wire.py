"""Every struct that travels: its golden bytes, and what older and newer versions make of them.

A published version keeps its meaning (ADR 0002). Where a golden changes because a field was
appended, the old golden moves to the tests of the struct itself and must be read for ever.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import FieldInfo, fields

from foreshadow.calendar_note import CalendarNote, Decision
from foreshadow.checkpoint import StreamCheckpoint
from foreshadow.codec import to_json
from foreshadow.control import NoPolicyFound, ResyncRequest, RolloutCommand, decode_control
from foreshadow.delta import Op, StateDelta
from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Stream
from foreshadow.process_status import ProcessStatus
from foreshadow.rates import RateFrame
from foreshadow.sync_report import StreamTally, SyncReport
from foreshadow.telemetry import CounterBlock, FlowRecord, Patch, Rejected, TelemetrySample
from foreshadow.topology import NodeId

R1 = NodeId("R1")
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

PACKED: dict[str, tuple[msgspec.Struct, str]] = {
    "sample": (
        TelemetrySample(
            device=R1,
            stream=Stream.INTERFACE,
            source="gnmi",
            epoch=7,
            seq=9,
            observed_at_ns=11,
            encoding="patch",
            body=b"{}",
            event_at_ns=12,
        ),
        "9aa973616d706c652e7631a25231a9696e74657266616365a4676e6d6907090ba57061746368c4027b7d0c",
    ),
    "flow": (
        FlowRecord(prefix="10.1.0.0/16", rate_bps=1.5),
        "92ab31302e312e302e302f3136cb3ff8000000000000",
    ),
    "patch": (
        Patch(
            phase="change", upserts=(("a", b"{}"),), deletes=("b",), subtrees=("c/",), coalesced=2
        ),
        "95a66368616e67659192a161c4027b7d91a16291a2632f02",
    ),
    "counters": (
        CounterBlock(interfaces=("eth0",), columns=(b"\1" * 8,), bits=32, capacities_bps=b"\0" * 8),
        "9591a46574683091c408010101010101010120c4080000000000000000c400",
    ),
    "delta": (
        StateDelta(
            device=R1,
            stream=Stream.FIB,
            epoch=7,
            seq=9,
            op=Op.CHANGE,
            upserts=(("k", b"v"),),
            deletes=("d",),
            digest=b"s",
            observed_at_ns=11,
            event_at_ns=12,
            root=b"r",
            buckets=b"\1\3",
            coalesced=4,
        ),
        (
            "9ea864656c74612e7631a25231a36669620709a66368616e67659192a16bc4017691a164c401730b0cc4"
            "0172c402010304"
        ),
    ),
    "rates": (
        RateFrame(
            device=R1,
            epoch=7,
            seq=9,
            observed_at_ns=11,
            is_whole=True,
            interfaces=("eth0",),
            columns=(b"\0" * 8,),
            whole_seq=5,
            rows=b"\2\0",
            since_ns=10,
        ),
        "9ba872617465732e7631a2523107090bc391a46574683091c408000000000000000005c40202000a",
    ),
    "stream": (
        StreamCheckpoint(
            device=R1,
            stream=Stream.FIB,
            epoch=7,
            seq=9,
            is_synced=True,
            values=(("k", b"v"),),
            incoming=(),
            coalesced=1,
            event_at_ns=12,
        ),
        "99a25231a36669620709c39192a16bc4017690010c",
    ),
}

WRITTEN: dict[str, tuple[msgspec.Struct, str]] = {
    "rejected": (
        Rejected(origin="fs.telemetry.v1/0/7", reason="no sample", sample=b"\0"),
        (
            '{"kind":"rejected.v1","origin":"fs.telemetry.v1/0/7","reason":"no sample","sampl'
            'e":"AA=="}'
        ),
    ),
    "resync": (
        ResyncRequest(
            device=R1,
            stream=Stream.FIB,
            epoch=7,
            seq=9,
            asked_by="shadow",
            reason="gap",
            buckets=b"\1",
        ),
        (
            '{"kind":"resync.v1","device":"R1","stream":"fib","epoch":7,"seq":9,"asked_by":"s'
            'hadow","reason":"gap","buckets":"AQ=="}'
        ),
    ),
    "incident": (
        Incident(
            device=R1,
            what=IncidentKind.LINK_DOWN,
            subject="eth0",
            at_ns=11,
            heard_at_ns=12,
            source="syslog",
            text="down",
            count=2,
        ),
        (
            '{"kind":"incident.v1","device":"R1","what":"link-down","subject":"eth0","at_ns":'
            '11,"heard_at_ns":12,"source":"syslog","text":"down","count":2}'
        ),
    ),
    "status": (
        ProcessStatus(
            process="ingest",
            host="h",
            pid=1,
            started_at=AT,
            at=AT,
            every_s=5.0,
            metrics=(("foreshadow_rows_total", 2.0),),
        ),
        (
            '{"kind":"process-status.v1","process":"ingest","host":"h","pid":1,"started_at":"'
            '2026-01-02T03:04:05Z","at":"2026-01-02T03:04:05Z","every_s":5.0,"metrics":[["for'
            'eshadow_rows_total",2.0]]}'
        ),
    ),
    "report": (
        SyncReport(
            epoch=7,
            at=AT,
            messages=1,
            bytes=2,
            full_state_bytes=3,
            rejects=4,
            streams=(
                StreamTally(
                    stream=Stream.FIB,
                    readings=1,
                    messages=2,
                    bytes=3,
                    full_state_bytes=4,
                    changes=5,
                    repairs=6,
                    coalesced=7,
                ),
            ),
            shadowed=5,
            takeovers=6,
            unsynced=7,
        ),
        (
            '{"kind":"sync-report.v1","epoch":7,"at":"2026-01-02T03:04:05Z","messages":1,"byt'
            'es":2,"full_state_bytes":3,"rejects":4,"streams":[{"stream":"fib","readings":1,"'
            'messages":2,"bytes":3,"full_state_bytes":4,"changes":5,"repairs":6,"coalesced":7'
            '}],"shadowed":5,"takeovers":6,"unsynced":7}'
        ),
    ),
    "command": (
        RolloutCommand(txn="t", do="hold", asked_by="me"),
        '{"kind":"rollout-command","txn":"t","do":"hold","asked_by":"me"}',
    ),
    "no policy": (
        NoPolicyFound(drill="d", because="none held"),
        '{"kind":"no-policy.v1","drill":"d","because":"none held"}',
    ),
    "calendar": (
        CalendarNote(
            scenario="s",
            occasion="o",
            decision=next(iter(Decision)),
            made_at=AT,
            drill="d",
            because="b",
        ),
        (
            '{"kind":"calendar.v1","scenario":"s","occasion":"o","decision":"watched","made_a'
            't":"2026-01-02T03:04:05Z","drill":"d","because":"b"}'
        ),
    ),
}


@dataclass(frozen=True)
class Case:
    """A struct that travels."""

    value: msgspec.Struct
    golden: bytes

    @property
    def first(self) -> list[FieldInfo]:
        """The fields it was born with: those without a default."""
        return [it for it in fields(self.value) if it.required]


def _packed() -> list[Any]:
    return [
        pytest.param(Case(value, bytes.fromhex(golden)), id=name)
        for name, (value, golden) in PACKED.items()
    ]


def _written() -> list[Any]:
    return [
        pytest.param(Case(value, golden.encode()), id=name)
        for name, (value, golden) in WRITTEN.items()
    ]


def _born(case: Case, *, array_like: bool) -> type[msgspec.Struct]:
    """The struct as its first version had it."""
    config = case.value.__struct_config__
    return msgspec.defstruct(
        "Born",
        [(it.name, it.type) for it in case.first],
        tag=config.tag,
        tag_field=config.tag_field,
        array_like=array_like,
        kw_only=True,
    )


def _same(case: Case, read: msgspec.Struct) -> bool:
    return all(getattr(read, it.name) == getattr(case.value, it.name) for it in case.first)


@pytest.mark.parametrize("case", _packed())
def test_packed_bytes_never_change(case: Case) -> None:
    """Golden, both ways."""
    assert msgspec.msgpack.encode(case.value).hex() == case.golden.hex()
    assert msgspec.msgpack.decode(case.golden, type=type(case.value)) == case.value


@pytest.mark.parametrize("case", _packed())
def test_packed_structs_of_other_versions_are_read(case: Case) -> None:
    """A field that is not there has its default; what was appended later is passed over."""
    values = msgspec.msgpack.decode(case.golden)
    is_tagged = case.value.__struct_config__.tag is not None
    old = msgspec.msgpack.encode(values[: is_tagged + len(case.first)])
    new = msgspec.msgpack.encode([*values, "of a later day", [1]])

    assert _same(case, msgspec.msgpack.decode(old, type=type(case.value)))
    assert msgspec.msgpack.decode(new, type=type(case.value)) == case.value


@pytest.mark.parametrize("case", _packed())
def test_the_first_version_reads_what_is_packed_today(case: Case) -> None:
    """A process that was not upgraded goes on."""
    assert _same(case, msgspec.msgpack.decode(case.golden, type=_born(case, array_like=True)))


@pytest.mark.parametrize("case", _written())
def test_written_bytes_never_change(case: Case) -> None:
    """Golden, both ways."""
    assert to_json(case.value) == case.golden
    assert msgspec.json.decode(case.golden, type=type(case.value)) == case.value


@pytest.mark.parametrize("case", _written())
def test_written_structs_of_other_versions_are_read(case: Case) -> None:
    """What is missing has its default, what is unknown is passed over."""
    values = msgspec.json.decode(case.golden)
    kept = {"kind", *(it.encode_name for it in case.first)}
    old = msgspec.json.encode({key: value for key, value in values.items() if key in kept})
    new = msgspec.json.encode({**values, "later": ["of a later day"]})

    assert _same(case, msgspec.json.decode(old, type=type(case.value)))
    assert msgspec.json.decode(new, type=type(case.value)) == case.value
    assert _same(case, msgspec.json.decode(case.golden, type=_born(case, array_like=False)))


@pytest.mark.parametrize("case", [*_packed(), *_written()])
def test_another_kind_is_refused(case: Case) -> None:
    """A record of another kind or version is none of these, whatever its fields."""
    tag = case.value.__struct_config__.tag
    if tag is None:
        return
    decode: Callable[..., Any] = msgspec.json.decode
    if case.value.__struct_config__.array_like:
        decode = msgspec.msgpack.decode
    text = str(tag).encode()

    with pytest.raises(msgspec.ValidationError):
        decode(case.golden.replace(text, b"x" * len(text)), type=type(case.value))


@pytest.mark.parametrize("raw", [b'{"kind":"resync.v1","later":' + b"[" * 100_000, b"[" * 100_000])
def test_a_control_message_nested_without_end_is_refused(raw: bytes) -> None:
    """Whoever writes to the control topic stops nobody."""
    with pytest.raises(msgspec.DecodeError):
        decode_control(raw)
