"""Documents that send a reader nowhere are worse than none."""

import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _documents(repository: Path) -> Iterator[Path]:
    yield repository / "README.md"
    yield from sorted((repository / "docs").rglob("*.md"))


def _broken(document: Path) -> Iterator[str]:
    for target in _LINK.findall(document.read_text()):
        path = target.partition("#")[0]
        if path and "://" not in path and not (document.parent / path).exists():
            yield f"{document.name}: {target}"


def test_every_link_to_a_file_leads_to_one(repository: Path) -> None:
    """Every relative link of the README and the documents names a file that exists."""
    broken = [found for document in _documents(repository) for found in _broken(document)]

    assert broken == []


def test_commands_of_the_readme_exist(repository: Path) -> None:
    """Every `make` target that the README names is one."""
    named = set(re.findall(r"`?\bmake ([a-z]+)", (repository / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z]+):", (repository / "Makefile").read_text(), re.MULTILINE))

    assert named
    assert named <= targets
