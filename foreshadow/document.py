"""YAML files with a schema, and errors that point at the line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from foreshadow.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "dict_type": "expected fields, each as `name: value`",
    "mapping_type": "expected fields, each as `name: value`",
    "model_type": "expected fields, each as `name: value`",
    "list_type": "expected a list",
    "tuple_type": "expected a list",
    "string_type": "expected text",
    "ip_v4_address": "expected an IPv4 address such as 10.255.0.1",
    "ip_v4_network": "expected an IPv4 prefix such as 10.1.0.0/16, with no host bits set",
    "missing": "is missing; add it",
    "extra_forbidden": "there is no such field; correct its spelling, or remove it",
}
"""What pydantic says in terms of Python, in terms of the file."""


def parse_document(text: str, model: type[Model], *, path: Path) -> Model:
    """The validated content of a YAML document.

    Raises:
        ConfigError: Not YAML, or not what `model` expects; names file, line, column and field.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ConfigError(
            f"not valid YAML: {error.problem}",
            path=path,
            line=mark.line + 1 if mark else None,
            column=mark.column + 1 if mark else None,
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"not valid YAML: {error}", path=path) from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise _located(error, root, path) from error


def refusal(text: str, location: Sequence[str | int], reason: str, *, path: Path) -> ConfigError:
    """The error that points at a place of a document that is well-formed and cannot be taken.

    Args:
        text: The document.
        location: Keys and positions that lead there.
        reason: What is wrong, and what to do about it.
        path: The document's file.
    """
    node = _find(yaml.compose(text, Loader=yaml.SafeLoader), location)
    return ConfigError(
        reason,
        path=path,
        line=node.start_mark.line + 1 if node else None,
        column=node.start_mark.column + 1 if node else None,
        field=".".join(str(part) for part in location) or None,
    )


def reason_of(refused: Mapping[str, Any]) -> str:
    """What is wrong with a value, for the person who wrote the file.

    Args:
        refused: One of pydantic's `ValidationError.errors()`.
    """
    given, context = refused["input"], refused.get("ctx", {})
    if refused["type"] == "union_tag_invalid":
        return f"{context['tag']!r} is none of {_plain(context['expected_tags'])}"
    if refused["type"] == "union_tag_not_found":
        return f"{_plain(context['discriminator'])} is missing; add it"
    if refused["type"] == "string_pattern_mismatch":
        return f"{given!r} does not fit {context['pattern']}"
    if refused["type"] == "too_short":
        return f"expected {context['min_length']} or more, found {len(given)}"
    said: str = _EXPECTED.get(refused["type"], refused["msg"])
    return said.removeprefix("Value error, ")


def _plain(quoted: str) -> str:
    """Names as an operator writes them: pydantic puts them in quotes."""
    return quoted.replace("'", "")


def _located(error: ValidationError, root: yaml.Node | None, path: Path) -> ConfigError:
    found = [each for each in error.errors(include_url=False) if each["type"] != "too_short"]
    # A list whose only item will not do is also called too short: that is no error of its own.
    first, more = found[0] if found else error.errors(include_url=False)[0], len(found) - 1
    node = _find(root, first["loc"])
    return ConfigError(
        reason_of(first) + (f" (and {more} more)" if more > 0 else ""),
        path=path,
        line=node.start_mark.line + 1 if node else None,
        column=node.start_mark.column + 1 if node else None,
        field=".".join(str(part) for part in first["loc"]) or None,
    )


def _find(root: yaml.Node | None, location: Sequence[str | int]) -> yaml.Node | None:
    """The deepest node on the way to `location`: a missing field points at its parent."""
    node = root
    for part in location:
        # What is not in the file is the name of a kind that pydantic puts in between: passed over.
        node = _child(node, part) or node
    return node


def _child(node: yaml.Node | None, part: str | int) -> yaml.Node | None:
    match node, part:
        case yaml.MappingNode(), str():
            return next((value for key, value in node.value if key.value == part), None)
        case yaml.SequenceNode(), int() if part < len(node.value):
            child: yaml.Node = node.value[part]
            return child
        case _:
            return None
