"""`foreshadow topology import`, as a shell sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.cli import app
from foreshadow.errors import ConfigError
from foreshadow.network_file import parse_network

GRAPH = """NODES 3
label x y
0_Rome 12.5 41.9
1_Oslo 10.7 59.9
2_Bern 7.4 46.9

EDGES 4
label src dest weight bw delay
edge_0 0 1 10 9953280 1913
edge_1 1 0 10 9953280 1913
edge_2 1 2 20 1000000 1913
edge_3 2 1 20 1000000 1913
"""


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A small Repetita file."""
    path = tmp_path / "small.graph"
    path.write_text(GRAPH)
    return path


def test_import_says_what_is_in_it(graph: Path) -> None:
    """Routers, links, diameter, capacities; nothing is written unasked."""
    result = CliRunner().invoke(app, ["topology", "import", str(graph)])

    assert result.exit_code == 0
    lines = [line.split(maxsplit=1) for line in result.stdout.splitlines()[1:]]
    assert lines == [
        ["routers", "3"],
        ["links", "2"],
        ["diameter", "2 links"],
        ["capacities", "1 to 9.95328 Gbit/s"],
    ]


def test_import_writes_a_network_file_and_json(graph: Path) -> None:
    """The file can be read by everything that reads network files."""
    output = graph.with_name("small.yaml")
    result = CliRunner().invoke(
        app, ["topology", "import", str(graph), "--output", str(output), "--name", "test", "--json"]
    )

    assert result.exit_code == 0
    assert json.loads(result.stdout)["links"] == 2
    network = parse_network(output.read_text(), path=output)
    assert network.name == "test"
    assert [(link.id, link.cost) for link in network.links] == [
        ("Rome-Oslo", 10),
        ("Oslo-Bern", 20),
    ]


@pytest.mark.parametrize(
    ("text", "output", "says"),
    [
        ("NODES", "x.yaml", "expected `NODES <count>`"),
        (GRAPH, "absent/x.yaml", "cannot be written: No such file or directory"),
        (GRAPH, ".", "is not a file that can be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    graph: Path, text: str, output: str, says: str
) -> None:
    """`console.cli.main` prints it and exits 2."""
    graph.write_text(text)
    wanted = ["topology", "import", str(graph), "--output", str(graph.parent / output)]
    result = CliRunner().invoke(app, wanted)

    assert isinstance(result.exception, ConfigError)
    assert says in str(result.exception)
