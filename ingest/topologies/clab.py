"""Containerlab's `*.clab.yml`: which nodes there are and which veth cables join them.

What the nodes run is for the emulation. Links of two nodes are taken in both documented forms, the
brief `endpoints: ["a:eth1", "b:eth1"]` and the extended `type: veth`; links to the host, a bridge
or another network have no second router and are left out, with a warning.
Source: https://containerlab.dev/manual/topo-def-file/.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology

FORMAT = "containerlab"
_LENIENT = ConfigDict(extra="ignore", frozen=True)
_ELSEWHERE = frozenset({"host", "macvlan", "mgmt-net", "vxlan", "vxlan-stitch", "dummy"})
_BRIDGES = frozenset({"bridge", "ovs-bridge"})


class _Endpoint(BaseModel):
    model_config = _LENIENT
    node: str
    interface: str = ""


class _Link(BaseModel):
    model_config = _LENIENT
    type: str = "veth"
    endpoints: tuple[str | _Endpoint, ...] = ()

    def nodes(self) -> tuple[str, ...]:
        """The nodes it is plugged into."""
        return tuple(
            it.node if isinstance(it, _Endpoint) else it.partition(":")[0] for it in self.endpoints
        )


class _Topology(BaseModel):
    model_config = _LENIENT
    nodes: dict[str, dict[str, Any] | None] = {}
    links: tuple[_Link, ...] = ()


class _ClabFile(BaseModel):
    model_config = _LENIENT
    name: str
    topology: _Topology


def read_clab(raw: bytes, *, path: Path) -> ImportedTopology:
    """The topology of a containerlab file.

    Raises:
        ConfigError: Names file, line, field and what is wrong.
    """
    file = parse_document(raw.decode("utf-8", errors="replace"), _ClabFile, path=path)
    bridges = {
        name
        for name, values in file.topology.nodes.items()
        if (values or {}).get("kind") in _BRIDGES
    }
    nodes = [name for name in file.topology.nodes if name not in bridges]
    links: list[ImportedLink] = []
    left_out: list[str] = []
    for link in file.topology.links:
        ends = link.nodes()
        if link.type != "veth" or bridges & set(ends) or _ELSEWHERE & set(ends):
            left_out.append(" - ".join(ends) or link.type)
            continue
        links.append(_link(ends, nodes, path))
    return ImportedTopology(
        name=file.name,
        format=FORMAT,
        nodes=tuple(ImportedNode(id=name, label=name) for name in nodes),
        links=tuple(links),
        warnings=tuple(_warnings(sorted(bridges), left_out)),
    )


def _link(ends: tuple[str, ...], nodes: list[str], path: Path) -> ImportedLink:
    if len(ends) != 2:
        raise ConfigError(f"a link needs two endpoints, this one has {len(ends)}", path=path)
    for end in ends:
        if end not in nodes:
            raise ConfigError(f"a link names the node {end!r}, which is not there", path=path)
    return ImportedLink(a=ends[0], b=ends[1])


def _warnings(bridges: list[str], left_out: list[str]) -> Iterator[str]:
    if bridges:
        yield f"bridges are no routers and are left out: {', '.join(bridges)}"
    if left_out:
        yield f"{len(left_out)} links do not join two routers and are left out: " + ", ".join(
            left_out[:3]
        )
