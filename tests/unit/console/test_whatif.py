"""`foreshadow whatif`, as a shell sees it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from console.cli import app
from foreshadow.errors import ConfigError
from scenarios.failures.warm_up import warm_up
from tests.planned_network import MATRICES
from tests.production_state import ABILENE

TABLE = "topologies/abilene_zhang_12n30l.tsv"
GRAPH = """NODES 3
label x y
0_Rome 12.5 41.9
1_Oslo 10.7 59.9
2_Bern 7.4 46.9

EDGES 6
label src dest weight bw delay
edge_0 0 1 10 1000000 1913
edge_1 1 0 10 1000000 1913
edge_2 1 2 10 1000000 1913
edge_3 2 1 10 1000000 1913
edge_4 2 0 10 500000 1913
edge_5 0 2 10 500000 1913
"""
DEMANDS = "DEMANDS 2\nlabel src dest bw\nd0 0 1 600000\nd1 1 2 100000\n"


@pytest.fixture(scope="module", autouse=True)
def _kernel() -> None:
    """The kernel compiled, once."""
    warm_up()


@pytest.fixture
def small(tmp_path: Path) -> tuple[str, str]:
    """A triangle and its traffic, both in Repetita's form."""
    graph, demands = tmp_path / "small.graph", tmp_path / "small.demands"
    graph.write_text(GRAPH)
    demands.write_text(DEMANDS)
    return str(graph), str(demands)


def ask(topology: object, demand: object, *options: str) -> Result:
    """The command, run."""
    return CliRunner().invoke(app, ["whatif", str(topology), "--demand", str(demand), *options])


def found(topology: object, demand: object, *options: str) -> Any:
    """Its answer as a program reads it."""
    result = ask(topology, demand, *options, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def worst(row: Any) -> tuple[str, float]:
    """The fullest link and its load in percent."""
    return row["at"][-1]["worst_link"], round(100 * row["at"][-1]["worst_ratio"], 2)


def test_one_cut_moves_traffic_and_says_how_much(small: tuple[str, str]) -> None:
    """600 Mbit/s from Rome to Oslo go over Bern, and 100 more than Rome-Bern can carry."""
    answer = found(*small, "--cut", "Rome-Oslo")
    at = answer["failure"]["at"][-1]

    assert worst(answer["without_failure"]) == ("Rome->Oslo", 60.0)
    assert worst(answer["failure"]) == ("Rome->Bern", 120.0)
    assert (at["over_bps"], at["lost_bps"], at["cost_bps"]) == pytest.approx((1e8, 0, 1e8))
    assert [it["link"] for it in answer["links"] if it["is_cut"]] == ["Rome->Oslo", "Oslo->Rome"]


def test_all_failures_of_a_kind_are_ranked_by_cost(small: tuple[str, str]) -> None:
    """Two links that leave Oslo alone cost all its traffic; a router's death costs its own."""
    pairs = found(*small, "--all", "n-2")["ranking"]
    nodes = found(*small, "--all", "nodes", "--top", "1")

    assert [row["at"][-1]["cost_bps"] for row in pairs] == pytest.approx([7e8, 6e8, 1e8])
    assert [row["failure"] for row in nodes["ranking"]] == ["Oslo"]
    assert nodes["tried"] == 3


def test_answers_are_written_as_csv_and_pictures(small: tuple[str, str], tmp_path: Path) -> None:
    """A row a failure; PNG and SVG by their own names; the same without a ranking."""
    rows, links = tmp_path / "rows.csv", tmp_path / "links.csv"
    png, svg = tmp_path / "net.png", tmp_path / "net.svg"
    drawn = ask(*small, "--all", "n-1", "--csv", str(rows), "--png", str(png), "--svg", str(svg))
    told = ask(*small, "--node", "Bern", "--csv", str(links))

    assert (drawn.exit_code, told.exit_code) == (0, 0)
    with rows.open() as file:
        assert next(csv.DictReader(file))["failure"] == "Rome-Oslo"
    with links.open() as file:
        assert sum(int(row["is_cut"]) for row in csv.DictReader(file)) == 4
    assert png.read_bytes().startswith(b"\x89PNG")
    assert "<svg" in svg.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--cut", "Rome-Paris"), "no such link; there are Rome-Oslo"),
        (("--node", "Paris"), "no such router; there are Bern, Oslo, Rome"),
        (("--srlg", "duct"), "no such risk group; there are none in this network"),
        (("--all", "n-3"), "there are n-1, n-2, nodes, srlgs"),
        (("--all", "n-1", "--cut", "Rome-Oslo"), "leave out --cut"),
        (("--at", "noon"), "neither a time"),
        (("--at", "2004-03-01T00:00"), "has no interval 2004-03-01 00:00"),
    ],
)
def test_what_cannot_be_asked_is_said(
    small: tuple[str, str], options: tuple[str, ...], said: str
) -> None:
    """One sentence with the remedy, no traceback."""
    result = ask(*small, *options)

    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no traffic matrix"),
        ("DEMANDS 1\nlabel src dest bw\nd0 0 9 5\n", "'#9', which the topology does not have"),
        ("DEMANDS 1\nlabel src dest bw\nd0 0 x 5\n", "expected `label src dest bw`"),
        ("DEMANDS 0\nlabel src dest bw\n", "holds no demand"),
        ("timestamp_utc,Rome->Paris\n2004-03-01 00:00:00,1\n", "'Paris', which the topology"),
        ("<network/>", "holds no demand"),
        ("<network", "not valid XML"),
    ],
)
def test_traffic_that_cannot_be_read_is_said(
    small: tuple[str, str], tmp_path: Path, content: str, said: str
) -> None:
    """The file and the reason."""
    traffic = tmp_path / "wrong"
    traffic.write_text(content)
    result = ask(small[0], traffic)

    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)


def test_the_demos_network_and_profile_can_be_asked() -> None:
    """Peers with two exits, a profile for traffic, several demands at once."""
    profile = ABILENE.with_name("abilene_profile.yaml")
    answer = found(
        ABILENE, profile, "--at", "P50", "--at", "P99", "--cut", "CHINng-NYCMng", "--growth", "2.5"
    )

    assert [at["demand"] for at in answer["failure"]["at"]] == ["P50", "P99"]
    assert worst(answer["failure"])[0] == "ATLAng->IPLSng"


@pytest.mark.shared_data
def test_the_published_peak_and_the_one_cut_that_hurts(shared_data: Path) -> None:
    """32.09 % on CHINng->IPLSng; IPLSng-KSCYng gives 113.5 %, no other single cut above 36 %."""
    answer = found(
        shared_data / TABLE, shared_data / MATRICES, "--at", "2004-03-02 01:35", "--all", "n-1"
    )
    first, *others = sorted(answer["ranking"], key=lambda row: -worst(row)[1])

    assert worst(answer["without_failure"]) == ("CHINng->IPLSng", 32.09)
    assert (first["failure"], worst(first)[0]) == ("IPLSng-KSCYng", "IPLSng->ATLAng")
    assert worst(first)[1] == pytest.approx(113.5, abs=0.06)
    assert max(worst(row)[1] for row in others) < 36


@pytest.mark.shared_data
def test_the_reference_drill_is_found_in_the_house_network(shared_data: Path) -> None:
    """Demand x 2.5: 101.1 % for CHINng-NYCMng, 85.3 and 72.6 % next, 24.4 % without failure."""
    answer = found(
        ABILENE,
        shared_data / MATRICES,
        *("--growth", "2.5", "--at", "2004-03-11T20:10", "--all", "n-1", "--limit", "0.85"),
    )
    loads = {row["failure"]: worst(row) for row in answer["ranking"]}

    assert worst(answer["without_failure"])[1] == pytest.approx(24.4, abs=0.06)
    assert answer["ranking"][0]["failure"] == "CHINng-NYCMng"
    for failure, link, load in (
        ("CHINng-NYCMng", "ATLAng->IPLSng", 101.1),
        ("NYCMng-WASHng", "ATLAng->IPLSng", 85.3),
        ("CHINng-IPLSng", "IPLSng->ATLAng", 72.6),
    ):
        assert loads[failure][0] == link
        assert loads[failure][1] == pytest.approx(load, abs=0.06)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("topology", "traffic"),
    [
        ("topologies/sndlib/abilene.xml", "traffic/sndlib_xml_sample"),
        ("topologies/repetita-zoo/Sprint.graph", "topologies/repetita-zoo/Sprint.0000.demands"),
        ("topologies/sndlib/nobel-germany.xml", "topologies/sndlib/nobel-germany.xml"),
        ("topologies/sndlib/janos-us.xml", "topologies/sndlib/janos-us.xml"),
    ],
)
def test_published_networks_take_their_own_traffic(
    shared_data: Path, topology: str, traffic: str
) -> None:
    """SNDlib's XML holds both; Repetita numbers the routers of its demands."""
    demand = shared_data / traffic
    if demand.is_dir():
        demand = min(demand.iterdir())
    answer = found(
        shared_data / topology, demand, "--all", "n-1", "--capacity-gbps", "10", "--top", "3"
    )

    assert answer["tried"] > 10
    assert len(answer["ranking"]) == 3
