"""Repetita's `.graph` files: nodes with coordinates, then every direction of every link.

`label src dest weight bw delay`: nodes by their number, bw in kbit/s, delay in microseconds.
Source: https://github.com/svissicchio/Repetita (Gay, Schaus, Vissicchio, arXiv 1710.08665).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.directions import join
from ingest.topologies.numbers import any_number, number, place
from ingest.topologies.rocketfuel import city

FORMAT = "repetita"
_NUMBERED = re.compile(r"^\d+_")
_Lines = Iterator[tuple[int, list[str]]]


def read_repetita(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a `.graph` file.

    Raises:
        ConfigError: Names file, line and what is wrong.
    """
    text = raw.decode("utf-8", errors="replace")
    lines = ((n, line.split()) for n, line in enumerate(text.splitlines(), start=1) if line.strip())
    nodes = tuple(_nodes(lines, path))
    if len({node.id for node in nodes}) < len(nodes):
        raise ConfigError("two nodes have the same label", path=path)
    joined = join(_directions(lines, nodes, path))
    return ImportedTopology(
        name=path.stem,
        format=FORMAT,
        nodes=nodes,
        links=joined.links,
        warnings=(*_coordinates_warning(nodes), *joined.warnings),
    )


def _nodes(lines: _Lines, path: Path) -> Iterator[ImportedNode]:
    count = _section(lines, "NODES", path)
    for _ in range(count):
        line, words = _next(lines, "a node", path)
        match words:
            case [label, x, y]:
                longitude = any_number(x, f"longitude of {label}", path=path, line=line)
                latitude = any_number(y, f"latitude of {label}", path=path, line=line)
            case _:
                raise ConfigError("expected `label x y`", path=path, line=line)
        # Where nothing is known these files say 0 0, a place in the Gulf of Guinea.
        is_known = (latitude, longitude) != (0, 0)
        north, east = place(latitude, longitude) if is_known else (None, None)
        called = _NUMBERED.sub("", label).replace("_", " ").removesuffix("None")
        yield ImportedNode(id=label, label=city(called), latitude=north, longitude=east)


def _directions(
    lines: _Lines, nodes: tuple[ImportedNode, ...], path: Path
) -> Iterator[ImportedLink]:
    count = _section(lines, "EDGES", path)
    for _ in range(count):
        line, words = _next(lines, "an edge", path)
        if len(words) != 6:
            expected = "expected `label src dest weight bw delay`"
            raise ConfigError(expected, path=path, line=line)
        name, src, dst, weight, kbps, delay_us = words
        yield ImportedLink(
            a=_at(nodes, src, path, line),
            b=_at(nodes, dst, path, line),
            metric=number(weight, f"weight of {name}", path=path, line=line, is_positive=True),
            capacity_bps=1e3
            * number(kbps, f"bandwidth of {name}", path=path, line=line, is_positive=True),
            delay_s=1e-6 * number(delay_us, f"delay of {name}", path=path, line=line),
        )
    if left := next(lines, None):
        raise ConfigError(f"more edges than the {count} announced", path=path, line=left[0])


def _section(lines: _Lines, title: str, path: Path) -> int:
    """The number of lines in a section; its column headings are skipped."""
    line, words = _next(lines, title, path)
    match words:
        case [first, count] if first == title and count.isdigit():
            _next(lines, f"the headings below {title}", path)
            return int(count)
        case _:
            raise ConfigError(f"expected `{title} <count>`", path=path, line=line)


def _next(lines: _Lines, what: str, path: Path) -> tuple[int, list[str]]:
    try:
        return next(lines)
    except StopIteration:
        raise ConfigError(f"the file ends where {what} is expected", path=path) from None


def _at(nodes: tuple[ImportedNode, ...], number_text: str, path: Path, line: int) -> str:
    if not number_text.isdigit() or int(number_text) >= len(nodes):
        raise ConfigError(
            f"{number_text} is no node; there are 0 to {len(nodes) - 1}", path=path, line=line
        )
    return nodes[int(number_text)].id


def _coordinates_warning(nodes: tuple[ImportedNode, ...]) -> Iterator[str]:
    lost = sum(node.latitude is None for node in nodes)
    if lost:
        yield f"{lost} nodes have no coordinates"
