"""Sources of notifications in a file of sources: what may be written, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from foreshadow.inventory import DeviceEntry
from foreshadow.settings import BusSettings
from ingest.source import Ground
from ingest.source_file import parse_sources
from ingest.sources.gnmi_channel import request
from ingest.sources.gnmi_subscription import DEFAULT_PATHS, GnmiPath
from tests.fakes.clock import FakeClock

_FILE = Path("sources.yaml")
_SOUND = """
version: 1
sources:
- kind: gnmi
  targets: [{device: r1, address: "192.0.2.1:57400"}]
  security: {username: shadow, password_file: PASSWORD}
- kind: record-topic
  format: gnmic-json
  topic: telemetry
  aliases: {192.0.2.1: r1}
- kind: record-file
  format: gnmic-event
  path: "-"
  device: r1
  trust_event_snapshots: true
"""


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    """An inventory of one router."""
    return Ground(
        devices=(DeviceEntry(name="r1", ssh_key=Path("key"), known_hosts=Path("hosts")),),
        clock=FakeClock(datetime(2026, 3, 11, tzinfo=UTC)),
        state_dir=tmp_path,
        bus=BusSettings(),
        poll_s=2.0,
    )


def _open(text: str, ground: Ground) -> tuple[str, ...]:
    (ground.state_dir / "password").write_text("kept")
    text = text.replace("PASSWORD", str(ground.state_dir / "password"))
    return tuple(source.name for source in parse_sources(text, path=_FILE).open(ground))


def test_sources_open_without_connecting(ground: Ground) -> None:
    """Nothing need be there yet."""
    assert _open(_SOUND, ground) == ("gnmi", "gnmic-json:telemetry", "gnmic-event:-")


@pytest.mark.parametrize(
    ("wrong", "right", "told"),
    [
        ("device: r9, address", "device: r1, address", "'r9' is no device of the inventory"),
        ("192.0.2.1: r9", "192.0.2.1: r1", "'r9' is no device of the inventory"),
        ("path: /no/such/file", 'path: "-"', "is no file"),
        ("format: gnmic-json\n  path", "format: gnmic-event\n  path", "gnmic-event only"),
        ("password_file: /nowhere", "password_file: PASSWORD", "cannot be read"),
        ("plaintext: true, username", "username", "in the clear"),
        ("updates_only: true\n  targets", "targets", "no snapshot"),
        ("certificate_file: x, username", "username", "both certificate_file and key_file"),
        ("address: nowhere", 'address: "192.0.2.1:57400"', "does not fit"),
    ],
)
def test_what_cannot_be_is_refused(ground: Ground, wrong: str, right: str, told: str) -> None:
    """With what is wrong and where."""
    assert right in _SOUND

    with pytest.raises(ConfigError) as refused:
        _open(_SOUND.replace(right, wrong), ground)

    assert told in str(refused.value)


def test_passwords_are_not_shown() -> None:
    """Not by what prints a configuration."""
    text = _SOUND.replace("password_file: PASSWORD", "password: well-kept")
    sources = parse_sources(text, path=_FILE)

    assert "well-kept" not in repr(sources)
    assert "well-kept" not in sources.model_dump_json()


def test_subscription_is_what_was_wished() -> None:
    """Modes, intervals in nanoseconds, origin and keys; and never without a snapshot."""
    wish = GnmiPath(path="oc:/a/b[k=v]", mode="sample", sample_s=2.5, suppress_redundant=True)
    said = request([*DEFAULT_PATHS, wish], "r1", 2).subscribe
    last = said.subscription[-1]

    assert said.prefix.target == "r1"
    assert not said.updates_only
    assert (last.sample_interval, last.heartbeat_interval) == (2_500_000_000, 0)
    assert last.suppress_redundant
    assert last.path.origin == "oc"
    assert [(elem.name, dict(elem.key)) for elem in last.path.elem] == [
        ("a", {}),
        ("b", {"k": "v"}),
    ]
    assert said.subscription[0].heartbeat_interval == 60_000_000_000
