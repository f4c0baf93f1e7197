"""Rocketfuel's maps of real ISPs: `<as>.weights.intra` and `<as>.latencies.intra`.

A line is `nodeA nodeB value`, every direction by itself, spaces in names written `+`. Weights and
latencies (whole ms) were inferred by the authors (Mahajan et al., IMW 2002); capacities are in
neither. Whichever of the two files is read, the other one beside it is read too.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.directions import join
from ingest.topologies.numbers import number

FORMAT = "rocketfuel"
_WEIGHTS, _LATENCIES = "weights", "latencies"
_ROUTER = re.compile(r"^([^,]+),.*?(\d+)$")


def read_rocketfuel(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a pair of `.intra` files.

    Raises:
        ConfigError: Names file, line and what is wrong.
    """
    kind = _LATENCIES if path.name.endswith(f"{_LATENCIES}.intra") else _WEIGHTS
    directions = tuple(_directions(raw, path, kind))
    other = _WEIGHTS if kind == _LATENCIES else _LATENCIES
    beside = path.with_name(path.name.replace(f"{kind}.intra", f"{other}.intra"))
    warnings: tuple[str, ...] = ()
    if beside != path and beside.is_file():
        directions = _completed(directions, tuple(_directions(beside.read_bytes(), beside, other)))
    else:
        warnings = (f"there is no {other} file beside it",)
    joined = join(directions)
    names = dict.fromkeys(end for link in directions for end in (link.a, link.b))
    return ImportedTopology(
        name=f"AS{path.name.partition('.')[0]}",
        format=FORMAT,
        nodes=tuple(ImportedNode(id=name, label=city(name)) for name in names),
        links=joined.links,
        warnings=(*warnings, *joined.warnings),
    )


def city(name: str) -> str:
    """`New+York,+NY239` as people say it: `New York 239`; any other name as it is."""
    found = _ROUTER.match(name)
    return f"{found[1].replace('+', ' ')} {found[2]}" if found else name


def _directions(raw: bytes, path: Path, kind: str) -> Iterator[ImportedLink]:
    text = raw.decode("utf-8", errors="replace")
    for line, words in enumerate(map(str.split, text.splitlines()), start=1):
        match words:
            case []:
                continue
            case [a, b, value] if kind == _WEIGHTS:
                metric = number(value, "weight", path=path, line=line, is_positive=True)
                yield ImportedLink(a=a, b=b, metric=metric)
            case [a, b, value]:
                delay_s = number(value, "latency", path=path, line=line) / 1e3
                yield ImportedLink(a=a, b=b, delay_s=delay_s)
            case _:
                raise ConfigError("expected `nodeA nodeB value`", path=path, line=line)


def _completed(
    directions: tuple[ImportedLink, ...], beside: tuple[ImportedLink, ...]
) -> tuple[ImportedLink, ...]:
    """The directions with what the other file says of the same two routers."""
    said = {(it.a, it.b): it for it in beside}
    unsaid = ImportedLink(a="", b="")
    return tuple(
        replace(
            it,
            metric=it.metric or said.get((it.a, it.b), unsaid).metric,
            delay_s=it.delay_s or said.get((it.a, it.b), unsaid).delay_s,
        )
        for it in directions
    )
