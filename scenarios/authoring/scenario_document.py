"""YAML of which every value knows its line and column.

Read by the core schema of YAML 1.2. By YAML 1.1, which PyYAML follows, the key `on` is the truth
value true, `22:00` is the number 1320, and of two equal keys the second wins in silence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import yaml

_REMEDIES = {
    "mapping values": "indent it as its neighbors are, or quote a value with a colon in it",
    "character '\\t'": "indent with spaces",
    "another document": "keep one scenario a file",
    "block end": "indent it as its neighbors are",
}
"""What a person does about a parser's complaint, by words of the complaint."""

Way = tuple[str | int, ...]
"""Way from the top of a document to a value in it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """Something in a file that a person should change.

    Attributes:
        line: From 1.
        column: From 1.
        field: Dotted way to it.
        message: What is wrong.
        fix: What to do about it.
        is_error: Otherwise a warning: the file can be used.
    """

    line: int
    column: int
    field: str
    message: str
    fix: str = ""
    is_error: bool = True

    def as_warning(self) -> "Problem":
        """The same, not in the way of using the file."""
        return replace(self, is_error=False)

    def __str__(self) -> str:
        """`line:column: field: message; fix`."""
        where = f"{self.line}:{self.column}: " + (f"{self.field}: " if self.field else "")
        return where + "; ".join(part for part in (self.message, self.fix) if part)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core: only `true` and `false` are truth values, only digits are integers."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), list(_first)
    )


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a YAML text, and where each part of it stands."""

    content: Any
    root: yaml.Node | None

    def place(self, path: Way) -> tuple[int, int]:
        """Line and column of the deepest value on the way; parts not in the text are passed over.

        A missing field so points at what should hold it.
        """
        node = self.root
        for part in path:
            node = _child(node, part) or node
        return _mark(node)

    def has(self, path: Way) -> bool:
        """Whether the text has this value."""
        node = self.root
        for part in path:
            node = _child(node, part)
        return node is not None

    def key_place(self, path: Way) -> tuple[int, int]:
        """Line and column of a key itself; of its parent where it is not in the text."""
        node = self.root
        for part in path[:-1]:
            node = _child(node, part) or node
        if path and isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if key.value == str(path[-1]):
                    return _mark(key)
        return self.place(path)

    def problem(self, path: Way, message: str, fix: str = "", *, at_key: bool = False) -> Problem:
        """A problem with what is found there."""
        line, column = self.key_place(path) if at_key else self.place(path)
        return Problem(line=line, column=column, field=dotted(path), message=message, fix=fix)


def read(text: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """The document and what is wrong with its YAML; no document where it cannot be read at all."""
    try:
        root = yaml.compose(text, Loader=_Loader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = str(error.problem)
        fix = next((said for sign, said in _REMEDIES.items() if sign in problem), "")
        message = f"not valid YAML: {problem}"
        return None, (Problem(line=where[0], column=where[1], field="", message=message, fix=fix),)
    except RecursionError:
        deep = "not valid YAML for a scenario: brackets within brackets, hundreds deep"
        return None, (Problem(line=1, column=1, field="", message=deep, fix="nest it less"),)
    except (yaml.YAMLError, ValueError) as error:
        return None, (Problem(line=1, column=1, field="", message=f"not valid YAML: {error}"),)
    return Document(content, root), tuple(_doubles(root, (), set()))


def dotted(path: Way) -> str:
    """`steps.0.for`."""
    return ".".join(str(part) for part in path)


def _doubles(node: yaml.Node | None, path: Way, seen: set[int]) -> Iterator[Problem]:
    if id(node) in seen:  # An alias: what it stands for was looked at where it is anchored.
        return
    seen.add(id(node))
    match node:
        case yaml.MappingNode():
            first: dict[str, int] = {}
            for key, value in node.value:
                name = str(key.value)
                if name in first:
                    line, column = _mark(key)
                    yield Problem(
                        line=line,
                        column=column,
                        field=dotted((*path, name)),
                        message=f"{name!r} is there twice; the first is in line {first[name]}",
                        fix="keep one of them",
                    )
                first.setdefault(name, _mark(key)[0])
                yield from _doubles(value, (*path, name), seen)
        case yaml.SequenceNode():
            for index, value in enumerate(node.value):
                yield from _doubles(value, (*path, index), seen)
        case _:
            pass


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    match node, part:
        case yaml.MappingNode(), str():
            return next((value for key, value in node.value if key.value == part), None)
        case yaml.SequenceNode(), int() if part < len(node.value):
            child: yaml.Node = node.value[part]
            return child
        case _:
            return None


def _mark(node: yaml.Node | None) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1) if node else (1, 1)
