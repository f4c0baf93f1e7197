"""The shape of the repository, as docs/architecture.md promises it."""

import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def tools(repository: Path) -> dict[str, Any]:
    """The [tool] tables of pyproject.toml."""
    tables: dict[str, Any] = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]
    return tables


def _rooms(repository: Path) -> list[str]:
    return sorted(
        path.parent.name
        for path in repository.glob("[a-z]*/__init__.py")
        if path.parent.name not in {"tests", "benchmarks"}
    )


def test_every_room_is_shipped_linted_and_kept_in_its_direction(
    repository: Path, tools: dict[str, Any]
) -> None:
    """A new package cannot be forgotten by the wheel, the import contracts, coverage or make."""
    rooms = _rooms(repository)
    makefile = (repository / "Makefile").read_text()
    listed = next(line for line in makefile.splitlines() if line.startswith("PACKAGES := "))

    assert sorted(tools["hatch"]["build"]["targets"]["wheel"]["packages"]) == rooms
    assert sorted(tools["importlinter"]["root_packages"]) == rooms
    assert sorted(tools["coverage"]["run"]["source"]) == rooms
    assert sorted(listed.removeprefix("PACKAGES := ").split()) == rooms


@pytest.mark.parametrize("folder", ["kafka", "containerlab"])
def test_infrastructure_folders_hold_no_python(repository: Path, folder: str) -> None:
    """Templates and definitions live there; code lives in the packages."""
    assert list((repository / folder).rglob("*.py")) == []


def test_every_ruff_exception_has_its_reason(repository: Path) -> None:
    """A rule that is switched off says why, on its line."""
    text = (repository / "pyproject.toml").read_text()
    lint = text[text.index("[tool.ruff.lint]") : text.index("[tool.ruff.lint.pydocstyle]")]
    exceptions = [line for line in lint.splitlines() if line.startswith('  "')]

    assert exceptions
    assert [line for line in exceptions if "# " not in line] == []
