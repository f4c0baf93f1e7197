"""Why the shadow does something else than production: what both sides together tell.

A likely cause, no proof. Causes are tried in the order of what they bring with them: state that is
out of date says nothing about the lab, a link that is down takes its adjacency and session along,
and these take the best paths along.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from foreshadow.fidelity_report import Disagreement
from foreshadow.observed import Stream
from foreshadow.topology import Link, LinkId, NodeId
from shadow.mirror import Picture


class Aspect(StrEnum):
    """What is compared."""

    ADJACENCY = "adjacency"
    SESSION = "session"
    NEXT_HOP = "best next hop"


_STREAMS = {
    Aspect.ADJACENCY: frozenset({Stream.ADJACENCY, Stream.INTERFACE, Stream.CONFIG}),
    Aspect.SESSION: frozenset({Stream.SESSION, Stream.INTERFACE, Stream.CONFIG}),
    Aspect.NEXT_HOP: frozenset({Stream.BEST_PATH, Stream.RECEIVED, Stream.CONFIG}),
}
"""What of a router's state an aspect is known from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that the two do differently, not yet explained."""

    aspect: Aspect
    router: NodeId
    where: str
    production: str
    shadow: str


def explain(
    one: Difference,
    every: Collection[Difference],
    production: Picture,
    *,
    links_down: frozenset[LinkId],
    is_converging: bool,
) -> Disagreement:
    """A difference with its likely cause.

    Args:
        one: What to explain.
        every: All differences of the comparison: one may come from another.
        production: What was compared with.
        links_down: Links that are cut in the shadow.
        is_converging: The shadow was changed a moment ago.
    """
    cause = (
        _stale(one, production)
        or _link(one, production, links_down)
        or ("the shadow is still converging" if is_converging else "")
        or _of_its_own(one, every)
    )
    return Disagreement(
        router=one.router,
        what=one.aspect.value,
        where=one.where,
        production=one.production,
        shadow=one.shadow,
        cause=cause,
    )


def _stale(one: Difference, production: Picture) -> str:
    late = sorted(
        stream
        for device, stream in production.stale
        if device == one.router and stream in _STREAMS[one.aspect]
    )
    return f"what is known of {one.router}'s {', '.join(late)} is out of date" if late else ""


def _link(one: Difference, production: Picture, links_down: frozenset[LinkId]) -> str:
    """The link an adjacency or session runs over, where it is down on one side alone."""
    cut = {link.id for link in production.spec.links if not link.is_up}
    for link in production.topology.links:
        if _runs_over(one, link) and (link.id in cut) is not (link.id in links_down):
            side = "production" if link.id in cut else "the shadow"
            return f"link {link.id} is down in {side} alone"
    return ""


def _runs_over(one: Difference, link: Link) -> bool:
    for near, far in link.ends():
        if near.node == one.router:
            match one.aspect:
                case Aspect.ADJACENCY if one.where.split()[0] == near.interface:
                    return True
                case Aspect.SESSION if one.where == str(far.address):
                    return True
                case _:
                    pass
    return False


def _of_its_own(one: Difference, every: Collection[Difference]) -> str:
    match one.aspect:
        case Aspect.ADJACENCY:
            return _of_adjacency(one)
        case Aspect.SESSION:
            up = "the shadow" if one.shadow == "Established" else "production"
            return f"the session is up in {up} alone"
        case Aspect.NEXT_HOP:
            return _of_next_hop(one, every)


def _of_adjacency(one: Difference) -> str:
    state, _, cost = one.production.partition(" at cost ")
    copied, _, copied_cost = one.shadow.partition(" at cost ")
    if state == copied and cost != copied_cost:
        return f"the metric is {cost} in production and {copied_cost} in the shadow"
    if "none" in (state, copied):
        side = "production" if state == "none" else "the shadow"
        return f"the neighbor is not there in {side}"
    return f"the adjacency is {state} in production and {copied} in the shadow"


def _of_next_hop(one: Difference, every: Collection[Difference]) -> str:
    sessions = [it for it in every if it.aspect is Aspect.SESSION]
    own = next((it for it in sessions if it.router == one.router), None)
    if own or sessions:
        lost = own or sessions[0]
        return f"follows from the session {lost.router} {lost.where}"
    for it in every:
        if it.aspect is Aspect.ADJACENCY:
            return f"follows from the adjacency {it.router} {it.where}"
    if "none" in (one.production, one.shadow):
        side = "production" if one.production == "none" else "the shadow"
        return f"{side} has no path to it, with the same sessions and adjacencies"
    return "a choice between equal paths, such as the older one, or attributes that were not seen"
