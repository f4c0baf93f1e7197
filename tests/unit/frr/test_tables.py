"""FRR's JSON, captured from real routers (8.4.4, and 10.3 by name), read into our values."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from foreshadow.observed import Adjacency, Interface, ReceivedPath, Session
from foreshadow.routing import BestPath, FibEntry, Forward, Terminal
from foreshadow.topology import Prefix
from frr import tables
from frr.configuration import Daemon, merge

_CAPTURED = Path(__file__).parent / "captured"
_CLASSIC = (Daemon.ZEBRA, Daemon.STATICD, Daemon.OSPFD, Daemon.BGPD)
"""What the captured router runs."""
_PEER = IPv4Address("10.253.0.3")


def _captured(name: str) -> str:
    return (_CAPTURED / f"{name}.json").read_text()


def test_interfaces_are_read_with_their_ipv4_addresses() -> None:
    """Every interface of the router is there, sorted, with state and addresses."""
    found = tables.interfaces(_captured("interface"))

    assert [interface.name for interface in found] == ["lo", "to-NW", "to-PEERSW", "to-SE"]
    assert found[1] == Interface(
        name="to-NW",
        is_admin_up=True,
        is_oper_up=True,
        addresses=(IPv4Interface("10.254.0.6/31"),),
    )


def test_adjacencies_carry_state_without_role_and_the_interface_cost() -> None:
    """A neighbor is named by interface and router id, its state is free of the DR role."""
    found = tables.adjacencies(_captured("ospf-neighbor"), _captured("ospf-interface"))

    assert found == (
        Adjacency(router_id=IPv4Address("10.255.0.1"), interface="to-NW", state="Full", cost=15),
        Adjacency(router_id=IPv4Address("10.255.0.3"), interface="to-SE", state="Full", cost=10),
    )


@pytest.mark.parametrize("name", ["bgp-summary", "bgp-summaries"])
def test_sessions_are_read_from_either_summary(name: str) -> None:
    """Both forms of the summary give the same sessions, internal and external."""
    found = tables.sessions(_captured(name))

    assert found == (
        Session(peer=_PEER, remote_as=65010, local_as=65001, state="Established"),
        Session(
            peer=IPv4Address("10.255.0.1"), remote_as=65001, local_as=65001, state="Established"
        ),
    )
    assert [session.is_external for session in found] == [True, False]


def test_best_paths_carry_every_attribute() -> None:
    """The detailed table gives AS path, MED, origin, local preference and communities."""
    found = {str(path.prefix): path for path in tables.best_paths(_captured("bgp-detail"))}

    assert found["203.0.113.0/27"] == BestPath(
        prefix=Prefix("203.0.113.0/27"),
        next_hop=_PEER,
        local_preference=200,
        med=7,
        as_path="65010 64999",
        origin="incomplete",
        communities=("65010:20", "65010:300"),
    )
    assert found["10.4.0.0/16"].as_path == ""
    assert found["10.4.0.0/16"].next_hop == IPv4Address("0.0.0.0")


def test_best_paths_are_the_same_without_detail_but_for_communities() -> None:
    """The short table agrees with the detailed one wherever it says something."""
    short = tables.best_paths(_captured("bgp"))
    detailed = tables.best_paths(_captured("bgp-detail"))

    assert [(p.prefix, p.next_hop, p.med, p.as_path, p.local_preference) for p in short] == [
        (p.prefix, p.next_hop, p.med, p.as_path, p.local_preference) for p in detailed
    ]


def test_received_paths_are_those_before_policy() -> None:
    """Adj-RIB-In has the peer's own attributes and no local preference of ours."""
    first, second = tables.received_paths(_PEER, _captured("bgp-received"))

    assert first == ReceivedPath(
        peer=_PEER,
        path=BestPath(
            prefix=Prefix("203.0.113.0/27"),
            next_hop=_PEER,
            med=7,
            as_path="65010 64999",
            origin="incomplete",
        ),
    )
    assert second.path.prefix == Prefix("203.0.113.32/27")


def test_received_paths_that_are_not_kept_are_an_error_not_an_empty_table() -> None:
    """A router without soft-reconfiguration says so, and so do we."""
    with pytest.raises(ValueError, match="soft reconfiguration"):
        tables.received_paths(_PEER, '{ "warning": "Inbound soft reconfiguration not enabled" }')


def test_fib_tells_forwarding_delivery_and_discard_apart() -> None:
    """Recursive routes show the interface they resolve to; own and discard routes end here."""
    found = {str(entry.prefix): entry for entry in tables.fib(_captured("route"))}

    assert found["10.2.0.0/16"] == FibEntry(
        prefix=Prefix("10.2.0.0/16"),
        forwards=(Forward(interface="to-SE", gateway=IPv4Address("10.254.0.4")),),
    )
    assert found["10.4.0.0/16"].terminal is Terminal.DISCARDED
    assert found["10.255.0.4/32"].terminal is Terminal.DELIVERED
    assert found["10.254.0.6/31"].terminal is Terminal.DELIVERED


@pytest.mark.parametrize(
    "read",
    [
        tables.interfaces,
        tables.sessions,
        tables.best_paths,
        tables.fib,
        lambda raw: tables.adjacencies(raw, "{}"),
        lambda raw: tables.received_paths(_PEER, raw),
    ],
)
@pytest.mark.parametrize("raw", ["[1]", "not json", '{"x": 3}{'])
def test_what_cannot_be_read_is_a_value_error(read: Callable[[str], object], raw: str) -> None:
    """Rubbish gives the one error a source turns into a dead letter."""
    with pytest.raises(ValueError, match=r".+"):
        read(raw)


@pytest.mark.parametrize(
    "read", [tables.interfaces, tables.sessions, tables.best_paths, tables.fib]
)
def test_a_router_with_nothing_to_show_has_empty_tables(
    read: Callable[[str], tuple[object, ...]],
) -> None:
    """An empty answer is an empty table: the protocol does not run there."""
    assert read("") == read("{}") == ()


def test_running_config_has_one_fingerprint_whoever_printed_it() -> None:
    """Vtysh and the daemons print the same configuration differently; it counts as the same."""
    from_vtysh = (_CAPTURED / "running-vtysh.conf").read_text()
    from_daemons = merge(
        {daemon: (_CAPTURED / f"running-{daemon}.conf").read_text() for daemon in _CLASSIC}
    )

    ours = tables.running_config(from_daemons)
    assert ours.text == from_daemons
    assert ours.sha256 == tables.running_config(from_vtysh).sha256


def test_best_paths_of_frr_10_are_read_from_either_form() -> None:
    """FRR 10 wraps the paths of the detailed form in an object of the prefix."""
    detailed = tables.best_paths(_captured("frr10-bgp-detail"))
    short = tables.best_paths(_captured("frr10-bgp"))

    assert [replace(path, communities=()) for path in detailed] == list(short)
    assert detailed[4] == BestPath(
        prefix=Prefix("203.0.113.0/27"),
        next_hop=IPv4Address("10.253.0.1"),
        local_preference=150,
        med=0,
        as_path="65010",
        origin="IGP",
        communities=("65010:20", "65010:300"),
    )
    assert len(tables.received_paths(IPv4Address("10.253.0.1"), _captured("frr10-received"))) == 2


def test_fib_of_frr_10_has_no_route_to_an_interfaces_own_address() -> None:
    """FRR 10 lists those as `local` beside the connected networks; a loopback is both."""
    found = {str(entry.prefix): entry for entry in tables.fib(_captured("frr10-route"))}

    assert "10.254.0.1/32" not in found
    assert found["10.254.0.0/31"].terminal is Terminal.DELIVERED
    assert found["10.255.0.2/32"].terminal is Terminal.DELIVERED
    assert found["10.2.0.0/16"].terminal is Terminal.DISCARDED
    assert len(found) == 15
