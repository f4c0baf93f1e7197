"""Files that are read, and why others are not."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from ingest.topologies.reading import read_topology

GRAPHML = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="label" attr.type="string" for="node" id="d1" />
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="d2" />
  <key attr.name="Latitude" attr.type="double" for="node" id="d3" />
  <key attr.name="Longitude" attr.type="double" for="node" id="d4" />
  <graph edgedefault="undirected">
    <node id="0"><data key="d1">Rome</data><data key="d3">41.9</data>
      <data key="d4">12.5</data></node>
    <node id="1"><data key="d1">Rome</data></node>
    <node id="2"><data key="d1">None</data></node>
    <edge source="0" target="1"><data key="d2">10000000000.0</data></edge>
    <edge source="0" target="1" />
    <edge source="1" target="2" />
  </graph>
</graphml>
"""
SNDLIB = """<?xml version="1.0"?>
<network xmlns="http://sndlib.zib.de/network" version="1.0">
 <meta><unit>MBITPERSEC</unit></meta>
 <networkStructure>
  <nodes coordinatesType="geographical">
   <node id="A"><coordinates><x>9.1</x><y>48.4</y></coordinates></node>
   <node id="B"><coordinates><x>11.3</x><y>48.0</y></coordinates></node>
  </nodes>
  <links>
   <link id="L1"><source>A</source><target>B</target>
    <preInstalledModule><capacity>2480.0</capacity><cost>0.0</cost></preInstalledModule></link>
  </links>
 </networkStructure>
</network>
"""
GRAPH = """NODES 3
label x y
0_New_York -74.0 40.7
1_Chicago -87.6 41.8
2_None 0 0

EDGES 6
label src dest weight bw delay
edge_0 0 1 10 9953280 1913
edge_1 1 0 10 9953280 1913
edge_2 0 1 20 1000000 1913
edge_3 1 0 20 1000000 1913
edge_4 1 2 7 1000000 5
edge_5 2 1 7 1000000 5
"""
INTRA = "Rome,+IT1 Rome,+IT2 7.5\nRome,+IT2 Rome,+IT1 7.5\n"
TEAVAR = "to_node from_node capacity prob_failure\n2 1 5000000 .004\n1 2 5000000 .004\n"
TOPOHUB = """{"graph": {"name": "x"}, "nodes": [
 {"pos": [10.4, 55.4], "name": "Odense", "id": 7},
 {"pos": [9.9, 57.0], "name": "Aalborg", "id": 8}],
 "edges": [{"source": 7, "target": 8, "dist": 200.0}]}
"""
CLAB = """name: two
topology:
  nodes:
    r1: {kind: linux}
    r2: {kind: nokia_srlinux}
    br: {kind: bridge}
  links:
    - endpoints: ["r1:eth1", "r2:e1-1"]
    - type: veth
      endpoints:
        - {node: r1, interface: eth2}
        - {node: r2, interface: e1-2}
    - endpoints: ["r1:eth3", "br:eth1"]
    - endpoints: ["r1:eth4", "host:x"]
"""


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_graphml_keeps_parallel_links_places_and_speeds(tmp_path: Path) -> None:
    """Ids are text, labels not unique, `None` is no label, most speeds are not known."""
    topology = read_topology(_written(tmp_path, "x.graphml", GRAPHML))

    assert [(it.id, it.label) for it in topology.nodes] == [("0", "Rome"), ("1", "Rome"), ("2", "")]
    assert (topology.nodes[0].latitude, topology.nodes[0].longitude) == (41.9, 12.5)
    assert [(it.a, it.b, it.capacity_bps) for it in topology.links] == [
        ("0", "1", 10e9),
        ("0", "1", None),
        ("1", "2", None),
    ]


def test_sndlib_takes_what_is_installed(tmp_path: Path) -> None:
    """In the unit the file names."""
    topology = read_topology(_written(tmp_path, "x.xml", SNDLIB))

    assert topology.links[0].capacity_bps == 2.48e9
    assert (topology.nodes[0].latitude, topology.nodes[0].longitude) == (48.4, 9.1)


def test_sndlib_links_in_both_directions_are_one_link(tmp_path: Path) -> None:
    """Some instances list directions; a second link the same way is a parallel one."""
    link = SNDLIB[SNDLIB.index("   <link id") : SNDLIB.index("  </links>")]
    back = link.replace("<source>A", "<source>B").replace("<target>B", "<target>A")
    both = read_topology(_written(tmp_path, "x.xml", SNDLIB.replace(link, link + back)))
    twice = read_topology(_written(tmp_path, "y.xml", SNDLIB.replace(link, link + link)))

    assert (len(both.links), len(twice.links)) == (1, 2)


def test_repetita_pairs_directions_and_converts_units(tmp_path: Path) -> None:
    """kbit/s and microseconds; parallel links keep their own weight; 0 0 is no place."""
    topology = read_topology(_written(tmp_path, "x.graph", GRAPH))

    assert [(it.label, it.latitude) for it in topology.nodes] == [
        ("New York", 40.7),
        ("Chicago", 41.8),
        ("", None),
    ]
    assert [(it.metric, it.capacity_bps) for it in topology.links] == [
        (10, 9.95328e9),
        (20, 1e9),
        (7, 1e9),
    ]
    assert topology.links[0].delay_s == pytest.approx(1913e-6)


def test_one_way_links_and_unlike_directions_are_told(tmp_path: Path) -> None:
    """A network file knows one cost for both ways, so what is lost is said."""
    lost = GRAPH.replace("edge_5 2 1 7", "edge_5 1 2 9").replace("edge_1 1 0 10", "edge_1 1 0 11")
    topology = read_topology(_written(tmp_path, "x.graph", lost))

    assert "2 links are listed one way only" in topology.warnings[1]
    assert "1 links differ in their two directions" in topology.warnings[2]


def test_rocketfuel_teavar_and_topohub(tmp_path: Path) -> None:
    """The smaller formats, with the units they do not state."""
    rocketfuel = read_topology(_written(tmp_path, "7.weights.intra", INTRA))
    teavar = read_topology(_written(tmp_path, "topology.txt", TEAVAR))
    topohub = read_topology(_written(tmp_path, "x.json", TOPOHUB))

    assert [node.label for node in rocketfuel.nodes] == ["Rome 1", "Rome 2"]
    assert [link.metric for link in rocketfuel.links] == [7.5]
    assert teavar.capacities() == (5e9,)
    assert topohub.links[0].delay_s == pytest.approx(1e-3)


def test_containerlab_takes_cables_between_nodes(tmp_path: Path) -> None:
    """In both forms; bridges and the host are no routers, and that is said."""
    topology = read_topology(_written(tmp_path, "two.clab.yml", CLAB))

    assert [node.id for node in topology.nodes] == ["r1", "r2"]
    assert [(link.a, link.b) for link in topology.links] == [("r1", "r2"), ("r1", "r2")]
    assert "br" in topology.warnings[0]
    assert "2 links do not join two routers" in topology.warnings[1]


def test_our_own_file_is_a_topology_too(repository: Path) -> None:
    """Its peers are other people's."""
    topology = read_topology(repository / "tests" / "networks" / "square.yaml")

    assert (topology.format, len(topology.nodes), len(topology.links)) == ("foreshadow", 4, 4)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("x.graphml", "", "x.graphml: the file is empty"),
        ("x.txt", "hello", "unknown format"),
        ("x.graphml", "<graphml", r"x\.graphml:1:\d+: not valid XML: it ends too early"),
        ("x.yaml", "- 1", r"x\.yaml:1:1: expected fields, each as `name: value`"),
        ("x.graphml", "<html/>", "not a topology: the root element is html"),
        ("x.graphml", GRAPHML.replace('id="1"', 'id="0"'), r":10: the node id '0' is there twice"),
        (
            "x.graphml",
            GRAPHML.replace('target="2"', 'target="9"'),
            ":14: an edge names the node '9'",
        ),
        ("x.graphml", GRAPHML.replace("10000000000.0", "-5"), "LinkSpeedRaw of 0 - 1 is -5"),
        ("x.graphml", GRAPHML.replace("10000000000.0", "fast"), "not valid GraphML"),
        (
            "x.graphml",
            GRAPHML.replace('    <edge source="1" target="2" />\n', ""),
            r"falls into 2 islands; no link joins 2 to the 2 routers around 0 \(Rome\)",
        ),
        ("x.xml", "<network/>", "not a topology"),
        ("x.xml", SNDLIB.replace('id="B"', 'id="A"'), ":7: the node id 'A' is there twice"),
        ("x.xml", SNDLIB.replace("<target>B", "<target>C"), "link L1 names the node 'C'"),
        ("x.xml", SNDLIB.replace("2480.0", "-1"), "capacity of link L1 is -1"),
        ("x.graph", GRAPH.replace("NODES 3", "NODES three"), ":1: expected `NODES <count>`"),
        (
            "x.graph",
            GRAPH.replace("edge_4 1 2 7 1000000", "edge_4 1 2 7 -4"),
            ":13: the bandwidth of",
        ),
        (
            "x.graph",
            GRAPH.replace("edge_4 1 2", "edge_4 1 8"),
            ":13: 8 is no node; there are 0 to 2",
        ),
        ("x.graph", GRAPH.replace("EDGES 6", "EDGES 7"), "the file ends where an edge is expected"),
        ("x.graph", GRAPH.replace("EDGES 6", "EDGES 5"), ":14: more edges than the 5 announced"),
        ("x.graph", GRAPH.replace("1_Chicago", "0_New_York"), "two nodes have the same label"),
        ("7.weights.intra", "a b\n", ":1: expected `nodeA nodeB value`"),
        ("7.weights.intra", "a b nan\n", ":1: the weight is nan"),
        ("topology.txt", TEAVAR.replace("5000000", "0", 1), ":2: the capacity of 1 -> 2 is 0"),
        ("x.json", "{", r":1:\d+: not valid JSON"),
        ("x.json", "[]", "not a topology"),
        ("x.json", TOPOHUB.replace('"target": 8', '"target": 9'), "an edge names the node '9'"),
        ("x.clab.yml", CLAB.replace("r2:e1-1", "r3:e1-1"), "names the node 'r3'"),
        ("x.clab.yml", "name: x\n", "topology: is missing"),
        ("x.yaml", "version: 1\n", "x.yaml"),
    ],
)
def test_what_is_no_topology_is_refused_with_its_reason(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    """Where it is wrong and what is wrong, as the compiler of a language would say it."""
    with pytest.raises(ConfigError, match=says):
        read_topology(_written(tmp_path, name, text))


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    """A file from elsewhere can fill the memory with nine lines of entities."""
    bomb = '<!DOCTYPE graphml [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>\n<graphml>&b;</graphml>'

    with pytest.raises(ConfigError, match="XML with entities of its own is not read"):
        read_topology(_written(tmp_path, "x.graphml", bomb))


def test_files_that_are_not_there_or_no_files_are_refused(tmp_path: Path) -> None:
    """Likewise a format nobody knows."""
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_topology(tmp_path / "absent.graphml")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_topology(tmp_path)
    with pytest.raises(ConfigError, match="'dot' is no format; there are containerlab, graphml"):
        read_topology(_written(tmp_path, "x.graphml", GRAPHML), format_name="dot")


def test_links_to_oneself_are_left_out_and_a_lone_router_is_no_network(tmp_path: Path) -> None:
    """A map's drawing aids are no links."""
    looped = GRAPHML.replace("  </graph>", '    <edge source="0" target="0" />\n  </graph>')
    topology = read_topology(_written(tmp_path, "x.graphml", looped))
    assert len(topology.links) == 3
    assert "1 links lead from a router to itself" in topology.warnings[-1]

    with pytest.raises(ConfigError, match="not a network: 2 routers and 0 links"):
        read_topology(_written(tmp_path, "7.weights.intra", "a a 1\nb b 1\n"))
