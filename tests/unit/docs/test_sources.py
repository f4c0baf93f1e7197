"""The files of sources that the documents show are files of sources."""

import re
from pathlib import Path

import pytest

from ingest.source_file import parse_sources

_YAML = re.compile(r"^```yaml\n(version: 1\nsources:\n.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["bmp", "flows", "gnmi", "syslog", "telemetry"])
def test_an_example_can_be_used_as_it_stands(repository: Path, page: str) -> None:
    """Nothing in it is misspelt or out of date."""
    path = repository / "docs" / f"{page}.md"
    examples = _YAML.findall(path.read_text())

    assert examples
    for example in examples:
        assert parse_sources(example, path=path).sources
