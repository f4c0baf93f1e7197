"""The demo's network as a model and as deltas, and its measured traffic: for tests."""

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path

from foreshadow.delta import StateDelta
from foreshadow.exits import Exit, Exits
from foreshadow.network_file import NetworkFile
from foreshadow.observed import Stream
from foreshadow.present import Present
from foreshadow.routing import BestPath
from foreshadow.state import NetworkState, replay
from foreshadow.topology import LinkId, NodeId, Prefix
from foreshadow.whatif import WhatIf
from ingest.sources.traffic import DemandSeries, demands, read_matrices
from shadow.emulation.design import topology_of
from tests.production_state import abilene, snapshot, state_deltas

MATRICES = "traffic/abilene_tm_5min_20040301-20040314_mbps.csv.gz"
CUT = frozenset({LinkId("CHINng-NYCMng")})


def without_peers(network: NetworkFile) -> NetworkFile:
    """The same network where all demand belongs to the sites."""
    return network.model_copy(update={"peers": ()})


def planned_exits(
    network: NetworkFile,
    *,
    preferences: dict[str, int] | None = None,
    moved: Collection[Prefix] = (),
) -> Exits:
    """Exits as the file plans them.

    Args:
        network: The file.
        preferences: Local preference by our border router, instead of the file's.
        moved: Prefixes preferred (200) at NYCMng.
    """
    exits: dict[Prefix, tuple[Exit, ...]] = {
        r.site: (Exit(router=NodeId(r.name)),) for r in network.routers
    }
    for peer in network.peers:
        for entry in peer.prefixes:
            exits[entry.prefix] = tuple(
                Exit(
                    router=NodeId(at.router),
                    local_preference=200
                    if entry.prefix in moved and at.router == "NYCMng"
                    else (preferences or {}).get(at.router, at.local_preference),
                    via=LinkId(f"{at.router}-{at.name}"),
                )
                for at in peer.attachments
            )
    return exits


def planned(network: NetworkFile, exits: Exits | None = None) -> Present:
    """The model of a network that runs as planned."""
    reflectors = frozenset(NodeId(r.name) for r in network.routers if r.route_reflector)
    chosen = planned_exits(network) if exits is None else exits
    return Present(what_if=WhatIf(topology_of(network), chosen, reflectors=reflectors))


def best_path_deltas(network: NetworkFile) -> Iterator[StateDelta]:
    """What every router's BGP would choose if the network ran as planned."""
    addresses = {
        (near.node, far.node): far.address
        for link in topology_of(network).links
        for near, far in link.ends()
    }
    loopback = {router.name: router.loopback for router in network.routers}
    for router in network.routers:
        paths = {
            str(other.site): BestPath(
                prefix=other.site,
                next_hop=type(other.loopback)(0) if other is router else other.loopback,
                local_preference=None if other is router else 100,
            )
            for other in network.routers
        }
        for peer in network.peers:
            best = max(peer.attachments, key=lambda at: at.local_preference)
            here = NodeId(router.name), NodeId(best.name)
            next_hop = addresses[here] if best.router == router.name else loopback[best.router]
            paths |= {
                str(entry.prefix): BestPath(
                    prefix=entry.prefix,
                    next_hop=next_hop,
                    local_preference=best.local_preference,
                    as_path=str(peer.autonomous_system),
                )
                for entry in peer.prefixes
            }
        yield from snapshot(NodeId(router.name), Stream.BEST_PATH, paths)


def planned_deltas(network: NetworkFile, *, cut: Collection[str] = ()) -> Iterator[StateDelta]:
    """Everything but demand that the state topic would hold if the network ran as planned."""
    yield from state_deltas(network, cut=cut)
    yield from best_path_deltas(network)


def planned_state(network: NetworkFile, *, cut: Collection[str] = ()) -> NetworkState:
    """Production's synced state if the network ran as planned."""
    return replay(planned_deltas(network, cut=cut))


@cache
def measured(shared_data: Path, *, growth: float, with_peers: bool = True) -> DemandSeries:
    """The public matrices as demand of the demo's network."""
    network = abilene() if with_peers else without_peers(abilene())
    routers = [router.name for router in network.routers]
    return demands(read_matrices(shared_data / MATRICES, routers), network, growth=growth)
