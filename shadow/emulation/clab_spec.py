"""A containerlab lab of FRR routers as a lab of ours, so that the shadow runs it on any backend."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId
from frr.configuration import startup
from shadow.emulation.clab import FRR_CONFIG, ClabLab, ClabNode
from shadow.emulation.lab import LabEnd, LabLink, LabNode, LabSpec

_FRR_HOME = Path(FRR_CONFIG).parent
_DAEMON_FILES = ("zebra", "staticd", "bfdd", "ospfd", "isisd", "bgpd")


def spec_of(lab: ClabLab) -> LabSpec:
    """The routers of a lab with the configurations that are bound into them, and its cables.

    Raises:
        ConfigError: A node has no FRR configuration, or one that none of our daemons takes.
    """
    nodes = tuple(LabNode(id=NodeId(it.name), config=_config(it)) for it in lab.nodes)
    links: dict[str, LabLink] = {}
    for link in lab.links:
        plain = f"{link.a.node}-{link.b.node}"
        name = next(it for it in _names(plain) if it not in links)
        links[name] = LabLink(
            id=LinkId(name),
            a=LabEnd(node=NodeId(link.a.node), interface=link.a.interface),
            b=LabEnd(node=NodeId(link.b.node), interface=link.b.interface),
        )
    return LabSpec(nodes=nodes, links=tuple(links.values()))


def _names(plain: str) -> Iterator[str]:
    """Names for parallel cables: `A-B`, `A-B-2`, ..."""
    yield plain
    yield from (f"{plain}-{number}" for number in count(2))


def _config(node: ClabNode) -> str:
    """What FRR would read at start in this container."""
    if node.startup_config is not None:
        found = [node.startup_config]
    else:
        bound = dict(_bound(node))
        whole = [bound[FRR_CONFIG]] if FRR_CONFIG in bound else []
        parts = [f"{_FRR_HOME}/{name}.conf" for name in _DAEMON_FILES]
        found = whole or [bound[part] for part in parts if part in bound]
    if not found:
        raise ConfigError(
            f"node {node.name} has no FRR configuration: nothing is bound to {FRR_CONFIG}, and it "
            "has no startup-config; the shadow runs routers"
        )
    try:
        text = "\n".join(path.read_text() for path in found)
        startup(text)  # What no daemon of ours takes is refused here, not when the lab starts.
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"node {node.name}: {error}") from error
    except ConfigError as error:
        raise ConfigError(f"node {node.name}: {error}", path=found[0]) from error
    return text


def _bound(node: ClabNode) -> Iterator[tuple[str, Path]]:
    """(path in the container, file of the host), directories looked into."""
    for bind in node.binds:
        source, target, *_ = bind.split(":")
        if Path(source).is_dir():
            yield from ((f"{target}/{it.name}", it) for it in sorted(Path(source).iterdir()))
        else:
            yield target, Path(source)
