"""`foreshadow scenario lint`: all problems of all files."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from console.ground import ground_of, read_network
from foreshadow.errors import ConfigError
from scenarios.authoring.lint import lint, read_text
from scenarios.authoring.lint_on_network import network_problems
from scenarios.authoring.scenario_document import Problem
from scenarios.authoring.shipped import files_of, find
from scenarios.planning.ground import Ground


@dataclass(frozen=True, slots=True, kw_only=True)
class LintedFile:
    """One file and its problems."""

    path: str
    is_sound: bool
    problems: tuple[Problem, ...]


def lint_all(files: tuple[str, ...], *, network: Path | None = None) -> tuple[LintedFile, ...]:
    """Look at every file; with a network, also resolve its selectors there.

    Raises:
        ConfigError: There is no such file, or the network cannot be read.
    """
    ground = None if network is None else ground_of(read_network(network))
    paths = dict.fromkeys(path for each in files for path in files_of(find(each)))
    return tuple(_linted(path, ground) for path in paths)


def problems_text(found: tuple[LintedFile, ...]) -> RenderableType:
    """One line a problem, as compilers print them, and a count."""
    lines = [_line(file, problem) for file in found for problem in file.problems]
    bad = sum(not file.is_sound for file in found)
    every = f"{len(found)} file{'s'[: len(found) != 1]}"
    last = Text(f"{every}, all sound" if not bad else f"{bad} of {every} cannot be used")
    return Group(*lines, last)


def _linted(path: Path, ground: Ground | None) -> LintedFile:
    try:
        text = read_text(path)
    except ConfigError as error:
        # One that cannot be read does not keep the others from being looked at.
        message = str(error).removeprefix(f"{path}: ")
        problem = Problem(line=1, column=1, field="", message=message)
        return LintedFile(path=str(path), is_sound=False, problems=(problem,))
    linted = lint(text)
    problems = linted.problems
    if ground is not None and linted.scenario is not None and linted.is_sound:
        problems += network_problems(text, linted.scenario, ground)
    is_sound = linted.scenario is not None and not any(p.is_error for p in problems)
    return LintedFile(path=str(path), is_sound=is_sound, problems=tuple(sorted(problems)))


def _line(file: LintedFile, problem: Problem) -> Text:
    text = Text(f"{file.path}:", style="bold")
    text.append(f"{problem.line}:{problem.column}: ", style="bold")
    kind, style = ("error", "red") if problem.is_error else ("warning", "yellow")
    text.append(f"{kind}: ", style=style)
    if problem.field:
        text.append(f"{problem.field}: ")
    text.append(problem.message)
    if problem.fix:
        text.append(f"; {problem.fix}", style="cyan")
    return text
