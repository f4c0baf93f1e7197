"""Where traffic leaves the network: which border routers have a way to a prefix, in which order."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from foreshadow.routing import BestPath
from foreshadow.state import NetworkState
from foreshadow.topology import LinkId, NodeId, Prefix, Topology

DEFAULT_LOCAL_PREFERENCE = 100
"""What a path without the attribute counts as (FRR `bgp default local-preference`)."""

_ORIGINATED_HERE = IPv4Address("0.0.0.0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """One way out of the network for a prefix.

    Attributes:
        router: Our router the traffic leaves at, or is delivered at.
        local_preference: After that router's own policy.
        via: The external link it hangs on; None for the router's own site.
    """

    router: NodeId
    local_preference: int = DEFAULT_LOCAL_PREFERENCE
    via: LinkId | None = None


Exits = Mapping[Prefix, tuple[Exit, ...]]


def observed_exits(state: NetworkState, topology: Topology) -> Exits:
    """The exits production has now, read from its synced BGP tables.

    A path a border router uses shows its local preference. One it has received but does not use
    (NYCMng, while CHINng is preferred) lost against the network's best, and policy-free telemetry
    does not say by how much: it is taken as one below that best, which keeps the order.
    """
    peers = _external_peers(topology)
    found: dict[Prefix, dict[NodeId, Exit]] = defaultdict(dict)
    best = {device: {path.prefix: path for path in rib} for device, rib in state.loc_ribs().items()}
    for device, rib in best.items():
        for path in rib.values():
            if path.next_hop == _ORIGINATED_HERE or (device, path.next_hop) in peers:
                via = peers.get((device, path.next_hop))
                found[path.prefix][device] = Exit(
                    router=device, local_preference=_preference(path), via=via
                )
    for device, prefix, link in _received(state, peers):
        if device not in found[prefix]:
            chosen = best.get(device, {}).get(prefix)
            below = _preference(chosen) - 1 if chosen else DEFAULT_LOCAL_PREFERENCE
            found[prefix][device] = Exit(router=device, local_preference=below, via=link)
    return {prefix: tuple(ways[r] for r in sorted(ways)) for prefix, ways in sorted(found.items())}


def observed_reflectors(state: NetworkState) -> frozenset[NodeId]:
    """Routers that reflect routes (RFC 4456), by their running configuration."""
    return frozenset(
        device
        for device in state.devices()
        if (config := state.running_config(device)) and "route-reflector-client" in config.text
    )


def _external_peers(topology: Topology) -> dict[tuple[NodeId, IPv4Address], LinkId]:
    return {
        (near.node, far.address): link.id
        for link in topology.links
        if link.is_external
        for near, far in link.ends()
    }


def _received(
    state: NetworkState, peers: Mapping[tuple[NodeId, IPv4Address], LinkId]
) -> Iterator[tuple[NodeId, Prefix, LinkId]]:
    for device in state.devices():
        for received in state.received(device):
            link = peers.get((device, received.peer))
            if link is not None:
                yield device, received.path.prefix, link


def _preference(path: BestPath) -> int:
    return DEFAULT_LOCAL_PREFERENCE if path.local_preference is None else path.local_preference
