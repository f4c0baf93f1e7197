"""A lab is at rest when every session and every adjacency is up, of both families."""

import json

from foreshadow.topology import LinkId
from scenarios.drills.steadiness import unsteady
from shadow.emulation.design import design
from tests.fakes.emulator import FakeLab
from tests.square_story import square

_SUMMARY = "show bgp summary json"
_UP = {"peers": {"10.0.0.1": {"state": "Established"}}}


def _lab(ipv6: object) -> FakeLab:
    lab = FakeLab(design(square())[1])
    lab.up(within_s=60)
    for node in lab.spec.nodes:
        lab.answers[node.id, _SUMMARY] = json.dumps({"ipv4Unicast": _UP, "ipv6Unicast": ipv6})
    return lab


def test_a_lab_with_everything_up_is_at_rest() -> None:
    """Sessions of both families, and an adjacency at each end of each link."""
    assert unsteady(_lab(_UP)) == ()


def test_an_ipv6_session_counts() -> None:
    """One that is down unsettles the lab, whatever IPv4 says."""
    said = unsteady(_lab({"peers": {"2001:db8::1": {"state": "Active"}}}))

    assert "SE's BGP session to 2001:db8::1 is Active" in said
    assert len(said) == len(square().routers)


def test_an_igp_without_its_adjacency_is_named() -> None:
    """What a silent link takes away is missed at both ends."""
    lab = _lab(_UP)
    lab.silence_link(LinkId("NW-SW"), is_silent=True)
    lab.wait_settled(quiet_s=0.1, within_s=60)

    assert sorted(unsteady(lab)) == [
        "NW has no full OSPF adjacency on to-SW",
        "SW has no full OSPF adjacency on to-NW",
    ]
