"""A lab large enough to begin calmly: up as others are, and no trace of the calm afterwards."""

from collections.abc import Iterator

import pytest

from benchmarks._grid import grid, igp_lab, loopbacks_everywhere
from console.ownership import Run
from foreshadow.topology import NodeId
from frr.configuration import fingerprint, startup
from frr.namespace import run_inside
from frr.vty import RUN_DIR
from shadow.emulation.calm_start import CROWD
from shadow.emulation.lab import LabSpec
from shadow.emulation.namespaces import NO_IPV6_SYSCTLS, SYSCTLS, read_sysctls
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_NETWORK = grid(CROWD)
_ONE = NodeId("R007")


@pytest.fixture(scope="module")
def lab(session_run: Run) -> Iterator[NetnsLab]:
    """As many routers as make a crowd, OSPF alone, every loopback in every table."""
    with NetnsLab(igp_lab(_NETWORK), run_id=session_run.run_id, name="crowd") as lab:
        lab.up(within_s=120, expected=loopbacks_everywhere(_NETWORK))
        yield lab


def test_every_router_runs_what_it_was_given(lab: NetnsLab) -> None:
    """Timers and room of the start are gone, from the routers and from what they boot with."""
    for node in lab.spec.nodes:
        running = lab.running_config(node.id)
        assert "timers throttle spf 10 50 1000" in running
        assert "dplane limit" not in running
        for daemon, text in startup(node.config).items():
            kept = RUN_DIR / lab.pathspace(node.id) / f"{daemon}.conf"
            assert kept.read_text() == text


def test_a_calm_start_leaves_no_trace(session_run: Run, lab: NetnsLab) -> None:
    """A router of the crowd runs what the same router runs that began as any other."""
    alone = LabSpec(nodes=(lab.spec.node(_ONE),), links=())
    with NetnsLab(alone, run_id=session_run.run_id, name="alone") as other:
        other.up(within_s=30, expected={})

        assert fingerprint(lab.running_config(_ONE)) == fingerprint(other.running_config(_ONE))


def test_every_adjacency_is_full_and_the_kernels_agree(lab: NetnsLab) -> None:
    """What is missing when the last loopback arrives comes at once."""
    links = len(_NETWORK.links)

    assert eventually(
        lambda: sum(it.is_full for them in lab.adjacencies().values() for it in them) == 2 * links,
        within_s=30,
    )
    assert eventually(lambda: lab.disagreements() == (), within_s=20)


def test_a_router_forwards_as_routers_do(lab: NetnsLab) -> None:
    """Each of the kernel's traps is closed in each namespace."""
    wanted = dict((*SYSCTLS, *NO_IPV6_SYSCTLS))

    found = run_inside(lab.pathspace(_ONE), lambda: read_sysctls(wanted))

    assert found == wanted
