"""Everything that is wrong with a scenario file, each with its place and the fix."""

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from foreshadow.errors import ConfigError
from scenarios.authoring.injection_entry import KINDS
from scenarios.authoring.lint_references import reference_problems
from scenarios.authoring.lint_sense import sense_problems
from scenarios.authoring.scenario_document import Document, Problem, Way, read
from scenarios.authoring.scenario_file import ScenarioFile, json_schema
from scenarios.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """A file that was looked at.

    Attributes:
        scenario: What it says; None where it cannot be understood.
        problems: In the order of the file.
    """

    scenario: Scenario | None
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        """Whether it can be used; warnings do not stand in the way."""
        return self.scenario is not None and not any(p.is_error for p in self.problems)


def lint(text: str) -> Linted:
    """What a scenario file says, and everything that is wrong with it."""
    document, problems = read(text)
    if document is None:
        return Linted(scenario=None, problems=problems)
    if not isinstance(document.content, dict):
        what = "is empty" if document.content is None else "is no mapping"
        fix = "begin with version: 1, name, rationale and steps"
        return Linted(scenario=None, problems=(*problems, document.problem((), what, fix)))
    scenario = None
    try:
        file = ScenarioFile.model_validate(document.content)
    except ValidationError as error:
        problems += tuple(_misfits(error, document))
    else:
        scenario = file.scenario(hashlib.sha256(text.encode()).hexdigest())
        problems += tuple(sense_problems(scenario, document))
    problems += tuple(reference_problems(document))
    return Linted(scenario=scenario, problems=tuple(sorted(set(problems))))


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file.

    Raises:
        ConfigError: It cannot be read or used; names file, line, column, field and the fix of the
            first problem.
    """
    linted = lint(read_text(path))
    errors = [problem for problem in linted.problems if problem.is_error]
    if linted.scenario is not None and not errors:
        return linted.scenario
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if errors[1:] else ""
    raise ConfigError(
        "; ".join(part for part in (first.message, first.fix) if part) + more,
        path=path,
        line=first.line,
        column=first.column,
        field=first.field or None,
    )


def read_text(path: Path) -> str:
    """The text of a scenario file.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError("no such scenario file", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not text: byte {error.start + 1} is not UTF-8; save it as UTF-8", path=path
        ) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error


def _misfits(error: ValidationError, document: Document) -> Iterator[Problem]:
    """What pydantic says, in our words and at the place in the file."""
    for each in error.errors(include_url=False):
        way = _way(each["loc"])
        kind, context = each["type"], each.get("ctx", {})
        message = str(each["msg"]).removeprefix("Value error, ")
        match kind:
            case "extra_forbidden":
                name = str(way[-1])
                fix = "remove it" if name in _fields() else _meant(name, _fields())
                yield document.problem(way, f"there is no field {name!r} here", fix, at_key=True)
            case "too_short" if each["input"]:
                pass  # Its parts were refused, and each of them is said on its own.
            case "too_short":
                yield document.problem(way, "is empty", "say at least one")
            case "missing":
                yield document.problem(way, f"{way[-1]} is missing", "add it")
            case "union_tag_invalid":
                yield _no_kind((*way, "inject"), str(context.get("tag")), document)
            case "union_tag_not_found":
                yield document.problem(
                    way, "says neither inject, serial, parallel nor repeat", "name a fault"
                )
            case "literal_error" | "enum":
                given = str(each["input"])
                words = _words(str(context.get("expected", "")))
                fix = _meant(given, words) or f"write one of {', '.join(words)}"
                yield document.problem(way, f"{given!r} will not do", fix)
            case "string_pattern_mismatch":
                fix = "use lower case letters, digits and dashes"
                yield document.problem(way, f"{each['input']!r} will not do", fix)
            case _:
                said, _, fix = message.partition("; ")
                yield document.problem(way, said[:1].lower() + said[1:], fix)


def _no_kind(way: Way, given: str, document: Document) -> Problem:
    fix = _meant(given, KINDS) or f"there are {', '.join(KINDS)}"
    return document.problem(way, f"there is no fault {given!r}", fix)


def _way(location: Iterable[str | int]) -> tuple[str | int, ...]:
    """The way in the file: pydantic puts the names of alternatives into its own."""
    way: list[str | int] = []
    was_injection = False
    for part in location:
        if part == "[key]" or (was_injection and part in KINDS):
            was_injection = False
            continue
        was_injection = part == "<inject>"
        if not (isinstance(part, str) and part.startswith("<")):
            way.append(part)
    return tuple(way)


def _meant(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else ""


def _words(expected: str) -> list[str]:
    return [word.strip(" '") for word in expected.replace(" or ", ", ").split(",") if word.strip()]


@cache
def _fields() -> frozenset[str]:
    """Every field name of the format."""
    found: set[str] = set()

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            found.update(schema.get("properties", {}))
            for value in schema.values():
                collect(value)
        elif isinstance(schema, list):
            for value in schema:
                collect(value)

    collect(json_schema())
    return frozenset(found)
