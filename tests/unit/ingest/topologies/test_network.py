"""Imported topologies made network files, and the laws these keep."""

import re
from pathlib import Path

import hypothesis.strategies as st
import pytest
import yaml
from hypothesis import given

from foreshadow.errors import ConfigError
from foreshadow.imported_topology import ImportedLink, ImportedNode, ImportedTopology
from foreshadow.network_file import parse_network
from ingest.topologies.naming import network_name, router_names
from ingest.topologies.network import network_of


def _topology(*links: ImportedLink, labels: dict[str, str] | None = None) -> ImportedTopology:
    ids = dict.fromkeys(end for link in links for end in (link.a, link.b))
    return ImportedTopology(
        name="Réseau X",
        format="test",
        nodes=tuple(ImportedNode(id=it, label=(labels or {}).get(it, "")) for it in ids),
        links=links,
    )


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), unique_by=lambda it: it[0]))
def test_every_router_gets_a_legal_name_of_its_own(nodes: list[tuple[str, str]]) -> None:
    """Whatever others call theirs: empty, in Greek, forty letters long, twice."""
    named = router_names(ImportedNode(id=node, label=label) for node, label in nodes)

    assert named.keys() == {node for node, _ in nodes}
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,11}", name) for name in named.values())
    assert len({name.lower() for name in named.values()}) == len(named)


@given(st.text())
def test_every_network_gets_a_legal_name(name: str) -> None:
    """As the network file wants it."""
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", network_name(name))


def test_names_stay_readable() -> None:
    """What people know a router by comes first."""
    nodes = [
        ImportedNode(id="ATLAng", label="Atlanta"),
        ImportedNode(id="0", label="New York"),
        ImportedNode(id="1", label="New York"),
        ImportedNode(id="2", label="São Paulo"),
        ImportedNode(id="Santa+Clara,+CA444", label="Santa Clara 444"),
        ImportedNode(id="17", label=""),
        ImportedNode(id="3", label="7th Street"),
    ]

    assert list(router_names(nodes).values()) == [
        "ATLAng",
        "NewYork",
        "NewYork2",
        "SaoPaulo",
        "SantaClar444",
        "R17",
        "R7thStreet",
    ]


def test_missing_capacities_need_an_assumption() -> None:
    """None is made up: the operator says which."""
    topology = _topology(ImportedLink(a="A", b="B", capacity_bps=1e9), ImportedLink(a="B", b="C"))
    with pytest.raises(ConfigError, match=r"1 of 2 links have no capacity.*--capacity-gbps"):
        network_of(topology)
    planned = network_of(topology, capacity_bps=4e9)

    assert [link.capacity_gbps for link in planned.file.links] == [1, 4]
    assert "1 of 2 capacities are assumed: 4 Gbit/s" in planned.assumptions


@pytest.mark.parametrize(
    ("metrics", "capacities", "costs"),
    [
        ((7.5, 2.0), (1e9, 1e9), [15, 4]),
        ((10.0, 20.0), (1e9, 10e9), [10, 20]),
        ((None, 20.0), (1e9, 10e9), [100, 10]),
        ((None, None), (1e9, 1e9), [10, 10]),
        ((None, None), (1e6, 100e9), [65535, 10]),
        ((1e9, 0.001), (1e9, 1e9), [65535, 1]),
    ],
)
def test_costs_follow_the_rules(
    metrics: tuple[float | None, ...], capacities: tuple[float, ...], costs: list[int]
) -> None:
    """As given, else inverse to capacity, else alike; always what OSPF can carry."""
    links = (
        ImportedLink(a="A", b=far, metric=metric, capacity_bps=capacity)
        for far, metric, capacity in zip("BC", metrics, capacities, strict=True)
    )

    assert [link.cost for link in network_of(_topology(*links)).file.links] == costs


def test_parallel_links_are_told_apart_and_the_file_can_be_read_again(tmp_path: Path) -> None:
    """Whichever way round each of them was written."""
    topology = _topology(
        ImportedLink(a="A", b="B"), ImportedLink(a="B", b="A"), ImportedLink(a="A", b="B")
    )
    planned = network_of(topology, capacity_bps=1e9).file
    text = yaml.safe_dump(planned.model_dump(mode="json", exclude_defaults=True))

    assert [link.id for link in planned.links] == ["A-B", "B-A.2", "A-B.3"]
    assert parse_network(text, path=tmp_path / "x.yaml") == planned


def test_reflectors_lie_on_most_shortest_paths() -> None:
    """The hub of a star; two where the network is larger."""
    star = _topology(*(ImportedLink(a="hub", b=f"leaf{n}") for n in range(4)))
    chain = _topology(*(ImportedLink(a=f"r{n}", b=f"r{n + 1}") for n in range(8)))

    def reflectors(topology: ImportedTopology) -> list[str]:
        routers = network_of(topology, capacity_bps=1e9).file.routers
        return [router.name for router in routers if router.route_reflector]

    assert reflectors(star) == ["hub"]
    assert reflectors(chain) == ["r3", "r4"]


def test_tenth_parallel_link_and_too_many_routers_are_refused() -> None:
    """Interface names and address blocks have an end."""
    many = _topology(*(ImportedLink(a="A", b="B") for _ in range(10)))
    with pytest.raises(ConfigError, match="less than or equal to 9"):
        network_of(many, capacity_bps=1e9)
    huge = _topology(*(ImportedLink(a=f"r{n}", b=f"r{n + 1}") for n in range(5000)))
    with pytest.raises(ConfigError, match="more than a network file is made for"):
        network_of(huge, capacity_bps=1e9)
