"""What devices sent, decoded, against what lies beside it in the public data sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest.sources.gnmi_notification import Notification
from ingest.sources.gnmi_notification import Path as GnmiPath
from ingest.sources.gnmi_protojson import parse_protojson
from tests.line_protocol import Line, read_lines

pytestmark = pytest.mark.shared_data

_CASES = (
    "canonical_field_names",
    "canonical_field_names_trim",
    "issue_11778",
    "issue_12931",
    "issue_13512",
    "issue_14044",
    "issue_14530",
    "issue_14833",
    "issue_15546",
    "issue_17279",
    "issue_17412",
    "issue_17622",
    "tagging_name_based",
)


class _Told(NamedTuple):
    at_ns: int
    path: str
    keys: tuple[str, ...]
    value: Any


def _told(said: Notification) -> Iterator[_Told]:
    for update in said.updates:
        if update.path or update.value is not None:
            path = [*said.prefix, *update.path]
            for below, value in _scalars(update.value):
                yield _Told(said.at_ns, _names(path) + below, _keys(path), value)
    for deleted in said.deletes:
        if deleted:
            path = [*said.prefix, *deleted]
            yield _Told(said.at_ns, _names(path), _keys(path), "delete")


def _scalars(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _scalars(inner, f"{path}/{name.replace('-', '_')}")
    else:
        yield path, value


def _names(path: GnmiPath) -> str:
    return "".join(f"/{step.name.replace('-', '_')}" for step in path)


def _keys(path: GnmiPath) -> tuple[str, ...]:
    return tuple(key for step in path for key in step.key.values())


def _says(told: _Told, line: Line, name: str, value: Any) -> bool:
    """Whether a field of the expected line is what was told, at that time and of that thing."""
    is_named = told.path.endswith(name.replace("-", "_").rpartition(":")[2]) or name == "operation"
    return (
        is_named
        and told.at_ns == line.at_ns
        and told.value == value
        and type(told.value) is type(value)
        and set(told.keys) <= set(line.tags.values())
    )


@pytest.mark.parametrize("case", _CASES)
def test_updates_are_those_expected(case: str, shared_data: Path) -> None:
    """Every expected field was told with its value, time and keys, and nothing else was told."""
    folder = shared_data / "telemetry" / "gnmi" / case
    lines = read_lines((folder / "expected.out").read_text())
    messages = list(parse_protojson((folder / "responses.json").read_bytes()))
    told = [each for said in messages if isinstance(said, Notification) for each in _told(said)]
    fields = [(line, name, value) for line in lines for name, value in line.fields.items()]
    tags = {value for line in lines for value in line.tags.values()}

    for line, name, value in fields:
        assert [each for each in told if _says(each, line, name, value)], (name, value)
    for each in told:
        is_field = any(_says(each, *field) for field in fields)
        # The huawei case deletes a leaf that the expectation, made of updates alone, leaves out.
        is_left_out = case == "issue_17412" and each.value == "delete"
        assert is_field or is_left_out or each.value in tags, each


def test_every_case_is_compared(shared_data: Path) -> None:
    """A case that the data sets gain is not passed over."""
    assert tuple(sorted(p.name for p in (shared_data / "telemetry" / "gnmi").iterdir())) == _CASES
