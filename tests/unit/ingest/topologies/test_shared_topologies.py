"""Every topology file of the public data, counted here by other means than the readers'."""

import re
from collections import Counter
from pathlib import Path

import pytest

from ingest.topologies.network import network_of
from ingest.topologies.reading import read_topology

pytestmark = pytest.mark.shared_data

_ROOT = "topologies"


def _files(shared_data: Path) -> list[Path]:
    kinds = ("*.graphml", "*.xml", "*.graph")
    return sorted(path for kind in kinds for path in (shared_data / _ROOT).rglob(kind))


def _counted(path: Path) -> tuple[int, int]:
    """Nodes and links by counting elements or lines."""
    text = path.read_text(encoding="latin-1")
    match path.suffix:
        case ".graphml":
            return len(re.findall(r"<node ", text)), len(re.findall(r"<edge ", text))
        case ".xml":
            sources = re.findall(r"<source>([^<]+)</source>\s*<target>([^<]+)</target>", text)
            structure = text.partition("<demands")[0]
            links = sources[: structure.count("<link ")]
            mirrored = {(b, a) for a, b in links} == set(links)
            return structure.count("<node "), len(links) // (2 if mirrored else 1)
        case _:
            return _count_graph(text)


def _count_graph(text: str) -> tuple[int, int]:
    nodes, _, edges = text.partition("\nEDGES")
    pairs = [line.split()[1:3] for line in edges.splitlines()[2:] if line.strip()]
    ways = Counter(map(tuple, pairs))
    links = sum(max(count, ways[b, a]) for (a, b), count in ways.items() if int(a) < int(b))
    return len([line for line in nodes.splitlines()[2:] if line.strip()]), links


def test_all_43_files_are_there(shared_data: Path) -> None:
    """An empty folder would make the next test a promise about nothing."""
    assert len(_files(shared_data)) == 43


def test_every_file_imports_with_its_nodes_and_links(shared_data: Path) -> None:
    """All of them are in one piece, so none may be refused and no link may be lost."""
    read = {path.name: read_topology(path) for path in _files(shared_data)}
    found = {name: (len(it.nodes), len(it.links)) for name, it in read.items()}

    assert found == {path.name: _counted(path) for path in _files(shared_data)}


def test_every_file_becomes_a_network_file(shared_data: Path) -> None:
    """With legal unique names, a capacity and a cost for every link, parallel ones apart."""
    for path in _files(shared_data):
        topology = read_topology(path)
        planned = network_of(topology, capacity_bps=10e9).file

        assert len({router.name for router in planned.routers}) == len(topology.nodes), path.name
        assert len({link.id for link in planned.links}) == len(topology.links), path.name
        interfaces = {
            (near, link.interface_to(far))
            for link in planned.links
            for near, far in ((link.a, link.b), (link.b, link.a))
        }
        assert len(interfaces) == 2 * len(topology.links), path.name
        assert all(len(name) <= 15 for _, name in interfaces), path.name


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("topology-zoo/SwitchL3.graphml", 63),
        ("topology-zoo/Garr201201.graphml", 77),
        ("topology-zoo/Abilene.graphml", 0),
        ("sndlib/abilene.xml", 15),
        ("sndlib/atlanta.xml", 19),
        ("sndlib/france.xml", 0),
        ("repetita-zoo/Garr201201.graph", 89),
    ],
)
def test_capacities_are_those_the_file_gives(shared_data: Path, name: str, known: int) -> None:
    """And none is made up where it gives none (counts from the data's own description)."""
    assert len(read_topology(shared_data / _ROOT / name).capacities()) == known


def test_abilene_reads_the_same_from_three_sources(shared_data: Path) -> None:
    """SNDlib and TopoHub list the same twelve routers and fifteen links; SNDlib has capacities."""
    folder = shared_data / _ROOT
    sndlib = read_topology(folder / "sndlib" / "abilene.xml")
    topohub = read_topology(folder / "topohub" / "sndlib-abilene.json")
    labels = {node.id: node.label for node in topohub.nodes}

    assert {frozenset((it.a, it.b)) for it in sndlib.links} == {
        frozenset((labels[it.a], labels[it.b])) for it in topohub.links
    }
    assert sorted(set(sndlib.capacities())) == [2.48e9, 9.92e9]


def test_rocketfuel_pairs_weights_and_latencies(shared_data: Path) -> None:
    """Whichever of the two files is named, and as Repetita has the same map."""
    folder = shared_data / _ROOT / "rocketfuel"
    for asn in ("1755", "3967"):
        weights = read_topology(folder / f"{asn}.weights.intra")
        latencies = read_topology(folder / f"{asn}.latencies.intra")
        repetita = read_topology(folder / f"rf{asn}_real_hard.graph")

        assert set(weights.links) == set(latencies.links)
        assert all(it.metric and it.delay_s is not None for it in weights.links)
        assert len(weights.links) == len(repetita.links)


def test_containerlab_files_of_others_import(shared_data: Path) -> None:
    """Other vendors' kinds are routers too: a topology does not run them."""
    folder = shared_data / "configs"
    counts = {
        path.name: (len(it.nodes), len(it.links))
        for path in folder.rglob("*.clab.yml")
        for it in [read_topology(path)]
    }

    assert counts == {
        "clos02.clab.yml": (14, 16),
        "setup.clos02.clab.yml": (14, 16),
        "frr01.clab.yml": (6, 6),
        "srlfrr01.clab.yml": (2, 1),
        "topology.clab.yml": (2, 1),
    }
