"""The scenarios that ship with the product."""

import json
from pathlib import Path

import jsonschema
import pytest

from foreshadow.errors import ConfigError
from scenarios.authoring.injection_entry import KINDS
from scenarios.authoring.lint import lint, read_scenario
from scenarios.authoring.scenario_document import read
from scenarios.authoring.shipped import LIBRARY, files_of, find, shipped
from scenarios.faults.catalogue import kinds
from scenarios.scenario import injections

SCHEMA = Path(__file__).parents[3] / "docs" / "scenario.schema.json"


def test_there_are_enough_and_they_try_every_kind_of_fault() -> None:
    """Whoever looks for an example of a kind finds one."""
    tried = {
        injection.kind for path in shipped() for injection in injections(read_scenario(path).steps)
    }

    assert len(shipped()) >= 20
    assert tried == KINDS.keys() == {kind.name for kind in kinds()}


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_each_is_sound_named_for_its_file_and_explained(path: Path) -> None:
    """Not one warning, a rationale of some length, and checks for all three moments."""
    linted = lint(path.read_text())

    assert linted.problems == ()
    assert linted.scenario is not None
    assert linted.scenario.name == path.stem
    assert len(linted.scenario.rationale.split()) >= 20
    assert len({check.moment for check in linted.scenario.checks}) == 3


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.stem)
def test_each_is_what_the_published_schema_describes(path: Path) -> None:
    """An editor that completes by the schema marks nothing in them."""
    document, _ = read(path.read_text())
    first, _, _ = path.read_text().partition("\n")

    assert document is not None
    jsonschema.validate(document.content, json.loads(SCHEMA.read_text()))
    assert (path.parent / first.partition("$schema=")[2]).resolve() == SCHEMA


def test_a_scenario_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    """What looks like a path is one; a bare name is the library's."""
    assert find("duct-cut") == LIBRARY / "duct-cut.yaml"
    assert find("./duct-cut.yaml") == Path("duct-cut.yaml")
    with pytest.raises(ConfigError, match="no scenario of that name in the library"):
        find("duct-cuts")
    (tmp_path / "b.yml").touch()
    (tmp_path / "a.yaml").touch()
    assert [path.name for path in files_of(tmp_path)] == ["a.yaml", "b.yml"]
    with pytest.raises(ConfigError, match="no such file"):
        files_of(tmp_path / "c")
