"""What is known in advance, from a file and from devices."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from forecast.known_events import KnownEvents, read_events
from foreshadow.clock import to_ns
from foreshadow.errors import ConfigError
from foreshadow.incident import Incident, IncidentKind
from foreshadow.topology import NodeId

AT = datetime(2026, 3, 2, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
FILE = """\
version: 1
events:
  - {name: new optics, kind: maintenance, begin: 2026-03-02T17:00:00Z, end: 2026-03-02T19:00:00Z,
     elements: [A-B, C]}
  - {name: backup, kind: calendar, begin: 2026-02-01T02:00:00Z, end: 2026-02-01T03:00:00Z,
     repeats: daily}
"""


def _events(tmp_path: Path, text: str = FILE) -> KnownEvents:
    path = tmp_path / "events.yaml"
    path.write_text(text)
    return KnownEvents(read_events(path))


def test_a_window_ahead_is_a_feature_a_reason_and_a_plan(tmp_path: Path) -> None:
    """It begins in an hour: none is on now, one is ahead, and it takes a link and a router."""
    events = _events(tmp_path)
    calendar = events.live()

    assert calendar.events(AT, AT + 2 * HOUR) == (0.0, 1.0)
    assert calendar.events(AT + 1.5 * HOUR, AT + 2 * HOUR) == (1.0, 1.0)
    assert [str(o) for o in events.between(AT, AT + 2 * HOUR)] == [
        'maintenance "new optics" 17:00-19:00'
    ]
    assert events.planned(AT, AT + 2 * HOUR) == {"A-B", "C"}
    assert events.planned(AT, AT + HOUR) == frozenset()


@pytest.mark.parametrize("day", [0, 1, 400])
@pytest.mark.parametrize(("hour", "is_on"), [(1, False), (2, True), (2.99, True), (3, False)])
def test_what_repeats_comes_back(tmp_path: Path, day: int, hour: float, *, is_on: bool) -> None:
    """A nightly backup is on at its hour of every day from its first on."""
    at = datetime(2026, 2, 1, tzinfo=UTC) + timedelta(days=day, hours=hour)

    calendar = _events(tmp_path).live()

    assert calendar.events(at, at)[0] == float(is_on)


def test_what_repeats_comes_back_as_often_as_a_window_is_long(tmp_path: Path) -> None:
    """A week of nights has seven backups."""
    at = datetime(2026, 2, 10, 12, tzinfo=UTC)

    assert len(_events(tmp_path).between(at, at + timedelta(days=7))) == 7


def _said(what: IncidentKind, at: datetime) -> Incident:
    return Incident(
        device=NodeId("R1"), what=what, subject="", at_ns=to_ns(at), heard_at_ns=0, source="test"
    )


def test_a_device_says_when_its_maintenance_begins_and_ends() -> None:
    """Open until it says so, or for half a day where it forgets."""
    events = KnownEvents()
    events.hear(_said(IncidentKind.MAINTENANCE_BEGIN, AT))
    forgotten = [bool(events.planned(AT + h * HOUR, AT + (h + 1) * HOUR)) for h in (0, 11, 12)]
    events.hear(_said(IncidentKind.MAINTENANCE_END, AT + 2 * HOUR))

    assert forgotten == [True, True, False]
    assert events.planned(AT + HOUR, AT + 3 * HOUR) == {"R1"}
    assert not events.planned(AT + 2 * HOUR, AT + 3 * HOUR)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 2", "version"),
        (FILE.replace("19:00", "16:00"), "ends before it begins"),
        (FILE.replace("T17:00:00Z", "T17:00:00"), "timezone"),
        (FILE.replace("kind: calendar", "kind: party"), "maintenance"),
        ("[", "not valid YAML"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, text: str, says: str) -> None:
    """It names the file and what is wrong."""
    with pytest.raises(ConfigError, match=says) as refused:
        _events(tmp_path, text)

    assert refused.value.path == tmp_path / "events.yaml"


def test_no_file_is_one_clear_error(tmp_path: Path) -> None:
    """A name that leads nowhere."""
    with pytest.raises(ConfigError, match="cannot be read"):
        read_events(tmp_path / "none.yaml")


def test_devices_that_speak_of_windows_for_months_are_still_heard() -> None:
    """The window that ended longest ago makes room for a new one."""
    known = KnownEvents()
    for number in range(1200):
        begin = AT + number * timedelta(hours=1)
        said = msgspec.structs.replace(
            _said(IncidentKind.MAINTENANCE_BEGIN, begin), subject=f"port {number}"
        )
        assert known.hear(said)
    last = AT + 1199 * timedelta(hours=1)

    assert known.between(last, last + timedelta(minutes=1))[-1].name.endswith("port 1199")
    assert not known.between(AT, AT + timedelta(hours=1))
