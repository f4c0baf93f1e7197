"""What a running router knows of its network is the network it was designed from."""

import pytest

from console.ownership import Run
from foreshadow.network_file import NetworkFile
from foreshadow.routing_design import Igp
from frr.vty import RUN_DIR
from ingest.topologies.lsdb import read_router
from ingest.topologies.network import network_of
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab

pytestmark = [pytest.mark.netns, pytest.mark.slow]


@pytest.mark.parametrize("igp", [Igp.OSPF, Igp.ISIS])
def test_database_of_one_router_gives_the_whole_network(
    session_run: Run, square: NetworkFile, igp: Igp
) -> None:
    """Routers, links and metrics; by pathspace and by the folder of its sockets."""
    network = square.model_copy(update={"igp": igp})
    with NetnsLab(design(network)[1], run_id=session_run.run_id, name=f"lsdb{igp}") as lab:
        lab.up(within_s=60)
        place = lab.pathspace("SE")
        topology = read_router(place)
        assert read_router(str(RUN_DIR / place)) == topology

    names = {str(it.loopback): it.name for it in network.routers}
    names |= {node.id: node.label for node in topology.nodes if node.label}
    found = {(frozenset((names[it.a], names[it.b])), it.metric) for it in topology.links}
    assert found == {(frozenset((it.a, it.b)), it.cost) for it in network.links}
    assert topology.format == f"lsdb-{igp}"
    assert len(network_of(topology, capacity_bps=1e9).file.routers) == 4
