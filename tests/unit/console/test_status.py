"""`foreshadow status`: what every process last said of itself."""

from datetime import UTC, datetime, timedelta

from rich.console import Console

from console.status import HouseStatus, read_status, rendered
from foreshadow.bus import Bus
from foreshadow.codec import to_json
from foreshadow.process_status import ProcessStatus
from foreshadow.topics import Topic
from tests.fakes.bus import MemoryBus

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _told(bus: Bus, process: str, *, ago_s: float, **numbers: float) -> None:
    status = ProcessStatus(
        process=process,
        host="h1",
        pid=7,
        started_at=NOW - timedelta(hours=1),
        at=NOW - timedelta(seconds=ago_s),
        every_s=5,
        metrics=tuple(sorted((f"foreshadow_{name}", value) for name, value in numbers.items())),
    )
    bus.publisher().publish(Topic.STATUS, process, to_json(status))


def _read(bus: MemoryBus) -> HouseStatus:
    return read_status(bus, expected=("ingest", "forecast", "shadow"), now=NOW)


def _text(status: HouseStatus, *, is_long: bool = False) -> str:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as capture:
        console.print(rendered(status, is_long=is_long))
    return capture.get()


def test_the_last_report_counts_and_silence_is_told() -> None:
    """Who has missed three reports is gone; who never reported is missing."""
    bus = MemoryBus()
    _told(bus, "ingest", ago_s=600, bus_lag_records=9)
    _told(bus, "ingest", ago_s=4, bus_lag_records=3)
    _told(bus, "forecast", ago_s=60)
    status = _read(bus)
    ingest, forecast = sorted(status.processes, key=lambda line: line.silent_s)

    assert (ingest.is_alive, ingest.lag) == (True, 3)
    assert not forecast.is_alive
    assert status.missing == ("shadow",)
    assert not status.is_well
    assert "silent for 0:01:00" in _text(status)
    assert "has never reported" in _text(status)


def test_a_house_that_is_well_says_so() -> None:
    """Every process that was here reports."""
    bus = MemoryBus()
    _told(bus, "ingest", ago_s=1, rejects_total=2)
    status = _read(bus)

    assert status.is_well
    assert "ingest_x" not in _text(status)
    assert "rejects_total" in _text(status, is_long=True)


def test_an_empty_house_names_the_remedy() -> None:
    """Nothing was ever started."""
    status = _read(MemoryBus())

    assert not status.is_well
    assert "foreshadow up" in _text(status)


def test_what_is_no_report_is_passed_over() -> None:
    """A newer process may say what this one does not know."""
    bus = MemoryBus()
    bus.append(Topic.STATUS, "x", b'{"kind": "unheard-of.v9"}')
    bus.append(Topic.STATUS, "x", b"nonsense")
    _told(bus, "ingest", ago_s=1)

    assert _read(bus).is_well


def test_sources_are_shown_with_who_fell_silent() -> None:
    """A source that has heard nothing looks like a quiet network, unless it is said."""
    bus, noon_s = MemoryBus(), NOW.timestamp()
    numbers = {
        'ingest_source_samples_total{device="R1",source="gnmi"}': 1200.0,
        'ingest_source_samples_total{device="R2",source="gnmi"}': 34.0,
        'ingest_source_refused_total{source="gnmi"}': 61_204.0,
        'ingest_source_heard_timestamp_seconds{device="R1",source="gnmi"}': noon_s - 1,
        'ingest_source_heard_timestamp_seconds{device="R2",source="gnmi"}': noon_s - 3_600,
        'ingest_source_refused_total{source="snmp"}': 0.0,
        'rejects_total{reason="too short"}': 61_204.0,
    }
    _told(bus, "ingest", ago_s=1, **numbers)
    lines = _text(_read(bus)).splitlines()
    (gnmi,) = (line.split(maxsplit=5) for line in lines if line.startswith("gnmi"))
    (snmp,) = (line for line in lines if line.startswith("snmp"))

    assert gnmi[1:5] == ["2", "1,234", "0", "61,204"]
    assert gnmi[5].strip() == "R2 1:00:00, R1 0:00:01"
    assert "has heard nothing yet" in snmp
    assert any("61,204; see `foreshadow ingest rejects`" in line for line in lines)


def test_a_forecast_that_waits_is_told() -> None:
    """It runs, and nothing comes of it."""
    bus = MemoryBus()
    _told(bus, "forecast", ago_s=1, forecast_waits=1)

    assert "waits for a router's state" in _text(_read(bus))
