"""The square's forwarding tables and the state that shows them, worked out for tests: no router."""

from collections.abc import Collection, Iterator

import networkx as nx

from foreshadow.clock import to_ns
from foreshadow.delta import Op, StateDelta, digest
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import RouterTables
from foreshadow.observed import DemandRate, Stream, encode
from foreshadow.routing import Fib, FibEntry, Forward, Terminal
from foreshadow.topology import LinkId, NodeId, Prefix
from shadow.emulation.design import topology_of
from tests.production_state import snapshot
from tests.square_story import HEAVY, LIGHT, square

_PEERS = {NodeId("NE"): "to-PEERNE", NodeId("SW"): "to-PEERSW"}


def tables(*, cut: Collection[LinkId] = (), moved: Collection[Prefix] = ()) -> dict[NodeId, Fib]:
    """Every router's forwarding table once it has settled.

    Args:
        cut: Links that are down.
        moved: Peer prefixes that leave at SW instead of NE.
    """
    network = square()
    ways = dict(nx.all_pairs_dijkstra_path(topology_of(network).without(cut).graph()))
    exits: dict[Prefix, NodeId] = {r.site: NodeId(r.name) for r in network.routers}
    exits |= {p: NodeId("SW" if p in moved else "NE") for p in (HEAVY, LIGHT)}
    return {
        NodeId(router.name): tuple(
            _entry(prefix, ways[router.name][way_out]) for prefix, way_out in exits.items()
        )
        for router in network.routers
    }


def _entry(prefix: Prefix, way: list[str]) -> FibEntry:
    if len(way) > 1:
        return FibEntry(prefix=prefix, forwards=(Forward(interface=f"to-{way[1]}"),))
    if prefix in (HEAVY, LIGHT):
        return FibEntry(prefix=prefix, forwards=(Forward(interface=_PEERS[NodeId(way[0])]),))
    return FibEntry(prefix=prefix, terminal=Terminal.DISCARDED)


def router_tables(fibs: dict[NodeId, Fib]) -> tuple[RouterTables, ...]:
    """The same as the bench reports them."""
    return tuple(RouterTables(router=router, fib=fib, loc_rib=()) for router, fib in fibs.items())


def fib_deltas(fibs: dict[NodeId, Fib], *, epoch: int = 1) -> Iterator[StateDelta]:
    """Forwarding tables as the state topic carries them."""
    for router, fib in fibs.items():
        values = {str(entry.prefix): entry for entry in fib}
        yield from snapshot(router, Stream.FIB, values, epoch)


def demand_deltas(matrix: DemandMatrix, *, epoch: int = 1) -> Iterator[StateDelta]:
    """One interval of demand as the state topic carries it, a whole map per ingress router."""
    for router in square().routers:
        rates = {
            str(key.prefix): encode(DemandRate(rate_bps=rate))
            for key, rate in zip(matrix.keys, matrix.rates_bps, strict=True)
            if key.ingress == router.name
        }
        for seq, op in enumerate((Op.SNAPSHOT_BEGIN, Op.SNAPSHOT_END), start=1):
            yield StateDelta(
                device=NodeId(router.name),
                stream=Stream.DEMAND,
                epoch=epoch,
                seq=seq,
                op=op,
                upserts=tuple(rates.items()) if op is Op.SNAPSHOT_BEGIN else (),
                digest=b"" if op is Op.SNAPSHOT_BEGIN else digest(rates),
                event_at_ns=to_ns(matrix.at),
            )
