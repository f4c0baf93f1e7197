"""Records in files: how they are told apart, and what is said of those that are damaged."""

import gzip
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError
from foreshadow.observed import Stream
from ingest.device_names import DeviceNames
from ingest.heard import LARGEST_INPUT_BYTES, Heard, Refused
from ingest.sources.file_records import Document, documents, lines
from ingest.sources.gnmi_decoder import GnmiDecoder
from ingest.sources.record_file import RecordFile, hear_file
from tests.eventually import eventually
from tests.fakes.outlet import KeptOutlet
from tests.gnmi_cases import PROTOJSON


def _documents(raw: bytes) -> list[tuple[int, bytes]]:
    return [(document.line, document.raw) for document in documents(io.BytesIO(raw))]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", []),
        (b"\n \n", []),
        (b'{"a":1}\n{"b":"}{"}\n', [(1, b'{"a":1}'), (2, b'{"b":"}{"}')]),
        (b'{"a":1}{"b":2} [3]', [(1, b'{"a":1}'), (1, b'{"b":2}'), (1, b"[3]")]),
        (b'\n{\n"a":[\n1]}\n{"b":2}', [(2, b'{\n"a":[\n1]}'), (5, b'{"b":2}')]),
        (b'[\n{"a":1},\n{"b":2}\n]\n', [(1, b'[\n{"a":1},\n{"b":2}\n]')]),
        (b'{"a":"\\"}"}\n', [(1, b'{"a":"\\"}"}')]),
    ],
)
def test_documents_are_told_apart(raw: bytes, expected: list[tuple[int, bytes]]) -> None:
    """A line each, several a line, or over many lines; with the line each begins in."""
    assert _documents(raw) == expected


def test_document_that_was_cut_off_does_not_swallow_the_next() -> None:
    """In a file of lines each line stands for itself."""
    assert _documents(b'{"a":{\n{"b":1}\nno json\n{"c":1}\n') == [
        (1, b'{"a":{'),
        (2, b'{"b":1}'),
        (3, b"no json"),
        (4, b'{"c":1}'),
    ]


def test_endless_document_is_cut() -> None:
    """Never more than one message's worth is held, and the decoder hears that it was longer."""
    found = list(documents(io.BytesIO(b"[" * (3 * LARGEST_INPUT_BYTES))))

    assert all(len(document.raw) <= LARGEST_INPUT_BYTES + 1 for document in found)
    assert len(found[0].raw) == LARGEST_INPUT_BYTES + 1


@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_their_end(raw: bytes) -> None:
    """And nothing but white space is lost of them."""
    found = b"".join(document.raw for document in documents(io.BytesIO(raw)))

    assert found.translate(None, b" \t\r\n\x0b\x0c") == raw.translate(None, b" \t\r\n\x0b\x0c")


def test_lines_are_numbered_and_cut() -> None:
    """Empty ones are passed over; what is beyond a message's length is not kept."""
    long = b"x" * (2 * LARGEST_INPUT_BYTES)
    found = list(lines(io.BytesIO(b"a\n\nb\n" + long + b"\nc")))

    assert found[:2] == [Document(b"a\n", 1), Document(b"b\n", 3)]
    assert [document.line for document in found[2:]] == [4, 5]
    assert len(found[2].raw) == LARGEST_INPUT_BYTES + 1


def _decoder() -> GnmiDecoder:
    return GnmiDecoder("gnmi", DeviceNames(["r1"], default="r1"))


@pytest.mark.parametrize("is_packed", [False, True])
def test_file_is_read_once_and_its_end_is_waited_at(tmp_path: Path, *, is_packed: bool) -> None:
    """Plain or packed, whatever its name; what cannot be read is refused with its line."""
    path = tmp_path / "records"
    raw = b"\n".join([PROTOJSON[0], b"{damaged", *PROTOJSON[1:]])
    path.write_bytes(gzip.compress(raw) if is_packed else raw)
    outlet, stop = KeptOutlet(), threading.Event()
    source = RecordFile(path, _decoder(), SystemClock())
    thread = threading.Thread(target=source.run, args=(3, outlet, stop))
    thread.start()
    try:
        eventually(lambda: outlet.mirrored("r1", Stream.INTERFACE), within_s=30)
        eventually(lambda: outlet.refused, within_s=30)
        assert thread.is_alive()
    finally:
        stop.set()
        thread.join(30)

    assert [refused.origin for refused in outlet.refused] == [f"{path}:2"]
    assert set(outlet.mirrored("r1", Stream.INTERFACE) or ()) == {"eth0"}


def test_packed_file_that_ends_early_is_the_operators_error(tmp_path: Path) -> None:
    """It is named, after everything that could be read of it was told."""
    path = tmp_path / "records.gz"
    raw = gzip.compress(b"\n".join(PROTOJSON) * 2_000)
    path.write_bytes(raw[: len(raw) - 20])
    heard: list[Heard] = []

    with pytest.raises(ConfigError, match=r"records\.gz"):
        heard.extend(hear_file(path, _decoder(), SystemClock()))

    assert heard
    assert not any(isinstance(each, Refused) for each in heard)
