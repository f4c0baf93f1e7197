"""Two little networks of real routers for the whole session: production behind SSH, and a bench."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.inventory import parse_inventory
from foreshadow.network_file import parse_network
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from shadow.emulation.production import ProductionLab
from tests.integration.rollout.ring import BORDER, Ring


@pytest.fixture(scope="session")
def ring(session_run: Run) -> Iterator[Ring]:
    """Production and bench, up for the session; every test leaves production as it was."""
    path = Path(__file__).with_name("ring.yaml")
    network = parse_network(path.read_text(), path=path)
    topology, spec = design(network)
    far = next(link.b for link in topology.links if link.is_external and link.a.node == BORDER)
    directory = session_run.directory / "ring"
    with (
        ProductionLab(
            spec, run_id=session_run.run_id, network="ring", directory=directory
        ) as production,
        NetnsLab(spec, run_id=session_run.run_id, name="bench") as bench,
    ):
        for lab in (production, bench):
            lab.up(within_s=30)
            # Every prefix is in every FIB; that each router prefers the same exit comes after it.
            lab.wait_settled(quiet_s=2.0, within_s=20)
        text = production.inventory.read_text()
        yield Ring(
            network=network,
            production=production,
            bench=bench,
            inventory=parse_inventory(text, path=production.inventory),
            peer=far.address,
        )
