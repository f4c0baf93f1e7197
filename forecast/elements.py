"""Which link or router an incident is about: devices speak of interfaces, peers and neighbors."""

from collections.abc import Mapping
from dataclasses import dataclass

from foreshadow.incident import Incident
from foreshadow.topology import LinkId, NodeId, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """The links and routers that can fail, and how devices refer to them."""

    links: tuple[LinkId, ...]
    nodes: tuple[NodeId, ...]
    by_subject: Mapping[tuple[NodeId, str], LinkId]
    links_of: Mapping[NodeId, frozenset[LinkId]]

    @classmethod
    def of(cls, topology: Topology) -> "Elements":
        """Those of a network; links towards other ASes can fail as well."""
        by_subject: dict[tuple[NodeId, str], LinkId] = {}
        links_of: dict[NodeId, set[LinkId]] = {}
        loopback = {node.id: node.loopback for node in topology.nodes}
        for link in topology.links:
            for near, far in link.ends():
                links_of.setdefault(near.node, set()).add(link.id)
                for subject in (near.interface, str(far.address), str(loopback.get(far.node))):
                    by_subject.setdefault((near.node, subject), link.id)
        ours = tuple(node.id for node in topology.nodes if not node.is_external)
        return cls(
            links=tuple(link.id for link in topology.links),
            nodes=ours,
            by_subject=by_subject,
            links_of={node: frozenset(links_of.get(node, ())) for node in ours},
        )

    def link(self, incident: Incident) -> LinkId | None:
        """The link an incident occurred to; None where it is about the device or unknown.

        The subject may be an interface, a neighbor's address or router id, or an adjacency's key
        (`eth1/10.0.0.1`).
        """
        names = (incident.subject, *incident.subject.split("/"))
        found = (self.by_subject.get((incident.device, name)) for name in names if name)
        return next((link for link in found if link is not None), None)
