"""`foreshadow ingest decode`, as a shell sees it."""

import gzip
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from console.cli import app
from foreshadow.errors import ConfigError
from tests.cisco_cases import CSV, MDT
from tests.gnmi_cases import AT_NS, GNMIC_EVENT, GNMIC_JSON, PROTOJSON, SYNCED, counters, oper


def _call(*words: object, fed: bytes | None = None) -> Result:
    words = ("ingest", "decode", *words)
    return CliRunner().invoke(app, [*map(str, words)], input=fed, env={"COLUMNS": "200"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Four records, one of them damaged."""
    path = tmp_path / "records.json"
    down = oper("eth0", "DOWN", AT_NS + 10**9)
    records = [oper("eth0", "UP"), b"{damaged", SYNCED, down, counters("eth0", in_octets=7)]
    path.write_bytes(b"\n".join(records))
    return path


def test_people_read_what_a_file_says(file: Path) -> None:
    """A line each, refusals with file and line, and status 1 where there are any."""
    done = _call(file, "--device", "r1")

    damaged = "not gnmi: JSON is malformed: object keys must be strings (byte 1): '{damaged'"
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "2026-03-11T17:00:00.000000Z r1 interface eth0: up",
        "2026-03-11T17:00:00.000000Z r1 interface snapshot: begin",
        f"{file}:2: refused: {damaged}",
        "- r1 interface snapshot: end",
        "2026-03-11T17:00:01.000000Z r1 interface eth0: down",
        "2026-03-11T17:00:01.000000Z r1 link-down eth0: up -> down",
        "2026-03-11T17:00:00.000000Z r1 counters eth0: in_octets=7",
    ]
    assert "1 Refused" in done.stderr


def test_programs_read_json(file: Path) -> None:
    """One object a line, each with what it is."""
    said = [json.loads(line) for line in _call(file, "--json").stdout.splitlines()]

    kinds = ["patch", "refused", "patch", "patch", "incident", "counters"]
    assert [each["heard"] for each in said] == kinds
    assert said[0]["upserts"]["eth0"]["is_oper_up"] is True
    assert said[1]["origin"] == f"{file}:2"
    assert said[-1]["counters"][0]["in_octets"] == 7


@pytest.mark.parametrize(
    ("spelling", "records"),
    [
        ("gnmi", PROTOJSON),
        ("gnmic-json", GNMIC_JSON),
        ("gnmic-event", GNMIC_EVENT),
        ("mdt", MDT),
        ("cisco-csv", tuple(line.rstrip() for line in CSV)),
    ],
)
def test_every_spelling_is_read(tmp_path: Path, spelling: str, records: tuple[bytes, ...]) -> None:
    """Packed too; nothing that is sound is refused."""
    path = tmp_path / "records"
    path.write_bytes(gzip.compress(b"\n".join(records)))
    done = _call(path, "--as", spelling, "--device", "r1")

    assert done.exit_code == 0, done.stdout
    assert " r1 interface " in done.stdout


def test_syslog_is_read(tmp_path: Path) -> None:
    """Lines that tell of something; the many others say nothing."""
    path = tmp_path / "log"
    down = b"%LINK-3-UPDOWN: Interface Gi0/2, changed state to down"
    path.write_bytes(
        b"<189>1: r1: Jun  1 12:50:26: " + down + b"\n<13>Jun  1 12:50:27 r1 cron: hi\n"
    )
    done = _call(path, "--as", "syslog")

    assert done.exit_code == 0, done.stdout
    assert done.stdout.count("\n") == 1
    assert " r1 link-down Gi0/2: " in done.stdout


@pytest.mark.shared_data
def test_a_capture_of_bmp_is_read(shared_data: Path) -> None:
    """The router by the name it gives itself, or by its address."""
    path = shared_data / "telemetry" / "pcap_bmp" / "bmp-peer-up.pcap"
    done = _call(path, "--as", "bmp")

    assert done.exit_code == 0, done.stdout
    assert " session 192.0.2.1: Established AS65500-AS65011" in done.stdout


def test_standard_input_is_read() -> None:
    """Where the file is `-`."""
    done = _call("-", fed=oper("eth0", "UP"))

    assert done.exit_code == 0
    assert "eth0: up" in done.stdout


def test_output_has_an_end(file: Path) -> None:
    """`--limit` cuts it, and what is beyond is counted all the same."""
    done = _call(file, "--limit", 1, "--json")

    assert len(done.stdout.splitlines()) == 1
    assert "1 Refused" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("/no/such/file",), "cannot be opened"),
        (("-", "--as", "morse"), "'morse' is none of gnmi"),
    ],
)
def test_what_the_operator_can_mend_is_said(words: tuple[str, ...], told: str) -> None:
    """No traceback: one error that names file or option."""
    done = _call(*words)

    assert isinstance(done.exception, ConfigError)
    assert told in str(done.exception)
