"""Cisco telemetry exported to CSV, replayed: real routers, with what was done to them labelled."""

import csv
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foreshadow.clock import SystemClock, from_ns
from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Interface
from ingest.device_names import DeviceNames
from ingest.heard import CounterReading, Phase, Refused, StatePatch
from ingest.sources.gnmi_decoder import GnmiDecoder
from ingest.sources.record_file import hear_file
from tests.cisco_cases import CSV

_LEAF7 = "telemetry/cisco_mdt_leaf7_20190519"
_FABRIC = "telemetry/cisco_fabric_bgpclear_first"
_SHUT = "HundredGigE0/0/0/10"


def _decoder(device: str) -> GnmiDecoder:
    return GnmiDecoder("cisco-csv", DeviceNames([device], default=device))


@pytest.mark.shared_data
def test_leaf7_is_shut_and_opened_as_labelled(shared_data: Path) -> None:
    """Each labelled shutdown is an incident within ten seconds, the cadence, and so is its end."""
    briefs = next((shared_data / _LEAF7).glob("*interface-brief.csv.gz"))
    heard = list(hear_file(briefs, _decoder("leaf7"), SystemClock()))
    incidents = [each for each in heard if isinstance(each, Incident)]
    with gzip.open(shared_data / _LEAF7 / "events.csv.gz", "rt") as file:
        labels = [
            (label["event"], float(label["timestamp"]))
            for label in csv.DictReader(file)
            if label["interface"] == _SHUT
        ]

    assert [refused for refused in heard if isinstance(refused, Refused)] == []
    assert {incident.subject for incident in incidents} == {_SHUT}
    for incident, (event, at_s) in zip(incidents, labels, strict=False):
        is_shut = event == "shutdown_interface"
        assert incident.what is (IncidentKind.ADMIN_DOWN if is_shut else IncidentKind.LINK_UP)
        assert 0 < incident.at_ns / 1e9 - at_s < 40
    shut_s = incidents[0].at_ns / 1e9 - labels[0][1]
    assert shut_s == pytest.approx(1.6, abs=0.05)


@pytest.mark.shared_data
def test_leaf7_comes_up_in_two_steps(shared_data: Path) -> None:
    """After it was enabled it is down at 08:03:02.5, and up at 08:03:12.9."""
    briefs = next((shared_data / _LEAF7).glob("*interface-brief.csv.gz"))
    states = {
        from_ns(patch.at_ns): value
        for patch in hear_file(briefs, _decoder("leaf7"), SystemClock())
        if isinstance(patch, StatePatch) and patch.phase is Phase.CHANGE
        for value in patch.upserts.values()
    }
    told = [value for at, value in sorted(states.items()) if at.hour == 8 and at.minute == 3]
    times = [at for at in sorted(states) if at.hour == 8 and at.minute == 3]

    assert told == [
        Interface(name=_SHUT, is_admin_up=True, is_oper_up=False),
        Interface(name=_SHUT, is_admin_up=True, is_oper_up=True),
    ]
    begin = datetime(2019, 5, 19, 8, 3, tzinfo=UTC)
    assert times[0] - begin == pytest.approx(timedelta(seconds=2.5), abs=timedelta(seconds=0.1))
    assert times[1] - begin == pytest.approx(timedelta(seconds=12.9), abs=timedelta(seconds=0.1))


@pytest.mark.shared_data
def test_leaf7_counts(shared_data: Path) -> None:
    """Every row of counters is a reading, and octets of an interface never go back."""
    file = next((shared_data / _LEAF7).glob("*generic-counters.csv.gz"))
    heard = list(hear_file(file, _decoder("leaf7"), SystemClock()))
    octets: dict[str, int] = {}
    for each in heard:
        assert isinstance(each, CounterReading)
        for row in each.counters:
            assert row.in_octets is not None
            assert row.in_octets >= octets.get(row.interface, 0)
            octets[row.interface] = row.in_octets

    assert len(heard) == 33_732
    assert octets


@pytest.mark.shared_data
@pytest.mark.parametrize("router", ["leaf1", "leaf8", "spine4"])
def test_fabric_counts(router: str, shared_data: Path) -> None:
    """A file of a whole router gives a reading a row, with the capacity of each interface."""
    file = shared_data / _FABRIC / f"{router}bgpclear_first.csv.gz"
    with gzip.open(file, "rt") as lines:
        rows = sum(1 for _ in lines) - 1
    heard = list(hear_file(file, _decoder(router), SystemClock()))
    readings = [each for each in heard if isinstance(each, CounterReading)]

    assert len(readings) == len(heard) == rows
    assert {len(reading.counters) for reading in readings[1:]} == {len(readings[0].counters)}
    assert {row.capacity_bps for row in readings[-1].counters} <= {1e11, 4e10, 1e10}


def test_round_that_begins_again_is_a_snapshot() -> None:
    """Nothing says that all was told; the first thing that comes again does."""
    decoder = _decoder("r1")
    heard = [each for raw in CSV for each in decoder.decode(raw, origin="x", received_ns=1 << 62)]

    assert [each.phase for each in heard if isinstance(each, StatePatch)] == [
        Phase.BEGIN,
        Phase.END,
        Phase.CHANGE,
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"2026-03-11 17:00:00,short\n",
        b"yesterday" + CSV[1][CSV[1].index(b",") :],
        b'"' + CSV[1],
        CSV[1].replace(b"r1", b"\xff"),
    ],
    ids=["short", "no time", "no end of a quote", "not UTF-8"],
)
def test_line_that_is_none_is_refused(line: bytes) -> None:
    """And the lines after it are read all the same."""
    decoder = _decoder("r1")
    heard = [
        list(decoder.decode(raw, origin="x", received_ns=1 << 62)) for raw in (CSV[0], line, CSV[1])
    ]

    assert [type(each) for each in heard[1]] == [Refused]
    assert [type(each) for each in heard[2]] == [StatePatch]
