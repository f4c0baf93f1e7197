"""A large lab's start: with patience, and no trace of it afterwards."""

from frr.configuration import fingerprint, parse
from shadow.emulation.calm_start import back_to, calmed

_FAST = "hostname A\nrouter ospf\n timers throttle spf 10 50 1000\n ospf router-id 10.0.0.1\nexit\n"
_PLAIN = "hostname A\nrouter ospf\n ospf router-id 10.0.0.1\nexit\n"
_WIDE = f"zebra dplane limit 500\n{_PLAIN}"


def _headers(text: str) -> list[str]:
    return [block.header for block in parse(text)]


def test_routers_begin_with_room_and_patience() -> None:
    """The more routers, the longer the first computation waits for all of them."""
    few, many = calmed(_FAST, routers=60), calmed(_FAST, routers=500)

    assert "zebra dplane limit 10000" in _headers(few)
    assert " timers throttle spf 1480 300 1480" in few.splitlines()
    assert " timers throttle spf 5000 300 5000" in many.splitlines()
    assert "10 50 1000" not in few


def test_what_the_operator_wrote_comes_back() -> None:
    """Timers and room of the configuration; where it has none, the router's own."""
    assert _headers(back_to(_FAST)) == ["no zebra dplane limit", "router ospf"]
    assert " timers throttle spf 10 50 1000" in back_to(_FAST).splitlines()
    assert " no timers throttle spf" in back_to(_PLAIN).splitlines()
    assert "zebra dplane limit 500" in _headers(back_to(_WIDE))
    assert _headers(calmed(_WIDE, routers=60)).count("zebra dplane limit 10000") == 1


def test_a_router_without_ospf_has_its_room_alone() -> None:
    """A peer's border router runs BGP only."""
    config = "hostname P\nrouter bgp 65010\n bgp router-id 10.0.0.9\nexit\n"

    assert "throttle" not in calmed(config, routers=60)
    assert _headers(back_to(config)) == ["no zebra dplane limit"]
    assert fingerprint(calmed(config, routers=60)) != fingerprint(config)
