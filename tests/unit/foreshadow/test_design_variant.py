"""Variants of a network: what they change, what they leave, and what cannot be done."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.design_variant import Metrics, Variant, parse_variants, varied
from foreshadow.errors import ConfigError
from foreshadow.network_file import NetworkFile, parse_network
from foreshadow.propagation import link_delays
from foreshadow.routing_design import Bfd, Hello, Igp, LinkBfd
from tests.production_state import abilene
from tests.square_story import square

_REPOSITORY = Path(__file__).resolve().parents[3]
_PATH = Path("variants.yaml")


def _network(name: str) -> NetworkFile:
    path = _REPOSITORY / "tests" / "networks" / f"{name}.yaml"
    return parse_network(path.read_text(), path=path)


def test_every_shipped_variant_is_another_design_of_the_demo_s_network() -> None:
    """The file that ships can be read, and each variant applies to Abilene and changes it."""
    path = _REPOSITORY / "console" / "networks" / "variants.yaml"
    network = abilene()
    found = [varied(network, variant) for variant in parse_variants(path.read_text(), path=path)]

    assert len(found) == 7
    assert all(other != network for other in found)
    assert len({other.model_dump_json() for other in found}) == 7


@given(
    igp=st.sampled_from([None, *Igp]),
    metrics=st.sampled_from(list(Metrics)),
    bfd=st.sampled_from([None, False, Bfd(interval_ms=100)]),
    hello=st.sampled_from([None, Hello(interval_s=3, dead_s=12)]),
)
def test_a_variant_changes_routing_and_nothing_else(
    igp: Igp | None, metrics: Metrics, bfd: LinkBfd, hello: Hello | None
) -> None:
    """Routers, capacities and peers stay; applied twice, a variant is as applied once."""
    said = {"igp": igp, "metrics": metrics, "bfd": bfd, "hello": hello}
    variant = Variant.model_validate({"name": "x", **said, "ipv6": False})
    network = abilene()

    other = varied(network, variant)

    assert (other.routers, other.peers) == (network.routers, network.peers)
    assert [(it.id, it.capacity_gbps) for it in other.links] == [
        (it.id, it.capacity_gbps) for it in network.links
    ]
    assert varied(other, variant) == other


def test_costs_follow_their_scheme() -> None:
    """A link a quarter as wide costs four times as much; hops cost alike; delay counts in 10 us."""
    network = abilene()

    def costs(metrics: Metrics) -> dict[str, int]:
        other = varied(network, Variant(name="x", metrics=metrics))
        return {link.id: link.cost for link in other.links}

    assert costs(Metrics.INVERSE_CAPACITY)["ATLAng-IPLSng"] == 40
    assert costs(Metrics.INVERSE_CAPACITY)["CHINng-IPLSng"] == 10
    assert set(costs(Metrics.HOP_COUNT).values()) == {10}
    assert costs(Metrics.DELAY)["NYCMng-WASHng"] == 160
    assert costs(Metrics.DELAY)["ATLAM5-ATLAng"] == 1


def test_what_is_said_of_all_links_has_no_exceptions_left() -> None:
    """A link's own BFD, hello and cost back would make a variant half applied."""
    other = varied(
        _network("ring6"),
        Variant(
            name="x", bfd=False, hello=Hello(interval_s=3, dead_s=12), metrics=Metrics.HOP_COUNT
        ),
    )

    assert other.bfd is None
    assert {(it.bfd, it.hello, it.cost_back) for it in other.links} == {(None, None, None)}


@pytest.mark.parametrize(
    ("name", "variant", "says"),
    [
        ("ring6", Variant(name="x", igp=Igp.OSPF), "variant x of ring6: ipv6 needs an IGP that"),
        ("ring6", Variant(name="x", igp=Igp.ISIS), "FRR's IS-IS has no limit on equal-cost paths"),
        ("square", Variant(name="x", metrics=Metrics.DELAY), "nobody says how long NW-NE is"),
    ],
)
def test_what_a_network_cannot_be_is_refused(name: str, variant: Variant, says: str) -> None:
    """The variant and the network are named, with the reason."""
    with pytest.raises(ConfigError, match=says):
        varied(_network(name), variant)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("version: 1\nvariants:\n  - {name: a}\n", "variant a changes nothing"),
        (
            "version: 1\nvariants:\n  - {name: a, igp: isis}\n  - {name: a, ecmp: 1}\n",
            "variant a is there twice",
        ),
        ("version: 1\nvariants:\n  - {name: a, igp: rip}\n", "variants.yaml:3:20: variants.0.igp"),
        ("version: 1\nvariants: []\n", "expected 1 or more, found 0"),
    ],
)
def test_a_file_that_does_not_hold_together_is_refused(text: str, says: str) -> None:
    """With its place, as every file of ours."""
    with pytest.raises(ConfigError, match=says):
        parse_variants(text, path=_PATH)


def test_changes_are_told_in_the_words_of_the_file() -> None:
    """What a person wrote, and not what it became."""
    variant = Variant(name="x", igp=Igp.ISIS, bfd=False, hello=Hello(interval_s=3, dead_s=12))

    assert variant.changes() == ("igp: isis", "hello: interval_s=3 dead_s=12", "bfd: off")


def test_delay_is_the_file_s_or_a_straight_line() -> None:
    """New York to Washington is some 330 km, 1.6 ms; a delay in the file counts instead."""
    network = abilene()
    straight = link_delays(network)
    links = tuple(
        link.model_copy(update={"delay_ms": 4.0}) if link.id == "NYCMng-WASHng" else link
        for link in network.links
    )

    assert straight[network.links[13].id] == pytest.approx(1.61e-3, rel=0.01)
    assert link_delays(network.model_copy(update={"links": links}))[
        network.links[13].id
    ] == pytest.approx(4e-3)
    assert link_delays(square()) == {}
