"""How far the shadow does what production does: adjacencies, sessions, best next hops."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address
from typing import TypeVar

from foreshadow.fidelity_report import FidelityReport
from foreshadow.observed import Adjacency, Session
from foreshadow.routing import LocRibs
from foreshadow.topology import LinkId, NodeId
from shadow.mirror import Picture

K = TypeVar("K", bound=Hashable)

_EXPLAINED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a network's routers do: measured in the lab, or told by production."""

    adjacencies: Mapping[NodeId, tuple[Adjacency, ...]]
    sessions: Mapping[NodeId, tuple[Session, ...]]
    loc_ribs: LocRibs


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """One aspect compared: how much of what either side has is the same on both."""

    agree: int
    total: int
    disagreements: tuple[str, ...]


def compare(
    production: Picture, lab: Behaviour, *, links_down: tuple[LinkId, ...], at: datetime
) -> FidelityReport:
    """The share of production's behaviour that a lab reproduces, and what is different.

    Args:
        production: What it should do.
        lab: What it does; external routers are left out.
        links_down: Links that are down in the lab.
        at: When the lab was read.
    """
    adjacencies = _agreement("adjacency", _adjacencies(production), _adjacencies(lab))
    next_hops = _agreement("best next hop", _next_hops(production), _next_hops(lab))
    sessions = _agreement("session", _sessions(production), _sessions(lab))
    disagreements = (
        *adjacencies.disagreements,
        *sessions.disagreements,
        *next_hops.disagreements,
    )
    return FidelityReport(
        at=at,
        adjacencies_agree=adjacencies.agree,
        adjacencies_total=adjacencies.total,
        next_hops_agree=next_hops.agree,
        next_hops_total=next_hops.total,
        sessions_agree=sessions.agree,
        sessions_total=sessions.total,
        disagreements=disagreements[:_EXPLAINED],
        links_down=links_down,
        vector=tuple(
            (device, stream, epoch, seq)
            for (device, stream), (epoch, seq) in sorted(production.vector.items())
        ),
        is_stale=production.is_stale,
    )


def _agreement(what: str, production: Mapping[K, str], lab: Mapping[K, str]) -> Agreement:
    every = sorted(production.keys() | lab.keys(), key=str)
    different = [key for key in every if production.get(key) != lab.get(key)]
    return Agreement(
        agree=len(every) - len(different),
        total=len(every),
        disagreements=tuple(
            f"{what} {_named(key)}: production {production.get(key, 'none')}, "
            f"shadow {lab.get(key, 'none')}"
            for key in different[:_EXPLAINED]
        ),
    )


def _named(key: Hashable) -> str:
    return " ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def _adjacencies(of: Picture | Behaviour) -> dict[tuple[NodeId, str, IPv4Address], str]:
    return {
        (router, it.interface, it.router_id): f"{it.state} at cost {it.cost}"
        for router, neighbors in of.adjacencies.items()
        for it in neighbors
    }


def _sessions(of: Picture | Behaviour) -> dict[tuple[NodeId, IPv4Address], str]:
    """Up or not: which of its ways of being down a session is in changes every second."""
    return {
        (router, it.peer): "Established" if it.state == "Established" else "down"
        for router, sessions in of.sessions.items()
        for it in sessions
    }


def _next_hops(of: Picture | Behaviour) -> dict[tuple[NodeId, str], str]:
    return dict(_best(of.loc_ribs))


def _best(ribs: LocRibs) -> Iterator[tuple[tuple[NodeId, str], str]]:
    for router, rib in ribs.items():
        for path in rib:
            yield (router, str(path.prefix)), str(path.next_hop)
