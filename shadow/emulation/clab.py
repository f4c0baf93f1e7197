"""A lab as containerlab writes it down, and the file of it: `*.clab.yml`.

What a lab of ours becomes is a plain file of kind `linux`: anybody's `containerlab deploy` runs it,
with or without us. Source: containerlab.dev/manual/topo-def-file and /manual/nodes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from foreshadow.topology import NodeId
from frr.configuration import uses_ipv6
from shadow.emulation.engine import IMAGE
from shadow.emulation.lab import LabLink, LabNode, LabSpec
from shadow.emulation.namespaces import IPV6_SYSCTLS, SYSCTLS

LINUX = "linux"
SUFFIX = ".clab.yml"
FRR_CONFIG = "/etc/frr/frr.conf"
"""Where FRR looks for a router's whole configuration in its container."""

DRIVEN = "FORESHADOW_DRIVEN"
"""Set in a container whose daemons we start ourselves; see containerlab/router."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClabEnd:
    """Where a cable is plugged in."""

    node: str
    interface: str

    def __str__(self) -> str:
        """As the file writes it, `NW:to-NE`."""
        return f"{self.node}:{self.interface}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClabLink:
    """A veth cable between two nodes; `mtu_bytes` None for the kernel's own."""

    a: ClabEnd
    b: ClabEnd
    mtu_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClabNode:
    """One node of kind `linux`, everything inherited worked out.

    Attributes:
        name: Its name in the lab.
        image: From what its container is made.
        binds: `HOST:CONTAINER[:OPTIONS]` each; host paths absolute.
        environment: Variables its first process starts with.
        exec_commands: What is run in it once its cables are there.
        command: What runs in it; the image's own where None.
        entrypoint: What starts that; the image's own where None.
        user: Whom it runs as; the image's own where None.
        sysctls: Kernel settings of its own network.
        labels: The container's labels.
        startup_config: A file with the router's configuration, where one is given.
        network_mode: `none` where it has no management interface.
    """

    name: str
    image: str
    binds: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    exec_commands: tuple[str, ...] = ()
    command: str | None = None
    entrypoint: str | None = None
    user: str | None = None
    sysctls: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    startup_config: Path | None = None
    network_mode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClabLab:
    """A whole lab.

    Attributes:
        name: What it is called.
        nodes: Its nodes.
        links: The cables between them.
        prefix: Of the containers' names; None for containerlab's own (`clab`), `""` for none.
        ignored: What its file asks for and we leave out, a sentence each.
    """

    name: str
    nodes: tuple[ClabNode, ...]
    links: tuple[ClabLink, ...]
    prefix: str | None = None
    ignored: tuple[str, ...] = ()

    def container(self, node: str) -> str:
        """What containerlab calls a node's container."""
        if self.prefix == "":
            return node
        head = "clab" if self.prefix is None else self.prefix
        return f"{self.name}-{node}" if head == "__lab-name" else f"{head}-{self.name}-{node}"


def routers(
    nodes: Iterable[LabNode],
    links: Iterable[LabLink],
    *,
    name: str,
    binds: Mapping[NodeId, tuple[str, ...]],
    environment: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> ClabLab:
    """Routers of ours as a lab of containers `<name>-<node>` without management interfaces.

    Args:
        nodes: The routers.
        links: The cables between them.
        name: The lab's name.
        binds: Per router, what of the host it sees.
        environment: Variables of every container.
        labels: Labels of every container.
    """
    return ClabLab(
        name=name,
        prefix="__lab-name",
        nodes=tuple(
            ClabNode(
                name=node.id,
                image=IMAGE,
                binds=binds[node.id],
                environment=environment or {},
                labels=labels or {},
                sysctls=_sysctls(node),
                network_mode="none",
            )
            for node in nodes
        ),
        links=tuple(
            ClabLink(
                a=ClabEnd(node=link.a.node, interface=link.a.interface),
                b=ClabEnd(node=link.b.node, interface=link.b.interface),
            )
            for link in links
        ),
    )


def _sysctls(node: LabNode) -> dict[str, str]:
    wanted = (*SYSCTLS, *IPV6_SYSCTLS) if uses_ipv6(node.config) else SYSCTLS
    return {path.replace("/", "."): value for path, value in wanted}


def write_lab(spec: LabSpec, directory: Path, *, name: str) -> Path:
    """Write a lab so that `containerlab deploy` runs it without us; returns its `*.clab.yml`.

    Each router's configuration lies beside it and is bound read-only: `write memory` at a router
    does not change the file. Links that are cut, silent or shaped are plain cables in it.

    Args:
        spec: The lab.
        directory: Where to; made if it is not there.
        name: The lab's name, and the file's.
    """
    configs = directory / name
    configs.mkdir(parents=True, exist_ok=True)
    for node in spec.nodes:
        (configs / f"{node.id}.conf").write_text(node.config)
    binds = {it.id: (f"{name}/{it.id}.conf:{FRR_CONFIG}:ro",) for it in spec.nodes}
    path = directory / f"{name}{SUFFIX}"
    path.write_text(to_text(routers(spec.nodes, spec.links, name=name, binds=binds)))
    return path


def to_text(lab: ClabLab) -> str:
    """The lab's file. What all nodes share is said once, for the kind."""
    shared = _shared([_node(node) for node in lab.nodes])
    document: dict[str, object] = {"name": lab.name}
    if lab.prefix is not None:
        document["prefix"] = lab.prefix
    document["topology"] = {
        "kinds": {LINUX: shared},
        "nodes": {node.name: {"kind": LINUX, **_less(_node(node), shared)} for node in lab.nodes},
        "links": [_link(link) for link in lab.links],
    }
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False, width=100)


def _node(node: ClabNode) -> dict[str, object]:
    fields: dict[str, object] = {
        "image": node.image,
        "network-mode": node.network_mode,
        "entrypoint": node.entrypoint,
        "cmd": node.command,
        "user": node.user,
        "env": dict(node.environment),
        "sysctls": dict(node.sysctls),
        "labels": dict(node.labels),
        "binds": list(node.binds),
        "exec": list(node.exec_commands),
        "startup-config": None if node.startup_config is None else str(node.startup_config),
    }
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}


def _shared(nodes: list[dict[str, object]]) -> dict[str, object]:
    """What every node says; lists of binds are each node's own, containerlab would join them."""
    if not nodes:
        return {}
    first, *others = nodes
    return {
        name: value
        for name, value in first.items()
        if name not in ("binds", "exec") and all(other.get(name) == value for other in others)
    }


def _less(node: dict[str, object], shared: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in node.items() if name not in shared}


def _link(link: ClabLink) -> dict[str, object]:
    if link.mtu_bytes is None:
        return {"endpoints": [str(link.a), str(link.b)]}
    return {"endpoints": [str(link.a), str(link.b)], "mtu": link.mtu_bytes}
