"""Configuration text: whose part is whose, and that nothing is lost on the way."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.errors import ConfigError
from frr.configuration import (
    Block,
    Daemon,
    daemons_of,
    fingerprint,
    merge,
    parse,
    render,
    split,
    startup,
    uses_ipv6,
)

_CAPTURED = Path(__file__).parent / "captured"
_CLASSIC = (Daemon.ZEBRA, Daemon.STATICD, Daemon.OSPFD, Daemon.BGPD)
"""What the captured router runs."""

_TEXT = """\
frr defaults traditional
hostname A
!
ip route 10.1.0.0/16 blackhole
!
interface to-B
 description a cable
 ip address 10.254.0.0/31
 ip ospf area 0
 bandwidth 9920
exit
!
router bgp 65001
 neighbor 10.0.0.1 remote-as 65002
 !
 address-family ipv4 unicast
  neighbor 10.0.0.1 route-map IN in
 exit-address-family
exit
!
ip prefix-list P seq 5 permit 10.0.0.0/8
route-map IN permit 10
 match ip address prefix-list P
exit
"""


def test_split_gives_each_daemon_its_part() -> None:
    """Interfaces are shared by zebra and ospfd; routes, BGP and policy go to their owners."""
    parts = split(_TEXT)

    assert " bandwidth 9920" in parts[Daemon.ZEBRA]
    assert "ospf" not in parts[Daemon.ZEBRA]
    assert "interface to-B\n ip ospf area 0\nexit\n" in parts[Daemon.OSPFD]
    assert "ip route 10.1.0.0/16 blackhole" in parts[Daemon.STATICD]
    assert "route-map IN permit 10" in parts[Daemon.BGPD]
    assert all("hostname A" in part for part in parts.values())


def test_split_keeps_the_order_of_the_text() -> None:
    """A change that attaches before it removes must be entered that way round."""
    bgpd = split(_TEXT)[Daemon.BGPD]

    assert bgpd.index("router bgp") < bgpd.index("route-map IN permit")


def test_startup_reads_policy_before_the_sessions_that_use_it() -> None:
    """Bgpd denies everything through a route map that it meets before its definition."""
    bgpd = startup(_TEXT)[Daemon.BGPD]

    assert bgpd.index("route-map IN permit") < bgpd.index("router bgp")


def test_a_statement_of_nobodys_is_refused_with_its_line() -> None:
    """A configuration that we cannot place is an error, not a silently shorter router."""
    with pytest.raises(ConfigError, match=r"router eigrp") as caught:
        split("hostname A\nrouter eigrp 1\n network 10.0.0.0/8\n")

    assert caught.value.line == 2


def test_a_line_indented_below_nothing_is_refused() -> None:
    """Indentation carries meaning; a stray indented line has lost its section."""
    with pytest.raises(ConfigError, match="indented below no section"):
        parse("exit\n ip address 10.0.0.1/32\n")


@pytest.mark.parametrize(("router", "daemons"), [("running", _CLASSIC), ("six", tuple(Daemon))])
def test_merge_of_the_daemons_says_what_vtysh_says(
    router: str, daemons: tuple[Daemon, ...]
) -> None:
    """Captured from one router each: the daemons' parts merged equal vtysh's text in meaning."""
    parts = {d: (_CAPTURED / f"{router}-{d}.conf").read_text() for d in daemons}
    from_vtysh = (_CAPTURED / f"{router}-vtysh.conf").read_text()

    assert fingerprint(merge(parts)) == fingerprint(from_vtysh)


def test_only_the_daemons_a_configuration_needs_are_started() -> None:
    """A router that only forwards runs zebra; each protocol brings its daemon, and BFD bfdd."""
    six = (_CAPTURED / "six-vtysh.conf").read_text()

    assert daemons_of("hostname A\nip prefix-list P seq 5 permit any\n") == (Daemon.ZEBRA,)
    assert daemons_of(_TEXT) == _CLASSIC
    assert daemons_of(six) == tuple(Daemon)
    assert daemons_of("interface e0\n isis bfd\n ip router isis X\n") == (
        Daemon.ZEBRA,
        Daemon.BFDD,
        Daemon.ISISD,
    )
    assert (uses_ipv6(_TEXT), uses_ipv6(six)) == (False, True)


def test_startup_has_no_part_for_a_daemon_that_is_not_needed() -> None:
    """A prefix list nobody uses does not make a router speak BGP, nor keep it from booting."""
    assert set(startup("hostname A\nip prefix-list P seq 5 permit any\n")) == {Daemon.ZEBRA}


def test_startup_names_an_isis_router_last_and_before_its_interfaces() -> None:
    """Isisd makes its next link-state packet 30 s after the first, unless told otherwise before."""
    isisd = startup((_CAPTURED / "six-vtysh.conf").read_text())[Daemon.ISISD]

    assert isisd.index("lsp-timers gen-interval 1") < isisd.index(" net 49.0001")
    assert isisd.index(" net 49.0001") < isisd.index("interface to-A")


def test_a_running_isisd_is_named_last_too() -> None:
    """IS-IS that is turned on in flight must not wait 30 s either; nothing else changes places."""
    text = "router isis X\n is-type level-2-only\n net 49.0001.0102.5500.0002.00\n lsp-mtu 1400\n"
    isisd = split(text, (Daemon.ISISD,))[Daemon.ISISD]

    assert isisd.split("\n")[:4] == [
        "router isis X",
        " is-type level-2-only",
        " lsp-mtu 1400",
        " net 49.0001.0102.5500.0002.00",
    ]


def test_an_interface_is_split_between_its_daemons() -> None:
    """Addresses are zebra's, OSPF's lines ospfd's, IS-IS's of both families isisd's."""
    parts = split((_CAPTURED / "six-vtysh.conf").read_text())

    assert " ipv6 address fd00:254::afe:1/127" in parts[Daemon.ZEBRA]
    assert "ospf" not in parts[Daemon.ZEBRA]
    assert "isis" not in parts[Daemon.ZEBRA]
    assert " ip ospf bfd profile every100ms-x3" in parts[Daemon.OSPFD]
    assert " ipv6 router isis IGP" in parts[Daemon.ISISD]
    assert "profile every100ms-x3" in parts[Daemon.BFDD]
    assert "interface" not in parts[Daemon.BFDD]


def test_a_statement_of_a_daemon_that_does_not_run_is_refused() -> None:
    """Half a change is no change: what nobody there would take is named with its line."""
    with pytest.raises(ConfigError, match="belongs to isisd, which does not run there") as caught:
        split("hostname A\ninterface e0\n isis metric 7\n", (Daemon.ZEBRA, Daemon.OSPFD))

    assert caught.value.line == 2


def test_fingerprint_tells_a_changed_line() -> None:
    """A different prefix list is a different configuration; another order of blocks is not."""
    blocks = parse(_TEXT)

    assert fingerprint(render(reversed(blocks))) == fingerprint(_TEXT)
    assert fingerprint(_TEXT.replace("10.0.0.0/8", "10.0.0.0/9")) != fingerprint(_TEXT)


_WORD = st.from_regex(r"[a-z0-9./-]{1,8}", fullmatch=True)
_SECTIONS = st.builds(
    lambda name, body: Block(header=f"route-map {name} permit 10", body=tuple(body)),
    _WORD,
    st.lists(_WORD.map(lambda word: f" set {word}"), max_size=4),
)
_LINES = st.builds(lambda word: Block(header=f"ip route {word} blackhole"), _WORD)


@given(blocks=st.lists(st.one_of(_SECTIONS, _LINES), max_size=8))
def test_parse_reads_back_what_render_wrote(blocks: list[Block]) -> None:
    """Rendering loses nothing but the line numbers."""
    read = parse(render(blocks))

    assert [(b.header, b.body) for b in read] == [(b.header, b.body) for b in blocks]


@given(blocks=st.lists(st.one_of(_SECTIONS, _LINES), max_size=8, unique_by=lambda b: b.header))
def test_merge_undoes_split(blocks: list[Block]) -> None:
    """Taken apart and put together, a configuration says the same."""
    text = render(blocks)

    assert fingerprint(merge(split(text))) == fingerprint(text)


def test_an_interface_is_forgotten_by_whoever_runs() -> None:
    """`no interface` concerns every daemon that knows interfaces; those that do not run do not."""
    parts = split("no interface to-NE\n", among=(Daemon.ZEBRA, Daemon.OSPFD))

    assert parts == {Daemon.ZEBRA: "no interface to-NE\n", Daemon.OSPFD: "no interface to-NE\n"}
