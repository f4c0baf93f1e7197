"""GraphML as the Internet Topology Zoo writes it; networkx knows the format.

Node attributes `label`, `Latitude`, `Longitude`, `Internal` (0 for a neighbour's router) and
`hyperedge` (a shared medium drawn as a node); edge attribute `LinkSpeedRaw` in bit/s, mostly
absent. Source: https://topology-zoo.org (Knight et al., JSAC 29(9), 2011).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from ingest.topologies.numbers import number, place
from ingest.topologies.xml_text import line_with, parse_xml

FORMAT = "graphml"
_NO_LABEL = "None"
_GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"


def read_graphml(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology a GraphML file describes.

    Raises:
        ConfigError: Names file, line where there is one, and what is wrong.
    """
    _require_sound(raw, path)
    try:
        graph = nx.parse_graphml(raw, force_multigraph=True)
    except (nx.NetworkXException, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"not valid GraphML: {error}", path=path) from error
    nodes = [_node(node, values, path) for node, values in graph.nodes(data=True)]
    links = [_link(a, b, values, path) for a, b, values in graph.edges(data=True)]
    name = graph.graph.get("Network") or graph.graph.get("label") or path.stem
    return ImportedTopology(
        name=str(name),
        format=FORMAT,
        nodes=tuple(nodes),
        links=tuple(links),
        warnings=tuple(_warnings(dict(graph.nodes(data=True)))),
    )


def _require_sound(raw: bytes, path: Path) -> None:
    """What networkx would take without a word: another root, a second node of one id."""
    root = parse_xml(raw, path=path)
    if root.tag != f"{_GRAPHML}graphml":
        raise ConfigError(f"not a topology: the root element is {root.tag}, not graphml", path=path)
    seen: set[str] = set()
    for node in root.iter(f"{_GRAPHML}node"):
        name = node.get("id", "")
        if name in seen:
            raise ConfigError(
                f"the node id {name!r} is there twice",
                path=path,
                line=line_with(raw, f'<node id="{name}"', occurrence=2),
            )
        seen.add(name)
    for edge in root.iter(f"{_GRAPHML}edge"):
        for end in (edge.get("source", ""), edge.get("target", "")):
            if end not in seen:
                raise ConfigError(
                    f"an edge names the node {end!r}, which is not there",
                    path=path,
                    line=line_with(raw, f'"{end}"'),
                )


def _node(node: str, values: dict[str, Any], path: Path) -> ImportedNode:
    what = f"coordinate of {node}"
    known = [
        float(values[key]) if isinstance(values[key], float | int) else _coordinate(values[key])
        for key in ("Latitude", "Longitude")
        if key in values
    ]
    if None in known:
        raise ConfigError(f"the {what} is no number", path=path)
    latitude, longitude = place(*known) if len(known) == 2 else (None, None)
    label = str(values.get("label", "")).replace(_NO_LABEL, "")
    return ImportedNode(id=node, label=label, latitude=latitude, longitude=longitude)


def _coordinate(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def _link(a: str, b: str, values: dict[str, Any], path: Path) -> ImportedLink:
    speed = values.get("LinkSpeedRaw")
    return ImportedLink(
        a=a,
        b=b,
        capacity_bps=None
        if speed is None
        else number(str(speed), f"LinkSpeedRaw of {a} - {b}", path=path, is_positive=True),
    )


def _warnings(nodes: dict[str, dict[str, Any]]) -> Iterator[str]:
    outside = [node for node, values in nodes.items() if values.get("Internal") == 0]
    if outside:
        yield (
            f"{len(outside)} nodes are marked as outside the network (Internal 0); "
            "they are taken as routers of it"
        )
    if shared := [node for node, values in nodes.items() if values.get("hyperedge")]:
        yield f"{len(shared)} nodes stand for a shared medium (hyperedge); taken as routers"
