"""A router's link-state database as a topology."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from frr.lsdb import Lsdb, LsdbLink, LsdbRouter
from ingest.topologies.lsdb import from_databases, read_router


def _router(name: str, *links: tuple[str, int], is_network: bool = False) -> LsdbRouter:
    ways = tuple(LsdbLink(neighbor=neighbor, metric=metric) for neighbor, metric in links)
    return LsdbRouter(id=name, name=name, links=ways, is_network=is_network)


def test_ospf_areas_are_put_together() -> None:
    """Parallel links stay apart, those of several areas are several links."""
    backbone = (
        _router("1.1.1.1", ("2.2.2.2", 10), ("2.2.2.2", 20)),
        _router("2.2.2.2", ("1.1.1.1", 10), ("1.1.1.1", 20)),
    )
    stub = (_router("2.2.2.2", ("3.3.3.3", 5)), _router("3.3.3.3", ("2.2.2.2", 5)))
    topology = from_databases(
        (
            Lsdb(protocol="ospf", area="0.0.0.0", routers=backbone),
            Lsdb(protocol="ospf", area="0.0.0.1", routers=stub),
        ),
        name="x",
    )

    assert [node.id for node in topology.nodes] == ["1.1.1.1", "2.2.2.2", "3.3.3.3"]
    assert [(it.a, it.b, it.metric) for it in topology.links] == [
        ("1.1.1.1", "2.2.2.2", 10),
        ("1.1.1.1", "2.2.2.2", 20),
        ("2.2.2.2", "3.3.3.3", 5),
    ]


def test_link_of_both_isis_levels_is_one_link() -> None:
    """It stands in both databases."""
    routers = (_router("A", ("B", 10)), _router("B", ("A", 10)))
    levels = (Lsdb(protocol="isis", area=level, routers=routers) for level in "12")

    assert len(from_databases(levels, name="x").links) == 1


def test_broadcast_network_joins_its_routers() -> None:
    """At the metric each of them has to it."""
    routers = (
        _router("A", ("A.01", 10)),
        _router("B", ("A.01", 10)),
        _router("C", ("A.01", 10)),
        _router("A.01", ("A", 0), ("B", 0), ("C", 0), is_network=True),
    )
    database = Lsdb(protocol="isis", area="2", routers=routers)
    topology = from_databases((database,), name="x")

    assert len(topology.nodes) == 3
    assert {frozenset((it.a, it.b)) for it in topology.links} == {
        frozenset("AB"),
        frozenset("AC"),
        frozenset("BC"),
    }
    assert "1 broadcast networks" in topology.warnings[0]


def test_router_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    """No traceback of a socket's."""
    with pytest.raises(ConfigError, match="no router runs as 'nowhere'"):
        read_router("nowhere", run_dir=tmp_path)
    (tmp_path / "dead").mkdir()
    (tmp_path / "dead" / "ospfd.vty").touch()
    with pytest.raises(ConfigError, match="no link-state database could be read"):
        read_router("dead", run_dir=tmp_path)
