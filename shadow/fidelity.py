"""How far the shadow does what production does: adjacencies, sessions, best next hops."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from foreshadow.fidelity_report import Disagreement, FidelityReport, RouterFidelity
from foreshadow.observed import Adjacency, Session
from foreshadow.routing import LocRibs
from foreshadow.topology import LinkId, NodeId
from shadow.disagreement import Aspect, Difference, explain
from shadow.mirror import Picture

_EXPLAINED = 10
_NOTHING = "none"
_Key = tuple[NodeId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a lab's routers do, as it was measured.

    Attributes:
        links_down: Links that are cut.
        is_converging: The lab was changed a moment ago.
    """

    adjacencies: Mapping[NodeId, tuple[Adjacency, ...]]
    sessions: Mapping[NodeId, tuple[Session, ...]]
    loc_ribs: LocRibs
    links_down: tuple[LinkId, ...] = ()
    is_converging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Agreement:
    """One aspect compared: what either side has, and where the two differ."""

    every: tuple[_Key, ...]
    differences: tuple[Difference, ...]

    @property
    def agree(self) -> int:
        return len(self.every) - len(self.differences)


def compare(production: Picture, lab: Behaviour, *, at: datetime) -> FidelityReport:
    """The share of production's behaviour that a lab reproduces, and what is different.

    Args:
        production: What it should do.
        lab: What it does; external routers are left out.
        at: When the lab was read.
    """
    adjacencies = _agreement(Aspect.ADJACENCY, _adjacencies(production), _adjacencies(lab))
    sessions = _agreement(Aspect.SESSION, _sessions(production), _sessions(lab))
    next_hops = _agreement(Aspect.NEXT_HOP, _next_hops(production), _next_hops(lab))
    aspects = (adjacencies, sessions, next_hops)
    explained = _explained(production, lab, aspects)
    return FidelityReport(
        at=at,
        adjacencies_agree=adjacencies.agree,
        adjacencies_total=len(adjacencies.every),
        next_hops_agree=next_hops.agree,
        next_hops_total=len(next_hops.every),
        sessions_agree=sessions.agree,
        sessions_total=len(sessions.every),
        disagreements=tuple(map(str, explained)),
        links_down=lab.links_down,
        vector=tuple(
            (device, stream, epoch, seq)
            for (device, stream), (epoch, seq) in sorted(production.vector.items())
        ),
        is_stale=production.is_stale,
        routers=_by_router(aspects),
        explained=explained,
    )


def _agreement(
    aspect: Aspect, production: Mapping[_Key, str], lab: Mapping[_Key, str]
) -> _Agreement:
    every = tuple(sorted(production.keys() | lab.keys()))
    return _Agreement(
        every=every,
        differences=tuple(
            Difference(
                aspect=aspect,
                router=key[0],
                where=key[1],
                production=production.get(key, _NOTHING),
                shadow=lab.get(key, _NOTHING),
            )
            for key in every
            if production.get(key) != lab.get(key)
        ),
    )


def _explained(
    production: Picture, lab: Behaviour, aspects: tuple[_Agreement, ...]
) -> tuple[Disagreement, ...]:
    differences = tuple(it for aspect in aspects for it in aspect.differences)
    return tuple(
        explain(
            it,
            differences,
            production,
            links_down=frozenset(lab.links_down),
            is_converging=lab.is_converging,
        )
        for it in differences[:_EXPLAINED]
    )


def _by_router(aspects: tuple[_Agreement, ...]) -> tuple[RouterFidelity, ...]:
    total = Counter(router for aspect in aspects for router, _ in aspect.every)
    differ = Counter(it.router for aspect in aspects for it in aspect.differences)
    return tuple(
        RouterFidelity(router=router, agree=total[router] - differ[router], total=total[router])
        for router in sorted(total)
    )


def _adjacencies(of: Picture | Behaviour) -> dict[_Key, str]:
    return {
        (router, f"{it.interface} {it.router_id}"): f"{it.state} at cost {it.cost}"
        for router, neighbors in of.adjacencies.items()
        for it in neighbors
    }


def _sessions(of: Picture | Behaviour) -> dict[_Key, str]:
    """Up or not: which of its ways of being down a session is in changes every second."""
    return {
        (router, str(it.peer)): "Established" if it.state == "Established" else "down"
        for router, sessions in of.sessions.items()
        for it in sessions
    }


def _next_hops(of: Picture | Behaviour) -> dict[_Key, str]:
    return dict(_best(of.loc_ribs))


def _best(ribs: LocRibs) -> Iterator[tuple[_Key, str]]:
    for router, rib in ribs.items():
        for path in rib:
            yield (router, str(path.prefix)), str(path.next_hop)
