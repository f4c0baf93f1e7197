"""Why the shadow does something else: the likely cause of each disagreement."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address

from foreshadow.fidelity_report import FidelityReport, RouterFidelity
from foreshadow.observed import Adjacency, Session, Stream
from foreshadow.topology import LinkId, NodeId
from shadow.fidelity import Behaviour, compare
from shadow.mirror import Picture, picture
from tests.planned_network import planned_state
from tests.production_state import abilene

AT = datetime(2026, 1, 1, tzinfo=UTC)
CHICAGO, INDIANAPOLIS = NodeId("CHINng"), NodeId("IPLSng")
PEER = IPv4Address("10.253.0.1")
REFLECTOR = IPv4Address("10.255.0.6")


def _production() -> Picture:
    neighbor = Adjacency(
        router_id=IPv4Address("10.255.0.9"), interface="to-NYCMng", state="Full", cost=700
    )
    sessions = tuple(
        Session(peer=peer, remote_as=65010, local_as=65001, state="Established")
        for peer in (PEER, REFLECTOR)
    )
    return replace(
        picture(planned_state(abilene())),
        adjacencies={CHICAGO: (neighbor,)},
        sessions={CHICAGO: sessions},
    )


def _alike(production: Picture) -> Behaviour:
    return Behaviour(
        adjacencies=production.adjacencies,
        sessions=production.sessions,
        loc_ribs=production.loc_ribs,
    )


def _causes(report: FidelityReport) -> list[str]:
    return [it.cause for it in report.explained]


def test_metric_that_differs_is_told_with_both_values() -> None:
    """Same neighbor, same state, other cost."""
    production = _production()
    dearer = replace(production.adjacencies[CHICAGO][0], cost=7)
    report = compare(
        production, replace(_alike(production), adjacencies={CHICAGO: (dearer,)}), at=AT
    )

    assert _causes(report) == ["the metric is 700 in production and 7 in the shadow"]


def test_link_that_is_down_on_one_side_explains_adjacency_and_session() -> None:
    """Each with the link's name and the side."""
    production = _production()
    lab = replace(
        _alike(production),
        adjacencies={CHICAGO: ()},
        sessions={CHICAGO: (production.sessions[CHICAGO][1],)},
        links_down=(LinkId("CHINng-NYCMng"), LinkId("CHINng-PEERCHI")),
    )

    assert _causes(compare(production, lab, at=AT)) == [
        "link CHINng-NYCMng is down in the shadow alone",
        "link CHINng-PEERCHI is down in the shadow alone",
    ]


def test_stale_stream_comes_before_everything_else() -> None:
    """What is out of date says nothing about the lab."""
    production = replace(
        _production(), stale=frozenset({(CHICAGO, Stream.SESSION), (CHICAGO, Stream.FIB)})
    )
    lab = replace(_alike(production), sessions={CHICAGO: ()}, is_converging=True)
    report = compare(production, lab, at=AT)

    assert report.is_stale
    assert set(_causes(report)) == {"what is known of CHINng's session is out of date"}


def test_shadow_that_was_just_changed_is_converging() -> None:
    """Whatever else there may be to say."""
    production = _production()
    lab = replace(_alike(production), loc_ribs={}, is_converging=True)

    assert set(_causes(compare(production, lab, at=AT))) == {"the shadow is still converging"}


def test_next_hops_follow_from_a_session_or_adjacency() -> None:
    """Else it is a choice between paths, or one that is not there."""
    production = _production()
    ribs = {**production.loc_ribs, CHICAGO: production.loc_ribs[CHICAGO][1:]}
    lab = replace(_alike(production), loc_ribs=ribs)
    assert _causes(compare(production, lab, at=AT)) == [
        "the shadow has no path to it, with the same sessions and adjacencies"
    ]
    without = replace(lab, sessions={CHICAGO: (production.sessions[CHICAGO][0],)})
    assert _causes(compare(production, without, at=AT)) == [
        "the session is up in production alone",
        "follows from the session CHINng 10.255.0.6",
    ]
    unjoined = replace(lab, adjacencies={CHICAGO: ()})
    assert _causes(compare(production, unjoined, at=AT)) == [
        "the neighbor is not there in the shadow",
        "follows from the adjacency CHINng to-NYCMng 10.255.0.9",
    ]
    first = production.loc_ribs[CHICAGO][0]
    other = (replace(first, next_hop=REFLECTOR), *production.loc_ribs[CHICAGO][1:])
    chosen = replace(lab, loc_ribs={**production.loc_ribs, CHICAGO: other})
    assert "choice between equal paths" in _causes(compare(production, chosen, at=AT))[0]


def test_fidelity_is_told_router_by_router() -> None:
    """Together they are the whole."""
    production = _production()
    lab = replace(_alike(production), loc_ribs={**production.loc_ribs, INDIANAPOLIS: ()})
    report = compare(production, lab, at=AT)
    routers = {it.router: it for it in report.routers}

    assert routers[INDIANAPOLIS] == RouterFidelity(router=INDIANAPOLIS, agree=0, total=18)
    assert routers[CHICAGO].share == 1
    assert len(routers) == 12
    assert sum(it.agree for it in report.routers) / sum(it.total for it in report.routers) == (
        report.share
    )
    assert len(report.explained) == len(report.disagreements) == 10
