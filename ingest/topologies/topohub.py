"""TopoHub's JSON (https://www.topohub.org): networkx node-link data, `pos` as longitude, latitude.

`dist` is the length of a link in km. Capacities and metrics are not in these files.
"""

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foreshadow.document import reason_of
from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.numbers import place

FORMAT = "topohub"
_LENIENT = ConfigDict(extra="ignore", frozen=True)
_FIBRE_KM_PER_S = 200_000
"""Light in glass: two thirds of its speed in vacuum."""
_ON_EARTH = "delays are the links' lengths at 200,000 km/s"
_ON_PAPER = "coordinates are not places on earth, so lengths give no delays; left out"


class _Node(BaseModel):
    model_config = _LENIENT
    id: int | str
    name: str = ""
    pos: tuple[float, float] | None = None


class _Edge(BaseModel):
    model_config = _LENIENT
    source: int | str
    target: int | str
    dist: Annotated[float, Field(ge=0)] | None = None


class _Graph(BaseModel):
    model_config = _LENIENT
    name: str = ""


class _Document(BaseModel):
    model_config = _LENIENT
    graph: _Graph = _Graph()
    nodes: tuple[_Node, ...]
    edges: tuple[_Edge, ...]


def read_topohub(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a TopoHub JSON file.

    Raises:
        ConfigError: Names file, line or field, and what is wrong.
    """
    document = _parsed(raw, path)
    ids = [str(node.id) for node in document.nodes]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise ConfigError(f"the node id {twice!r} is there twice", path=path)
    for edge in document.edges:
        for end in (str(edge.source), str(edge.target)):
            if end not in ids:
                raise ConfigError(f"an edge names the node {end!r}, which is not there", path=path)
    nodes = tuple(map(_node, document.nodes))
    is_geographic = all(node.latitude is not None for node in nodes)
    return ImportedTopology(
        name=document.graph.name or path.stem,
        format=FORMAT,
        nodes=nodes,
        links=tuple(_link(edge, is_geographic=is_geographic) for edge in document.edges),
        warnings=(_ON_EARTH if is_geographic else _ON_PAPER,),
    )


def _parsed(raw: bytes, path: Path) -> _Document:
    try:
        content = json.loads(raw)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"not valid JSON: {error.msg}", path=path, line=error.lineno, column=error.colno
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError("not valid JSON: not text", path=path) from error
    try:
        return _Document.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"not a topology: {reason_of(first)}", path=path, field=where) from error


def _node(node: _Node) -> ImportedNode:
    longitude, latitude = node.pos or (None, None)
    north, east = place(latitude, longitude)
    return ImportedNode(id=str(node.id), label=node.name, latitude=north, longitude=east)


def _link(edge: _Edge, *, is_geographic: bool) -> ImportedLink:
    delay_s = edge.dist / _FIBRE_KM_PER_S if is_geographic and edge.dist is not None else None
    return ImportedLink(a=str(edge.source), b=str(edge.target), delay_s=delay_s)
