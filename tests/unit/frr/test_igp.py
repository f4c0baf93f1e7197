"""IS-IS neighbors and BFD sessions, captured from real FRR 8.4.4 and 10.3, as our values."""

from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from foreshadow.observed import Adjacency
from frr import adjacencies, bfd, isis

_CAPTURED = Path(__file__).parent / "captured"


def _captured(name: str) -> str:
    return (_CAPTURED / f"{name}.json").read_text()


_VERSIONS = pytest.mark.parametrize("version", ["", "frr10-"])


@_VERSIONS
def test_isis_neighbors_carry_level_and_metric(version: str) -> None:
    """A router at levels 1 and 2 has a neighbor of either kind, and one of both."""
    found = isis.adjacencies(
        _captured(f"{version}isis-neighbor"), _captured(f"{version}isis-interface")
    )

    assert [(it.interface, it.router_id, it.level, it.cost) for it in found] == [
        ("to-A", IPv4Address("10.254.0.0"), 1, 10),
        ("to-C", IPv4Address("10.254.0.3"), 2, 20),
        ("to-D", IPv4Address("10.254.0.8"), 3, 7),
    ]
    assert all(it.protocol == "isis" and it.is_full for it in found)


def test_neighbors_of_both_igps_have_keys_of_their_own() -> None:
    """OSPF's key is what it always was; IS-IS's cannot be taken for it."""
    ospf = Adjacency(router_id=IPv4Address("10.255.0.1"), interface="to-A", state="Full", cost=1)
    other = Adjacency(
        router_id=IPv4Address("10.255.0.1"),
        interface="to-A",
        state="Initializing",
        cost=1,
        protocol="isis",
        level=2,
    )

    assert (ospf.key, other.key) == ("to-A/10.255.0.1", "to-A/isis/10.255.0.1")
    assert (ospf.is_full, other.is_full) == (True, False)


def test_a_router_is_asked_only_what_its_daemons_know() -> None:
    """A router without isisd has OSPF neighbors and is not asked for others."""
    asked: list[str] = []

    def show(command: str) -> str:
        asked.append(command)
        return _captured("ospf-neighbor" if "neighbor" in command else "ospf-interface")

    found = adjacencies.read(knows=lambda command: "ospf" in command, show=show)

    assert [it.interface for it in found] == ["to-NW", "to-SE"]
    assert asked == ["show ip ospf neighbor json", "show ip ospf interface json"]


def test_a_reading_without_ospf_s_answer_is_none() -> None:
    """An answer that is missing is no answer that says nothing."""
    with pytest.raises(KeyError):
        adjacencies.parsed({"show isis neighbor detail json": ""})


@_VERSIONS
def test_bfd_sessions_say_after_what_silence_they_go_down(version: str) -> None:
    """Three packets of 100 ms, on both families of both links and of the eBGP session."""
    found = bfd.sessions(_captured(f"{version}bfd-peers"))

    assert {it.interface for it in found} == {"to-A", "to-C", "to-PEERB"}
    assert {it.detection_ms for it in found} == {300}
    assert all(it.is_up for it in found)
    assert sum(it.is_ipv6 for it in found) == 3


@pytest.mark.parametrize("read", [bfd.sessions, lambda raw: isis.adjacencies(raw, "")])
@pytest.mark.parametrize("raw", ["7", "not json", '{"areas": 3}'])
def test_what_cannot_be_read_is_a_value_error(read: Callable[[str], object], raw: str) -> None:
    """Rubbish gives the one error a source turns into a dead letter."""
    with pytest.raises(ValueError, match=r".+"):
        read(raw)


def test_a_router_without_isis_or_bfd_has_none() -> None:
    """An empty answer is an empty table."""
    assert bfd.sessions("") == ()
    assert isis.adjacencies("", "") == ()
