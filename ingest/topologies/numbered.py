"""Link tables with numbered routers, as published with the Abilene traffic matrices.

`Node_num: N Edge_num: M`, a line of headings, then one direction of a link a line:
`Link_index Source Destination OSPF Capacity(kbps)`. Routers have numbers and no names.
Source: Zhang et al., the Abilene data set; the table is spread with CFR-RL (arXiv 2004.11986).
"""

import re
from collections.abc import Iterator
from pathlib import Path

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.directions import join
from ingest.topologies.numbers import number

FORMAT = "numbered"
_HEAD = re.compile(rb"^\s*Node_num:\s*(\d+)\s+Edge_num:\s*(\d+)")
_MOST_NODES = 100_000


def is_numbered(raw: bytes) -> bool:
    """Whether the file begins as these do."""
    return _HEAD.match(raw[:200]) is not None


def read_numbered(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a numbered link table.

    Raises:
        ConfigError: Names file, line and what is wrong.
    """
    head = _HEAD.match(raw[:200])
    if head is None:
        raise ConfigError("expected `Node_num: N Edge_num: M`", path=path, line=1)
    count, edges = int(head[1]), int(head[2])
    if count > _MOST_NODES:
        raise ConfigError(f"announces {count} routers", path=path, line=1)
    directions = tuple(_directions(raw.decode("utf-8", errors="replace"), count, path))
    if len(directions) != edges:
        raise ConfigError(f"announces {edges} edges and has {len(directions)}", path=path, line=1)
    joined = join(directions)
    return ImportedTopology(
        name=path.stem,
        format=FORMAT,
        nodes=tuple(ImportedNode(id=str(place)) for place in range(count)),
        links=joined.links,
        warnings=joined.warnings,
    )


def _directions(text: str, count: int, path: Path) -> Iterator[ImportedLink]:
    for line, content in enumerate(text.splitlines(), start=1):
        words = content.split()
        if line <= 2 or not words:
            continue
        if len(words) != 5:
            expected = "expected `index source destination metric capacity`"
            raise ConfigError(expected, path=path, line=line)
        _, source, destination, metric, kbps = words
        yield ImportedLink(
            a=_router(source, count, path, line),
            b=_router(destination, count, path, line),
            metric=number(metric, "metric", path=path, line=line, is_positive=True),
            capacity_bps=1e3 * number(kbps, "capacity", path=path, line=line, is_positive=True),
        )


def _router(word: str, count: int, path: Path, line: int) -> str:
    if not word.isdecimal() or int(word) >= count:
        raise ConfigError(f"{word!r} is no router of {count}", path=path, line=line)
    return str(int(word))
