"""What leads from one lab to another, and the laws it keeps."""

from dataclasses import replace
from functools import reduce

import hypothesis.strategies as st
import pytest
from hypothesis import given

from foreshadow.topology import LinkId, NodeId
from shadow.config_difference import difference
from shadow.emulation.design import design
from shadow.emulation.lab import LabNode, LabSpec
from shadow.reconcile import Configure, Rebuild, SetLink, applied, plan
from tests.fakes.model_router import ModelRouter
from tests.production_state import abilene

PEERS = ("10.0.0.1", "10.0.0.2")
MAPS = ("OPER-IN", "FS-X-g1", "FS-X-g2")
PREFIXES = ("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A small router: interfaces, prefix lists, route maps, a BGP instance that uses them."""
    maps = draw(st.lists(st.sampled_from(MAPS), unique=True, min_size=1))
    lines = ["hostname R1"]
    for name in draw(st.lists(st.sampled_from(("to-A", "to-B")), unique=True)):
        lines += [f"interface {name}", f" ip ospf cost {draw(st.integers(1, 3))}"]
        lines += [" ip address 10.9.0.1/31"] * draw(st.booleans())
        lines += ["exit", "!"]
    lines += ["router bgp 65001"]
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
    assert steps is not None

    assert _entered(actual, *steps.parts).content() == _entered(wanted).content()


@given(configurations(), configurations())
def test_policy_is_never_absent_on_the_way(actual: str, wanted: str) -> None:
    """No route map is attached before it is there, or taken away while it is attached."""
    router = _entered(actual)
    router.dangling.clear()
    steps = difference(actual, wanted)
    assert steps is not None
    for part in steps.parts:
        router.enter(part)

    assert router.dangling == []


@given(configurations())
def test_equal_configurations_have_no_difference(config: str) -> None:
    """Nothing is entered where nothing differs, however the text is framed."""
    framed = "Building configuration...\n!\n" + config + "!\nend\n"
    steps = difference(config, framed)

    assert steps is not None
    assert steps.parts == ()


def test_a_generation_is_flipped_by_one_line() -> None:
    """The new map comes, the attachment is set anew, the old map goes: in this order."""
    actual = _policy("FS-X-g1")
    wanted = _policy("FS-X-g2")
    steps = difference(actual, wanted)
    assert steps is not None

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
    ("actual", "wanted"),
    [
        ("hostname A\n", "hostname B\n"),
        ("router bgp 1\nexit\n", "router bgp 2\nexit\n"),
        ("frr defaults traditional\n", "frr defaults datacenter\n"),
    ],
)
def test_another_identity_needs_another_router(actual: str, wanted: str) -> None:
    """Names, AS numbers and defaults are not changed in flight."""
    assert difference(actual, wanted) is None


_, ABILENE = design(abilene())

specs = st.builds(
    lambda cut, costs: replace(
        ABILENE,
        links=tuple(replace(link, is_up=link.id not in cut) for link in ABILENE.links),
        nodes=tuple(
            replace(node, config=node.config.replace("cost 700", f"cost {costs.get(node.id, 700)}"))
            for node in ABILENE.nodes
        ),
    ),
    st.sets(st.sampled_from([link.id for link in ABILENE.links])),
    st.dictionaries(st.sampled_from(["CHINng", "NYCMng"]), st.integers(1, 900)),
)


@given(specs)
def test_nothing_is_planned_for_a_lab_that_is_as_it_should_be(spec: LabSpec) -> None:
    """plan(x, x) is empty."""
    assert plan(spec, spec) == ()


@given(specs, specs)
def test_carrying_out_the_plan_reaches_what_was_wanted(actual: LabSpec, wanted: LabSpec) -> None:
    """A lab that follows the plan is what it should be, and then nothing more is planned."""
    reached = reduce(applied, plan(actual, wanted), actual)

    assert reached == wanted
    assert plan(reached, wanted) == ()


def test_links_come_before_configurations() -> None:
    """Link state is what experiments and loads depend on most."""
    wanted = replace(
        ABILENE,
        links=tuple(replace(it, is_up=it.id != "CHINng-NYCMng") for it in ABILENE.links),
        nodes=tuple(
            replace(it, config=it.config.replace("cost 700", "cost 7")) for it in ABILENE.nodes
        ),
    )

    kinds = [type(change) for change in plan(ABILENE, wanted)]
    assert kinds == [SetLink, Configure, Configure]


def test_peer_that_withdraws_a_prefix_is_reconfigured() -> None:
    """What a peer announces is a matter of its own configuration."""
    peer = ABILENE.node("PEERCHI")
    fewer = replace(peer, config="".join(_without(peer.config, "203.0.113.0/27")))
    nodes = tuple(fewer if it.id == peer.id else it for it in ABILENE.nodes)
    changes = plan(ABILENE, replace(ABILENE, nodes=nodes))

    assert [type(change) for change in changes] == [Configure]
    assert isinstance(changes[0], Configure)
    assert "no network 203.0.113.0/27" in "".join(changes[0].parts)


def test_other_routers_or_links_need_another_lab() -> None:
    """What is plugged together differently is built anew, once and for all of it."""
    more = replace(ABILENE, nodes=(*ABILENE.nodes, LabNode(id=NodeId("X"), config="hostname X\n")))
    fewer = replace(ABILENE, links=ABILENE.links[1:])
    renamed = replace(
        ABILENE, links=(replace(ABILENE.links[0], id=LinkId("X-Y")), *ABILENE.links[1:])
    )

    for wanted in (more, fewer, renamed):
        changes = plan(ABILENE, wanted)
        assert [type(change) for change in changes] == [Rebuild]
        assert reduce(applied, changes, ABILENE) == wanted


def _policy(name: str) -> str:
    return (
        "router bgp 65001\n address-family ipv4 unicast\n"
        f"  neighbor 10.0.0.1 route-map {name} in\n exit-address-family\nexit\n"
        f"route-map {name} permit 10\n set local-preference 200\nexit\n"
    )


def _without(config: str, prefix: str) -> list[str]:
    return [line for line in config.splitlines(keepends=True) if prefix not in line]
