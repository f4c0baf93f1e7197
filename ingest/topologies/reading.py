"""Any topology file, read as what it is, and refused where nothing could be made of it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedTopology
from ingest.topologies import (
    clab,
    graphml,
    house,
    numbered,
    repetita,
    rocketfuel,
    sndlib,
    teavar,
    topohub,
)

_NAMED = 5


class Reader(Protocol):
    """Reads one format."""

    def __call__(self, raw: bytes, *, path: Path) -> ImportedTopology:
        """The topology the bytes describe; `ConfigError` says why there is none."""
        ...


READERS: Mapping[str, Reader] = {
    clab.FORMAT: clab.read_clab,
    graphml.FORMAT: graphml.read_graphml,
    house.FORMAT: house.read_network_file,
    numbered.FORMAT: numbered.read_numbered,
    repetita.FORMAT: repetita.read_repetita,
    rocketfuel.FORMAT: rocketfuel.read_rocketfuel,
    sndlib.FORMAT: sndlib.read_sndlib,
    teavar.FORMAT: teavar.read_teavar,
    topohub.FORMAT: topohub.read_topohub,
}

_CLAB = re.compile(rb"^topology:", re.MULTILINE)
_HEAD = 4096
_SIGNS: tuple[tuple[str, Callable[[Path, bytes], bool]], ...] = (
    (graphml.FORMAT, lambda _, raw: b"<graphml" in raw[:_HEAD]),
    (sndlib.FORMAT, lambda _, raw: b'<network xmlns="http://sndlib' in raw[:_HEAD]),
    (graphml.FORMAT, lambda path, _: path.suffix == ".graphml"),
    (sndlib.FORMAT, lambda path, _: path.suffix == ".xml"),
    (repetita.FORMAT, lambda path, _: path.suffix == ".graph"),
    (rocketfuel.FORMAT, lambda path, _: path.suffix == ".intra"),
    (topohub.FORMAT, lambda path, _: path.suffix == ".json"),
    (numbered.FORMAT, lambda _, raw: numbered.is_numbered(raw)),
    (
        teavar.FORMAT,
        lambda _, raw: raw.split(maxsplit=4)[:4] == [*map(str.encode, teavar.HEADINGS)],
    ),
    (clab.FORMAT, lambda path, _: path.name.endswith((".clab.yml", ".clab.yaml"))),
    (clab.FORMAT, lambda path, raw: _is_yaml(path) and bool(_CLAB.search(raw))),
    (house.FORMAT, lambda path, _: _is_yaml(path)),
)


def read_topology(path: Path, *, format_name: str | None = None) -> ImportedTopology:
    """The topology in a file: at least two routers, every one reachable from every other.

    Args:
        path: The file.
        format_name: One of `READERS`; found by the file's name and content if not given.

    Raises:
        ConfigError: Unreadable, of no known format, not a topology, or not in one piece.
    """
    raw = _read(path)
    if not raw.strip():
        raise ConfigError("the file is empty", path=path)
    name = format_name or _format(path, raw)
    if name not in READERS:
        raise ConfigError(f"{name!r} is no format; there are {', '.join(READERS)}")
    return require_whole(READERS[name](raw, path=path), path=path)


def require_whole(topology: ImportedTopology, *, path: Path | None = None) -> ImportedTopology:
    """The topology as one network, without links from a router to itself.

    Raises:
        ConfigError: Fewer than two routers, or several islands; these are named.
    """
    loops = [link for link in topology.links if link.a == link.b]
    if loops:
        topology = _without_loops(topology, len(loops))
    if len(topology.nodes) < 2 or not topology.links:
        raise ConfigError(
            f"not a network: {len(topology.nodes)} routers and {len(topology.links)} links "
            "between them",
            path=path,
        )
    islands = topology.islands()
    if len(islands) > 1:
        largest, *others = islands
        raise ConfigError(
            f"the topology falls into {len(islands)} islands; no link joins "
            f"{' nor '.join(_named(topology, island) for island in others[:_NAMED])} "
            f"to the {len(largest)} routers around {_named(topology, largest[:1])}",
            path=path,
        )
    return topology


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error


def _format(path: Path, raw: bytes) -> str:
    found = next((name for name, is_one in _SIGNS if is_one(path, raw)), None)
    if found is None:
        raise ConfigError(
            f"unknown format; name one with --format: {', '.join(READERS)}", path=path
        )
    return found


def _is_yaml(path: Path) -> bool:
    return path.suffix in {".yml", ".yaml"}


def _without_loops(topology: ImportedTopology, count: int) -> ImportedTopology:
    return ImportedTopology(
        name=topology.name,
        format=topology.format,
        nodes=topology.nodes,
        links=tuple(link for link in topology.links if link.a != link.b),
        warnings=(
            *topology.warnings,
            f"{count} links lead from a router to itself and are left out",
        ),
    )


def _named(topology: ImportedTopology, island: tuple[str, ...]) -> str:
    labels = {node.id: node.label for node in topology.nodes}
    names = [
        f"{name} ({labels[name]})" if labels[name] not in ("", name) else name
        for name in island[:_NAMED]
    ]
    more = len(island) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
