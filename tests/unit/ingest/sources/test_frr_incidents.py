"""What an FRR router's own readings tell of failures."""

from dataclasses import replace
from ipaddress import IPv4Address

from foreshadow.incident import Incident, IncidentKind
from foreshadow.observed import Adjacency, Interface, Session, Stream
from foreshadow.topology import NodeId
from frr.configuration import Daemon
from ingest.sources.frr_incidents import WITHIN_S, FrrIncidents

_S = 1_000_000_000
_NOW = 1_079_000_000 * _S
_UP = Session(peer=IPv4Address("10.0.0.2"), remote_as=2, local_as=1, state="Established")
_DOWN = replace(_UP, state="Active")
_PORT = Interface(name="eth0", is_admin_up=True, is_oper_up=True)
_FULL = Adjacency(router_id=IPv4Address("10.255.0.2"), interface="eth0", state="Full", cost=1)


def _incidents() -> FrrIncidents:
    return FrrIncidents(NodeId("r1"), "frr-agent")


def _session(said: FrrIncidents, session: Session, at_ns: int) -> list[Incident]:
    return [*said.compare(Stream.SESSION, {"10.0.0.2": session}, at_ns)]


def test_the_first_reading_tells_of_nothing() -> None:
    """A session that is down when the agent begins has not just failed."""
    assert _session(_incidents(), _DOWN, _NOW) == []


def test_a_session_that_is_lost_and_comes_back_is_told_both_times() -> None:
    """Under the peer's address, with the states before and after."""
    said = _incidents()
    _session(said, _UP, _NOW)
    (lost,) = _session(said, _DOWN, _NOW + _S)
    (back,) = _session(said, _UP, _NOW + 2 * _S)

    assert (lost.what, lost.subject, lost.device) == (IncidentKind.SESSION_LOST, "10.0.0.2", "r1")
    assert lost.text == "Established -> Active"
    assert lost.at_ns == lost.heard_at_ns == _NOW + _S
    assert back.what is IncidentKind.SESSION_ESTABLISHED


def test_a_neighbor_that_is_gone_was_lost_and_a_link_that_is_shut_has_not_failed() -> None:
    """Each stream in its own words."""
    said = _incidents()
    [*said.compare(Stream.ADJACENCY, {_FULL.key: _FULL}, _NOW)]
    [*said.compare(Stream.INTERFACE, {"eth0": _PORT}, _NOW)]
    (gone,) = said.compare(Stream.ADJACENCY, {}, _NOW)
    (failed,) = said.compare(Stream.INTERFACE, {"eth0": replace(_PORT, is_oper_up=False)}, _NOW)
    shut = replace(_PORT, is_oper_up=False, is_admin_up=False)
    (closed,) = said.compare(Stream.INTERFACE, {"eth0": shut}, _NOW)
    (opened,) = said.compare(Stream.INTERFACE, {"eth0": _PORT}, _NOW)

    assert [it.what for it in (gone, failed, closed, opened)] == [
        IncidentKind.ADJACENCY_LOST,
        IncidentKind.LINK_DOWN,
        IncidentKind.ADMIN_DOWN,
        IncidentKind.LINK_UP,
    ]


def test_a_storm_is_its_first_and_a_count() -> None:
    """A session that flaps all day does not fill the topic; every loss is counted once."""
    said = _incidents()
    _session(said, _UP, _NOW)
    told = []
    for turn in range(50):
        at_ns = _NOW + turn * _S // 10
        told += _session(said, _DOWN, at_ns) + _session(said, _UP, at_ns)
    assert [it.what for it in told] == [
        IncidentKind.SESSION_LOST,
        IncidentKind.SESSION_ESTABLISHED,
    ]

    told += said.due(_NOW + round((WITHIN_S + 6) * _S))
    lost = [it.count for it in told if it.what is IncidentKind.SESSION_LOST]
    assert lost == [1, 49]
    assert [*said.end()] == []


def test_a_clock_that_is_set_loses_and_repeats_nothing() -> None:
    """An hour back or forth: each loss is told once, at once or with what follows."""
    said = _incidents()
    _session(said, _UP, _NOW)
    told = []
    for at_ns in (_NOW + _S, _NOW - 3_600 * _S, _NOW + 3_600 * _S, _NOW + 2 * _S):
        told += _session(said, _DOWN, at_ns) + _session(said, _UP, at_ns)
    told += said.end()

    assert sum(it.count for it in told if it.what is IncidentKind.SESSION_LOST) == 4


def test_a_daemon_that_began_anew_is_told_by_name() -> None:
    """As what a process did, not the device."""
    (told,) = _incidents().restarted(Daemon.OSPFD, _NOW)

    assert (told.what, told.subject) == (IncidentKind.RESTARTED, "ospfd")
