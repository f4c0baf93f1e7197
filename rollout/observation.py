"""Production at one moment, as one value that a gate can judge and the journal can keep."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.discovery import discover, links_down
from foreshadow.experiment import RouterTables
from foreshadow.routing import Fibs, LocRibs, rib_digest
from foreshadow.state import NetworkState
from foreshadow.topology import NodeId, Topology

_ESTABLISHED = "Established"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class SessionUp:
    """An established BGP session."""

    device: NodeId
    peer: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class AdjacencyUp:
    """An IGP adjacency over which routes may lead."""

    device: NodeId
    interface: str
    router_id: IPv4Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What telemetry says of production.

    Attributes:
        topology: The links that are up.
        tables: Every router's FIB and best paths.
        demand: What enters the network now.
    """

    topology: Topology
    tables: tuple[RouterTables, ...]
    sessions: tuple[SessionUp, ...]
    adjacencies: tuple[AdjacencyUp, ...]
    demand: DemandMatrix

    @property
    def ribs(self) -> LocRibs:
        """Best paths by router."""
        return ribs_of(self.tables)

    @property
    def fibs(self) -> Fibs:
        """Forwarding tables by router."""
        return fibs_of(self.tables)

    @property
    def digest(self) -> str:
        """RIB digest over all routers."""
        return rib_digest(self.ribs)


def ribs_of(tables: Iterable[RouterTables]) -> LocRibs:
    """Best paths by router."""
    return {table.router: table.loc_rib for table in tables}


def fibs_of(tables: Iterable[RouterTables]) -> Fibs:
    """Forwarding tables by router."""
    return {table.router: table.fib for table in tables}


def observe(state: NetworkState, *, at: datetime) -> Observation:
    """Production as the deltas have told so far.

    Args:
        state: The copy.
        at: Event time of the demand in it.
    """
    whole = discover(state)
    ribs, fibs = state.loc_ribs(), state.fibs()
    return Observation(
        topology=whole.without(links_down(state, whole)),
        tables=tuple(
            RouterTables(router=router, fib=fibs[router], loc_rib=ribs[router]) for router in ribs
        ),
        sessions=tuple(
            SessionUp(device=device, peer=session.peer)
            for device in state.devices()
            for session in state.sessions(device)
            if session.state == _ESTABLISHED
        ),
        adjacencies=tuple(
            AdjacencyUp(device=device, interface=adjacency.interface, router_id=adjacency.router_id)
            for device in state.devices()
            for adjacency in state.adjacencies(device)
            if adjacency.is_full
        ),
        demand=_demand(state, at),
    )


def _demand(state: NetworkState, at: datetime) -> DemandMatrix:
    rates: Mapping[DemandKey, float] = {
        key: rate for device in state.devices() for key, rate in state.demand_rates(device)
    }
    keys = tuple(sorted(rates))
    return DemandMatrix(at=at, keys=keys, rates_bps=tuple(rates[key] for key in keys))
