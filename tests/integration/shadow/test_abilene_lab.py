"""The demo's network as a lab: the whole of it once, and its reviewed configurations in FRR."""

import subprocess
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.network_file import parse_network
from shadow.emulation.design import design
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]


@pytest.fixture(scope="module")
def abilene(repository: Path) -> LabSpec:
    """The lab of the demo's network file."""
    path = repository / "console" / "networks" / "abilene.yaml"
    return design(parse_network(path.read_text(), path=path))[1]


def test_every_golden_configuration_loads_in_a_real_frr(repository: Path) -> None:
    """Vtysh accepts every line of every reviewed file."""
    files = sorted((repository / "tests" / "golden" / "abilene").glob("*.conf"))
    checks = {
        path.stem: subprocess.run(
            ["vtysh", "-C", "-f", path], capture_output=True, text=True, check=False
        )
        for path in files
    }

    assert len(files) == 14
    assert {name: it.stdout + it.stderr for name, it in checks.items() if it.returncode} == {}


def test_the_whole_network_comes_up(run: Run, abilene: LabSpec) -> None:
    """Twelve routers, two peers, fifteen links: 30 full adjacencies, 18 prefixes in every FIB."""
    with NetnsLab(abilene, run_id=run.run_id, name="abilene") as lab:
        lab.up(within_s=60)

        adjacencies = [it for them in lab.adjacencies().values() for it in them]
        assert len([it for it in adjacencies if it.state == "Full"]) == 30
        assert all(
            wanted <= {entry.prefix for entry in lab.fib(node)}
            for node, wanted in abilene.everywhere().items()
        )
        assert eventually(lambda: lab.disagreements() == (), within_s=20)
