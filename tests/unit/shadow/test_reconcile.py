"""What leads from one lab to another, and the laws it keeps."""

from dataclasses import replace
from functools import reduce

import hypothesis.strategies as st
import pytest
from hypothesis import given

from foreshadow.topology import LinkId, NodeId
from shadow.config_difference import difference, unchangeable
from shadow.emulation.design import design
from shadow.emulation.lab import PLAIN, LabEnd, LabLink, LabNode, LabSpec, LinkShape
from shadow.lab_change import (
    AddLink,
    AddNode,
    Configure,
    LabChange,
    Rebuild,
    RemoveLink,
    RemoveNode,
    SetLink,
    ShapeLink,
    SilenceLink,
    applied,
)
from shadow.reconcile import plan
from tests.fakes.model_router import ModelRouter
from tests.production_state import abilene

PEERS = ("10.0.0.1", "10.0.0.2")
MAPS = ("OPER-IN", "FS-X-g1", "FS-X-g2")
PREFIXES = ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")


def _family(line: str) -> str:
    return f"router bgp 1\n address-family ipv6 unicast\n  {line}\n exit-address-family\nexit\n"


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A small router: interfaces, prefix lists, route maps, a BGP instance that uses them."""
    maps = draw(st.lists(st.sampled_from(MAPS), unique=True, min_size=1))
    lines = [f"hostname R{draw(st.integers(1, 2))}"]
    for name in draw(st.lists(st.sampled_from(("to-A", "to-B")), unique=True)):
        lines += [f"interface {name}", f" ip ospf cost {draw(st.integers(1, 3))}"]
        lines += [" ip address 10.9.0.1/31"] * draw(st.booleans())
        lines += ["exit", "!"]
    lines += [f"router bgp {draw(st.integers(65001, 65002))}"]
    peers = draw(st.lists(st.sampled_from(PEERS), unique=True))
    for peer in peers:
        lines += [f" neighbor {peer} remote-as 65010"]
        lines += [f" neighbor {peer} description P{draw(st.integers(1, 2))}"]
    lines += [" address-family ipv4 unicast"]
    lines += [f"  network {it}" for it in draw(st.lists(st.sampled_from(PREFIXES), unique=True))]
    for peer in peers:
        if draw(st.booleans()):
            lines += [f"  neighbor {peer} route-map {draw(st.sampled_from(maps))} in"]
    lines += [" exit-address-family", "exit", "!"]
    for name in maps:
        for seq in range(5, 5 * draw(st.integers(1, 3)) + 1, 5):
            prefix = draw(st.sampled_from(PREFIXES))
            lines += [f"ip prefix-list {name} seq {seq} permit {prefix}"]
        lines += [f"route-map {name} permit 10"]
        lines += [f" match ip address prefix-list {name}"] * draw(st.booleans())
        lines += [f" set local-preference {draw(st.sampled_from([100, 200]))}", "exit", "!"]
    return "\n".join(lines) + "\n"


def _entered(*texts: str) -> ModelRouter:
    router = ModelRouter()
    for text in texts:
        router.enter(text)
    return router


@given(configurations(), configurations())
def test_difference_leads_from_one_configuration_to_the_other(actual: str, wanted: str) -> None:
    """A router that runs one and is given the difference runs the other."""
    steps = difference(actual, wanted)

    assert _entered(actual, *steps.parts).content() == _entered(wanted).content()


@given(configurations(), configurations())
def test_policy_is_never_absent_on_the_way(actual: str, wanted: str) -> None:
    """No route map is attached before it is there, or taken away while it is attached."""
    router = _entered(actual)
    router.dangling.clear()
    steps = difference(actual, wanted)
    for part in steps.parts:
        router.enter(part)

    assert router.dangling == []


@given(configurations())
def test_equal_configurations_have_no_difference(config: str) -> None:
    """Nothing is entered where nothing differs, however the text is framed."""
    framed = "Building configuration...\n!\n" + config + "!\nend\n"
    steps = difference(config, framed)

    assert steps.parts == ()


def test_a_generation_is_flipped_by_one_line() -> None:
    """The new map comes, the attachment is set anew, the old map goes: in this order."""
    actual = _policy("FS-X-g1")
    wanted = _policy("FS-X-g2")
    steps = difference(actual, wanted)

    assert steps.touches_policy
    assert steps.parts == (
        "route-map FS-X-g2 permit 10\n set local-preference 200\nexit\n",
        (
            "router bgp 65001\n address-family ipv4 unicast\n"
            "  neighbor 10.0.0.1 route-map FS-X-g2 in\n exit-address-family\nexit\n"
        ),
        "no route-map FS-X-g1 permit 10\n",
    )


@pytest.mark.parametrize(
    ("actual", "wanted", "entered"),
    [
        ("hostname A\n", "hostname B\n", ["hostname B\n"]),
        (
            "router bgp 1\nexit\n",
            "router bgp 2\n timers bgp 3 9\nexit\n",
            ["no router bgp 1\nrouter bgp 2\n timers bgp 3 9\nexit\n"],
        ),
        (
            "router bgp 1\n neighbor 10.0.0.1 remote-as 2\nexit\n",
            "router bgp 1\n neighbor 10.0.0.1 remote-as 3\nexit\n",
            ["router bgp 1\n neighbor 10.0.0.1 remote-as 3\nexit\n"],
        ),
        (
            _family("network fd00::/8"),
            "router bgp 1\nexit\n",
            [_family("no network fd00::/8")],
        ),
        (
            "bfd\n profile fast\n  transmit-interval 100\n exit\nexit\n",
            "bfd\n profile fast\n  transmit-interval 50\n exit\nexit\n",
            ["bfd\n profile fast\n  transmit-interval 50\n exit\nexit\n"],
        ),
    ],
)
def test_names_and_numbers_change_in_flight(actual: str, wanted: str, entered: list[str]) -> None:
    """FRR takes them while it runs, so nobody is restarted for them."""
    assert list(difference(actual, wanted).parts) == entered
    assert unchangeable(actual, wanted) == ""


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("frr defaults traditional", "frr defaults datacenter"),
        ("no zebra nexthop kernel enable", ""),
        ("", "vrf red"),
    ],
)
def test_what_counts_from_the_start_only_is_named(line: str, other: str) -> None:
    """The router is started anew for it, and the plan says for which line."""
    actual, wanted = f"{line}\nhostname A\n", f"{other}\nhostname A\n"

    assert unchangeable(actual, wanted) in (line, other)
    assert unchangeable(actual, wanted) != ""
    assert difference(actual, wanted).parts == ()


_, ABILENE = design(abilene())
SLOW = "ATLAng-IPLSng"
NODES = tuple(map(NodeId, "ABCD"))
SHAPES = (PLAIN, LinkShape(rate_bps=1e8), LinkShape(delay_s=0.01, loss_ratio=0.05))


@st.composite
def specs(draw: st.DrawFn) -> LabSpec:
    """Up to four routers and cables between any two interfaces of theirs."""
    nodes = []
    for name in draw(st.sets(st.sampled_from(NODES), min_size=1)) | {NODES[0]}:
        defaults = draw(st.sampled_from(("traditional", "traditional", "datacenter")))
        config = f"frr defaults {defaults}\nhostname {name}\n"
        config += "router ospf\nexit\n" * draw(st.booleans())
        config += f"router bgp {draw(st.sampled_from((1, 2)))}\n timers bgp 3 9\nexit\n"
        nodes.append(LabNode(id=name, config=config, is_external=draw(st.integers(0, 5)) == 0))
    free = [LabEnd(node=node.id, interface=f"eth{port}") for node in nodes for port in range(3)]
    free = draw(st.permutations(free))
    names = draw(st.lists(st.sampled_from("stuvw"), unique=True, max_size=len(free) // 2))
    links = (
        LabLink(
            id=LinkId(name),
            a=free.pop(),
            b=free.pop(),
            is_up=draw(st.booleans()),
            is_silent=draw(st.booleans()),
            shape=draw(st.sampled_from(SHAPES)),
        )
        for name in names
    )
    return LabSpec(nodes=tuple(nodes), links=tuple(links))


class StrictLab:
    """What a lab would be after each change, refusing what no lab can do."""

    def __init__(self, spec: LabSpec) -> None:
        self.spec = spec

    def carry_out(self, change: LabChange) -> None:
        """Apply one change."""
        nodes = {node.id for node in self.spec.nodes}
        links = {link.id: link for link in self.spec.links}
        plugged = {end for link in links.values() for end in (link.a, link.b)}
        match change:
            case AddLink(link=link):
                assert link.id not in links, "two links of one name"
                assert not plugged & {link.a, link.b}, "two cables in one interface"
                assert {link.a.node, link.b.node} <= nodes, "a cable to nowhere"
            case AddNode(node=node):
                assert node.id not in nodes, "two routers of one name"
            case Configure(node=name) | RemoveNode(node=name):
                assert name in nodes
            case SetLink(link=name) | SilenceLink(link=name) | ShapeLink(link=name):
                assert name in links
            case RemoveLink(link=name):
                assert name in links
            case Rebuild():
                pass
        self.spec = applied(self.spec, change)


@given(specs())
def test_nothing_is_planned_for_a_lab_that_is_as_it_should_be(spec: LabSpec) -> None:
    """Levelling what is level is free."""
    assert plan(spec, spec) == ()


@given(specs(), specs())
def test_plan_leads_from_any_lab_to_any_other(actual: LabSpec, wanted: LabSpec) -> None:
    """Step by step through labs that can be, and then nothing more is planned."""
    lab = StrictLab(actual)
    for change in plan(actual, wanted):
        lab.carry_out(change)

    assert {node.id: node for node in lab.spec.nodes} == {node.id: node for node in wanted.nodes}
    assert {link.id: link for link in lab.spec.links} == {link.id: link for link in wanted.links}
    assert plan(lab.spec, wanted) == ()


@given(specs(), specs())
def test_order_is_that_of_a_network_that_fails(actual: LabSpec, wanted: LabSpec) -> None:
    """Cuts first, then who joins, then what comes up, then configuration; removal last."""
    kinds = [_rank(change) for change in plan(actual, wanted)]

    assert [rank for rank in kinds if rank] == sorted(rank for rank in kinds if rank)


@given(specs(), specs())
def test_no_router_that_stays_is_restarted_without_reason(actual: LabSpec, wanted: LabSpec) -> None:
    """Only for a line that counts from the start, or where it changes hands."""
    staying = {node.id for node in wanted.nodes}
    for change in plan(actual, wanted):
        assert not isinstance(change, Rebuild)
        if isinstance(change, RemoveNode) and change.node in staying:
            before, after = actual.node(change.node), wanted.node(change.node)
            line = unchangeable(before.config, after.config)
            assert line or before.is_external is not after.is_external
            assert change.reason


def _rank(change: LabChange) -> int:  # noqa: PLR0911 - one a kind
    """Its place in a plan; 0 for what makes room for others."""
    match change:
        case SetLink(is_up=False):
            return 1
        case AddNode():
            return 2
        case AddLink():
            return 3
        case SetLink():
            return 4
        case SilenceLink() | ShapeLink():
            return 5
        case Configure():
            return 6
        case RemoveNode(reason=""):
            return 7
        case _:
            return 0


def test_each_change_says_what_it_does() -> None:
    """A plan is read by people before it is carried out."""
    wanted = replace(
        ABILENE,
        nodes=tuple(
            replace(it, config=it.config.replace("cost 700", "cost 7")) for it in ABILENE.nodes[1:]
        ),
        links=tuple(
            replace(it, is_up=it.id != "CHINng-NYCMng", shape=SHAPES[2] if it.id == SLOW else PLAIN)
            for it in ABILENE.links
            if it.a.node != ABILENE.nodes[0].id
        ),
    )
    said = [str(change) for change in plan(ABILENE, wanted)]

    assert said == [
        "CHINng-NYCMng cut",
        "ATLAng-IPLSng at 10 ms, 5.0% loss",
        "CHINng configured: interface to-NYCMng; ip ospf cost 7",
        "NYCMng configured: interface to-CHINng; ip ospf cost 7",
        "ATLAM5 removed",
    ]


def test_lab_of_other_routers_altogether_is_built_anew() -> None:
    """Then nothing of it stays, and a lab comes up faster together than one by one."""
    wanted = LabSpec(nodes=(LabNode(id=NodeId("X"), config="hostname X\n"),), links=())
    changes = plan(ABILENE, wanted)

    assert [str(change) for change in changes] == ["the lab built anew: no router of it stays"]
    assert reduce(applied, changes, ABILENE) == wanted


def test_peer_that_withdraws_a_prefix_is_reconfigured() -> None:
    """What a peer announces is a matter of its own configuration."""
    peer = ABILENE.node("PEERCHI")
    fewer = replace(peer, config="".join(_without(peer.config, "203.0.113.0/27")))
    nodes = tuple(fewer if it.id == peer.id else it for it in ABILENE.nodes)
    changes = plan(ABILENE, replace(ABILENE, nodes=nodes))

    assert [type(change) for change in changes] == [Configure]
    assert isinstance(changes[0], Configure)
    assert "no network 203.0.113.0/27" in "".join(changes[0].parts)


def _policy(name: str) -> str:
    return (
        "router bgp 65001\n address-family ipv4 unicast\n"
        f"  neighbor 10.0.0.1 route-map {name} in\n exit-address-family\nexit\n"
        f"route-map {name} permit 10\n set local-preference 200\nexit\n"
    )


def _without(config: str, prefix: str) -> list[str]:
    return [line for line in config.splitlines(keepends=True) if prefix not in line]
