"""The lab that production's state asks for, and how a lab's behaviour is judged by it."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network

from foreshadow.observed import Adjacency, ReceivedPath, Session, Stream
from foreshadow.routing import BestPath
from foreshadow.topology import NodeId
from shadow.emulation.design import design
from shadow.fidelity import Behaviour, compare
from shadow.mirror import Picture, picture
from tests.planned_network import planned_state
from tests.production_state import abilene, snapshot, state_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
CHICAGO = NodeId("CHINng")


def test_routers_boot_what_production_runs_to_the_letter() -> None:
    """Configurations are taken over, and the network is plugged together as it is there."""
    _, spec = design(abilene())
    wanted = picture(state_of(abilene())).spec

    assert {it.id: it.config for it in wanted.nodes if not it.is_external} == {
        it.id: it.config for it in spec.nodes if not it.is_external
    }
    assert wanted.links == spec.links


def test_peers_are_put_together_from_what_they_sent() -> None:
    """Session and received prefixes give the configuration that the peer itself might have."""
    _, spec = design(abilene())
    wanted = picture(state_of(abilene())).spec

    for name in ("PEERCHI", "PEERNYC"):
        assert wanted.node(name).config == spec.node(name).config
        assert wanted.node(name).is_external


def test_links_that_are_down_are_down_in_the_mirror() -> None:
    """And a peer behind one announces nothing, because nothing is heard from it."""
    wanted = picture(state_of(abilene(), cut=["CHINng-NYCMng", "CHINng-PEERCHI"])).spec

    assert {it.id for it in wanted.links if not it.is_up} == {"CHINng-NYCMng", "CHINng-PEERCHI"}
    assert wanted.announced() == {
        *(router.site for router in abilene().routers),
        *(entry.prefix for peer in abilene().peers for entry in peer.prefixes),
    }
    assert "network" not in wanted.node("PEERCHI").config


def test_attributes_of_received_paths_are_announced_again() -> None:
    """AS numbers behind the peer's, MED and origin; the peer's own AS is prepended by itself."""
    state = state_of(abilene())
    peer = IPv4Address("10.253.0.1")
    path = BestPath(
        prefix=IPv4Network("198.51.100.0/24"),
        next_hop=peer,
        med=70,
        as_path="65010 65010 3356 {1,2}",
        origin="incomplete",
    )
    key = f"{peer}/{path.prefix}"
    heard = {key: ReceivedPath(peer=peer, path=path)}
    for delta in snapshot(CHICAGO, Stream.RECEIVED, heard, epoch=2):
        state.apply(delta)
    config = picture(state).spec.node("PEERCHI").config

    for line in (
        " set as-path prepend 65010 3356\n",
        " set metric 70\n",
        " set origin incomplete\n",
        "  network 198.51.100.0/24\n",
    ):
        assert line in config


def test_a_lab_that_behaves_alike_has_fidelity_1() -> None:
    """Everything that is compared agrees."""
    production = _production()
    report = compare(production, _behaviour(production), at=AT)

    assert (report.share, report.percent, report.disagreements) == (1.0, 100.0, ())
    assert report.next_hops_total == 12 * (12 + 6)
    assert dict.fromkeys(production.vector) == {
        (device, stream): None for device, stream, _, _ in report.vector
    }


def test_disagreements_are_counted_on_both_sides_and_explained() -> None:
    """What only one side has is a disagreement too; the first ten are put into words."""
    production = _production()
    lab = _behaviour(production)
    lab = replace(
        lab,
        adjacencies={CHICAGO: (replace(production.adjacencies[CHICAGO][0], cost=8),)},
        sessions={CHICAGO: ()},
        loc_ribs={**lab.loc_ribs, CHICAGO: ()},
    )
    report = compare(production, lab, at=AT)

    assert (report.adjacencies_agree, report.adjacencies_total) == (0, 1)
    assert (report.sessions_agree, report.sessions_total) == (0, 2)
    assert report.next_hops_agree == report.next_hops_total - 18
    assert len(report.disagreements) == 10
    assert report.disagreements[0] == (
        "adjacency CHINng to-NYCMng 10.255.0.9: production Full at cost 7, shadow Full at cost 8"
    )


def test_how_a_session_is_down_does_not_matter() -> None:
    """Active and Idle take turns every second; both are down."""
    production = _production()
    lab = _behaviour(production)
    idle = tuple(replace(it, state="Idle") for it in lab.sessions[CHICAGO])
    report = compare(production, replace(lab, sessions={CHICAGO: idle}), at=AT)

    assert report.sessions_agree == 1
    assert report.disagreements == (
        "session CHINng 10.255.0.6: production Established, shadow down",
    )
    assert report.explained[0].cause == "the session is up in production alone"


def test_nothing_compared_is_no_fidelity() -> None:
    """No evidence is not agreement."""
    empty = Behaviour(adjacencies={}, sessions={}, loc_ribs={})
    nothing = replace(_production(), adjacencies={}, sessions={}, loc_ribs={})

    assert compare(nothing, empty, at=AT).share == 0.0


def _production() -> Picture:
    def session(peer: str, state: str) -> Session:
        return Session(peer=IPv4Address(peer), remote_as=65001, local_as=65001, state=state)

    neighbor = Adjacency(
        router_id=IPv4Address("10.255.0.9"), interface="to-NYCMng", state="Full", cost=7
    )
    return replace(
        picture(planned_state(abilene())),
        adjacencies={CHICAGO: (neighbor,)},
        sessions={CHICAGO: (session("10.255.0.6", "Established"), session("10.255.0.7", "Active"))},
    )


def _behaviour(of: Picture) -> Behaviour:
    return Behaviour(adjacencies=of.adjacencies, sessions=of.sessions, loc_ribs=of.loc_ribs)
