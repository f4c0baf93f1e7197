"""What stands for something else in a `*.clab.yml`: variables of the shell and of containerlab."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


def expand(text: str, environment: Mapping[str, str]) -> str:
    """A file with its `${VARIABLE}`s replaced, the way a shell does; `$$` is a dollar sign."""

    def value(found: re.Match[str]) -> str:
        if found["escaped"]:
            return "$"
        name, operator = found["braced"] or found["plain"], found["operator"] or ""
        said = environment.get(name)
        is_set = said is not None and not (operator.startswith(":") and not said)
        other = expand(found["other"] or "", environment)
        if operator.endswith("+"):
            return other if is_set else ""
        return (said or "") if is_set else other

    return _VARIABLE.sub(value, text)


_VARIABLE = re.compile(
    r"(?P<escaped>\$\$)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?:(?P<operator>:?[-=+])(?P<other>[^}]*))?\}"
    r"|\$(?P<plain>[A-Za-z_]\w*)"
)


class Place(NamedTuple):
    """What a node's magic variables and relative paths stand for."""

    directory: Path
    lab: str
    node: str

    def filled(self, text: str) -> str:
        """A text with containerlab's own variables replaced."""
        home = self.directory / f"clab-{self.lab}"
        return (
            text.replace("__clabNodeName__", self.node)
            .replace("__clabNodeDir__", str(home / self.node))
            .replace("__clabDir__", str(home))
            .replace("__clabLabName__", home.name)
        )

    def path(self, text: str) -> Path:
        """A path of the host's; relative ones are so to the file."""
        return self.directory / Path(self.filled(text)).expanduser()
