"""TEAVAR's tables: `topology.txt` with the directions of links, beside it `nodes.txt` with names.

`to_node from_node capacity prob_failure`, nodes counted from 1, capacity in kbit/s (the unit is
nowhere stated; B4's 5,000,000 is its 5 Gbit/s). Source: https://github.com/manyaghobadi/teavar.
"""

from collections.abc import Iterator
from pathlib import Path

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.directions import join
from ingest.topologies.numbers import number

FORMAT = "teavar"
HEADINGS = ["to_node", "from_node", "capacity", "prob_failure"]


def read_teavar(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a `topology.txt`.

    Raises:
        ConfigError: Names file, line and what is wrong.
    """
    joined = join(_directions(raw, path))
    used = sorted({int(end) for link in joined.links for end in (link.a, link.b)})
    labels = _labels(path.with_name("nodes.txt"))
    return ImportedTopology(
        name=path.parent.name or path.stem,
        format=FORMAT,
        nodes=tuple(
            ImportedNode(id=str(it), label=labels[it - 1] if it <= len(labels) else "")
            for it in used
        ),
        links=joined.links,
        warnings=("the file names no unit for capacities; kbit/s is assumed", *joined.warnings),
    )


def _labels(path: Path) -> list[str]:
    """Names in node order; the first line is a heading."""
    return path.read_text().split()[1:] if path.is_file() else []


def _directions(raw: bytes, path: Path) -> Iterator[ImportedLink]:
    lines = raw.decode("utf-8", errors="replace").splitlines()
    if not lines or lines[0].split() != HEADINGS:
        raise ConfigError(f"expected the headings {' '.join(HEADINGS)}", path=path, line=1)
    for line, words in enumerate(map(str.split, lines[1:]), start=2):
        match words:
            case []:
                continue
            case [to, origin, kbps, _] if to.isdigit() and origin.isdigit():
                what = f"capacity of {origin} -> {to}"
                capacity = number(kbps, what, path=path, line=line, is_positive=True)
                yield ImportedLink(a=origin, b=to, capacity_bps=1e3 * capacity)
            case _:
                expected = "expected `to_node from_node capacity prob_failure`"
                raise ConfigError(expected, path=path, line=line)
