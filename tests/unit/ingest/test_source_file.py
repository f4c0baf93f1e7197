"""The file of sources: what is wrong in it is one sentence with file, line and kind."""

import socket
from pathlib import Path

import pytest

from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError
from foreshadow.inventory import DeviceEntry
from foreshadow.settings import BusSettings
from ingest.source import Ground
from ingest.source_file import open_sources, read_sources


def _ground(tmp_path: Path) -> Ground:
    device = DeviceEntry(name="R1", ssh_key=tmp_path / "key", known_hosts=tmp_path / "known")
    return Ground(
        devices=(device,),
        clock=SystemClock(),
        state_dir=tmp_path,
        bus=BusSettings(bootstrap="127.0.0.1:1"),
        poll_s=1.0,
    )


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{kind: sislog}", r"s.yaml:3:5: sources.0: 'sislog' is none of bmp, flow-capture, .*"),
        ("{}", r"s.yaml:3:5: sources.0: kind is missing; add it"),
        (
            "{kind: syslog, upd: []}",
            (
                r"s.yaml:3:25: sources.0.syslog.upd: there is no such field; correct its spelling, "
                r"or remove it"
            ),
        ),
        (
            "{kind: syslog, aliases: {a: R9}}",
            (
                r"s.yaml:3:5: sources.0: syslog: aliases: alias 'a' leads to 'R9', "
                r"which is no device of the inventory"
            ),
        ),
        (
            "{kind: snmp, devices: {R1: '192.0.2.1:x'}, login: {version: 2c, community_file: c}}",
            (
                r"s.yaml:3:\d+: sources.0.snmp.devices: R1: '192.0.2.1:x' is not ADDRESS or "
                r"ADDRESS:PORT"
            ),
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, source: str, reason: str) -> None:
    """The whole sentence: nothing of how the file is read shows through."""
    text = f"version: 1\nsources:\n  - {source}\n"

    with pytest.raises(ConfigError, match=f"^{reason}$"):
        open_sources(text, _ground(tmp_path), path=Path("s.yaml"))


def test_an_address_in_use_is_named_with_the_source_that_wants_it(tmp_path: Path) -> None:
    """Several listeners may stand in one file."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        flows = f"{{kind: flow-listener, listen: ['127.0.0.1:{port}'], aliases: {{192.0.2.1: R1}}}}"
        text = f"version: 1\nsources:\n  - {{kind: frr-agent}}\n  - {flows}\n"

        with pytest.raises(ConfigError) as caught:
            open_sources(text, _ground(tmp_path), path=Path("s.yaml"))

    expected = f"cannot listen on 127.0.0.1:{port}: Address already in use; correct it"
    assert str(caught.value) == f"s.yaml:4:5: sources.1: flow-listener: listen: {expected}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory; correct FORESHADOW_INGEST__SOURCES_FI"),
        (b"", "expected fields, each as `name: value`"),
        (b"\xff\xfe\x00", "is not text"),
        (b"version: 1\nsources: []\n", "expected 1 or more, found 0"),
        (b"version: 2\nsources: []\n", "version"),
    ],
)
def test_a_file_that_is_none_is_refused_before_anything_starts(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    """`foreshadow up` reads it first."""
    path = tmp_path / "sources.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        read_sources(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
