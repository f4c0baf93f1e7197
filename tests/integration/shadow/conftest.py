"""Labs for tests of the emulation; each belongs to a run, which is removed with all it made."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.network_file import NetworkFile, parse_network
from shadow.emulation.design import design
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab


@pytest.fixture(scope="session")
def square(repository: Path) -> NetworkFile:
    """Four routers in a ring and a peer network at two of them."""
    path = repository / "tests" / "networks" / "square.yaml"
    return parse_network(path.read_text(), path=path)


@pytest.fixture(scope="session")
def square_spec(square: NetworkFile) -> LabSpec:
    """The lab of that network."""
    return design(square)[1]


@pytest.fixture(scope="module")
def lab(
    session_run: Run, square_spec: LabSpec, request: pytest.FixtureRequest
) -> Iterator[NetnsLab]:
    """A lab that is up, shared by a module whose tests leave it as they found it."""
    name = request.module.__name__.rpartition("test_")[2][:8].replace("_", "")
    with NetnsLab(square_spec, run_id=session_run.run_id, name=name) as lab:
        lab.up(within_s=60)
        yield lab
