"""What FRR's developers expect of their own routers, read by us: right, or refused by name.

Their JSON is what an answer must at least say. Where it leaves out what a value of ours needs, our
reader has to say which member it missed; a router's whole answer never lacks it.
"""

import json
import re
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from foreshadow.routing import Terminal
from frr import bfd, tables

pytestmark = pytest.mark.shared_data

_READERS: dict[str, tuple[Callable[[str], tuple[Any, ...]], str]] = {
    "*summary*": (tables.sessions, "localAs|remoteAs"),
    "*ospf_neighbor*.json": (lambda raw: tables.adjacencies(raw, ""), "nbrState"),
    "ip_route*.json": (tables.fib, "nothing"),
    "bgp_prefixes.json": (tables.best_paths, "nothing"),
    "show_bgp*.json": (tables.best_paths, "nothing"),
    "show-bgp*-ipv4-update*.json": (tables.best_paths, "nothing"),
    "*peers*.json": (bfd.sessions, "nothing"),
}
"""By the files' names: what reads them, and what an expectation may leave out."""
_LEAST = {
    "*summary*": 22,
    "*ospf_neighbor*.json": 7,
    "ip_route*.json": 2,
    "bgp_prefixes.json": 4,
    "show_bgp*.json": 6,
    "show-bgp*-ipv4-update*.json": 4,
    "*peers*.json": 8,
}
"""How many of each there are, so that a pattern that finds none is no success."""


def _found(shared_data: Path, pattern: str) -> list[Path]:
    found = sorted((shared_data / "frr_topotests").rglob(pattern))
    assert len(found) >= _LEAST[pattern]
    return found


@pytest.mark.parametrize("pattern", _READERS)
def test_every_expectation_is_read_or_refused_by_the_member_it_lacks(
    shared_data: Path, pattern: str
) -> None:
    """Never another error, and never a value made up for what is not there."""
    read, lacked = _READERS[pattern]
    for path in _found(shared_data, pattern):
        missed = _missed(read, path.read_text())
        assert missed in {"", *(f"`{name}`" for name in lacked.split("|"))}, path


def _missed(read: Callable[[str], object], raw: str) -> str:
    """The member that a reader says an answer lacks."""
    try:
        read(raw)
    except ValueError as error:
        found = re.search(r"missing required field (`\w+`)", str(error))
        return found[1] if found else str(error)
    return ""


def test_completed_sessions_are_those_expected(shared_data: Path) -> None:
    """With the one member that every real answer has, each peer comes out in its state."""
    peers = 0
    for path in _found(shared_data, "*summary*"):
        document = json.loads(path.read_text() or "{}")
        inner = document.get("ipv4Unicast", document)
        for peer in inner.get("peers", {}).values():
            peer.setdefault("localAs", inner["as"])
            peer.setdefault("remoteAs", 99)
        found = {str(it.peer): it for it in tables.sessions(json.dumps(document))}
        expected = inner.get("peers", {})
        assert found.keys() == expected.keys()
        for address, peer in expected.items():
            session = found[address]
            assert (session.state, session.remote_as) == (peer["state"], peer["remoteAs"])
            assert session.is_external == (peer["remoteAs"] != peer["localAs"])
        peers += len(expected)
    assert peers >= 60


def test_completed_neighbors_are_those_expected(shared_data: Path) -> None:
    """An expectation names `converged`; a router's answer says the same in `nbrState`."""
    for path in _found(shared_data, "*ospf_neighbor*.json"):
        document = json.loads(path.read_text())
        for on_interfaces in document["neighbors"].values():
            for neighbor in on_interfaces:
                neighbor |= {
                    "nbrState": f"{neighbor['converged']}/DR",
                    "ifaceName": "eth0:10.0.0.1",
                }
        found = tables.adjacencies(json.dumps(document), "")
        assert {str(it.router_id) for it in found} == document["neighbors"].keys()
        assert all(it.is_full and it.interface == "eth0" for it in found)


def test_the_forwarding_table_is_the_expected_one(shared_data: Path) -> None:
    """Each installed route with its next hops; connected ones end here, others go where it says."""
    for path in _found(shared_data, "ip_route*.json"):
        expected = {
            prefix: {
                (hop["interfaceName"], IPv4Address(hop["ip"]))
                for hop in route["nexthops"]
                if hop.get("fib") and hop.get("ip")
            }
            for prefix, routes in json.loads(path.read_text()).items()
            for route in routes
            if route.get("selected") and route.get("installed")
        }
        found = {str(it.prefix): it for it in tables.fib(path.read_text())}
        assert found.keys() == expected.keys()
        for prefix, hops in expected.items():
            assert {(it.interface, it.gateway) for it in found[prefix].forwards} == hops
            assert (found[prefix].terminal is Terminal.DELIVERED) == (not hops)


@pytest.mark.parametrize(
    "pattern", ["show_bgp*.json", "show-bgp*-ipv4-update*.json", "bgp_prefixes.json"]
)
def test_best_paths_are_the_expected_ones(shared_data: Path, pattern: str) -> None:
    """Those marked best, with next hop, AS path and MED; an unmarked one is nobody's choice."""
    for path in _found(shared_data, pattern):
        expected = {
            prefix: entry
            for prefix, entries in json.loads(path.read_text())["routes"].items()
            # A VPN table has its prefixes a level further down, and is never asked for.
            for entry in (entries if isinstance(entries, list) else [])
            if entry.get("bestpath")
        }
        found = {str(it.prefix): it for it in tables.best_paths(path.read_text())}
        assert found.keys() == expected.keys()
        for prefix, entry in expected.items():
            best = found[prefix]
            assert str(best.next_hop) in {hop["ip"] for hop in entry["nexthops"]}
            assert best.as_path == entry.get("path", "")
            assert best.med == entry.get("metric", entry.get("med"))


def test_bfd_sessions_are_the_expected_ones(shared_data: Path) -> None:
    """Each peer, and whether it is up."""
    for path in _found(shared_data, "*peers*.json"):
        expected = {it["peer"]: it["status"] == "up" for it in json.loads(path.read_text())}
        found = bfd.sessions(path.read_text())
        assert {it.peer: it.is_up for it in found} == expected


def test_a_table_of_the_other_family_is_refused_by_its_address(shared_data: Path) -> None:
    """IPv6 has no place in these tables: said, not dropped."""
    found = sorted((shared_data / "frr_topotests").rglob("show-bgp*-ipv6-update-step1.json"))
    assert len(found) >= 3
    for path in found:
        with pytest.raises(ValueError, match=r"octets|IPv4"):
            tables.best_paths(path.read_text())
