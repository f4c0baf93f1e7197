"""What a lab is, as a value: routers with their configurations, and the cables between them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from foreshadow.errors import ConfigError
from foreshadow.topology import LinkId, NodeId, Prefix, reversed_name


@dataclass(frozen=True, slots=True, kw_only=True)
class LabNode:
    """One router of a lab.

    Attributes:
        id: The router's name.
        config: Its whole configuration as one text, as `show running-config` prints it.
        is_external: Stands in for another AS's router, which we neither read nor configure.
    """

    id: NodeId
    config: str
    is_external: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabEnd:
    """Where a link is plugged in."""

    node: NodeId
    interface: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShape:
    """What a link does to packets, each way alike.

    Attributes:
        rate_bps: How fast it is; None for as fast as the host.
        delay_s: One-way delay.
        loss_ratio: Share of packets that never arrive, 0 to 1.
    """

    rate_bps: float | None = None
    delay_s: float = 0.0
    loss_ratio: float = 0.0


PLAIN = LinkShape()
"""A cable and nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabLink:
    """A cable between two routers.

    Attributes:
        is_up: It has carrier.
        is_silent: It drops everything both ways while its carrier stays up.
        shape: What it does to the packets it carries.
    """

    id: LinkId
    a: LabEnd
    b: LabEnd
    is_up: bool = True
    is_silent: bool = False
    shape: LinkShape = PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSpec:
    """Everything a lab consists of."""

    nodes: tuple[LabNode, ...]
    links: tuple[LabLink, ...]

    def node(self, node_id: str) -> LabNode:
        """The router of that name.

        Raises:
            ConfigError: The lab has none.
        """
        for node in self.nodes:
            if node.id == node_id:
                return node
        raise ConfigError(f"the lab has no router {node_id!r}")

    def link(self, link_id: str) -> LabLink:
        """The link of that name, whichever end is written first.

        Raises:
            ConfigError: The lab has none.
        """
        names = link_id, reversed_name(link_id)
        for link in self.links:
            if link.id in names:
                return link
        raise ConfigError(f"the lab has no link {link_id!r}")

    def announced(self) -> frozenset[Prefix]:
        """Every prefix some router of the lab originates in BGP (its `network` statements)."""
        return frozenset(prefix for node in self.nodes for prefix in _originated(node.config))

    def everywhere(self) -> Mapping[NodeId, frozenset[Prefix]]:
        """The FIBs of a lab in which every prefix reaches each of our own routers."""
        announced = self.announced()
        return {node.id: announced for node in self.nodes if not node.is_external}


def _originated(config: str) -> Iterator[Prefix]:
    return (Prefix(text) for text in _NETWORK.findall(config))


_NETWORK = re.compile(r"^ +network (\d+\.\d+\.\d+\.\d+/\d+)(?= *$| route-map)", re.MULTILINE)
