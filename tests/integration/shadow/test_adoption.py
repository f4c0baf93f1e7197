"""A lab whose owner was killed is taken over by another process, as it is."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.topology import LinkId, NodeId, Prefix
from frr.configuration import Daemon
from frr.vty import RUN_DIR
from shadow.emulation import namespaces
from shadow.emulation.emulator import DaemonState
from shadow.emulation.lab import LabSpec, LinkShape
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_NE, _SW = NodeId("NE"), NodeId("SW")
_CUT, _SILENT, _SHAPED = LinkId("NE-SE"), LinkId("SE-SW"), LinkId("NW-NE")
_SHAPE = LinkShape(rate_bps=50e6)
_OWNER = """
import os, signal, sys
from pathlib import Path
from foreshadow.network_file import parse_network
from frr.configuration import Daemon
from shadow.emulation.design import design
from shadow.emulation.lab import LinkShape
from shadow.emulation.netns import NetnsLab
path = Path(sys.argv[1])
spec = design(parse_network(path.read_text(), path=path))[1]
lab = NetnsLab(spec, run_id=sys.argv[2], name="orphan")
lab.up(within_s=60)
lab.shape_link("NW-NE", LinkShape(rate_bps=50e6))
lab.silence_link("SE-SW", True)
lab.set_link("NE-SE", False)
lab.freeze("SW")
lab.kill_daemons("NE", [Daemon.OSPFD])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def orphan(run: Run, repository: Path) -> str:
    """The run of a lab in the middle of a drill, whose owner was killed with -9."""
    network = repository / "tests" / "networks" / "square.yaml"
    owner = subprocess.run(
        [sys.executable, "-c", _OWNER, str(network), run.run_id], cwd=repository, check=False
    )
    assert owner.returncode == -9
    return run.run_id


def test_what_was_broken_is_known_and_can_be_mended(orphan: str, square_spec: LabSpec) -> None:
    """Cut, silent, shaped, frozen, dead: each is seen as it is, and taken back from outside."""
    with NetnsLab.adopted(run_id=orphan, name="orphan") as lab:
        assert not lab.spec.link(_CUT).is_up
        assert lab.spec.link(_SILENT).is_silent
        assert lab.spec.link(_SHAPED).shape == _SHAPE
        assert set(lab.daemons(_SW).values()) == {DaemonState.FROZEN}
        assert lab.daemons(_NE)[Daemon.OSPFD] is DaemonState.DEAD

        lab.thaw(_SW)
        lab.start_daemons(_NE)
        lab.set_link(_CUT, is_up=True)
        lab.silence_link(_SILENT, is_silent=False)
        lab.shape_link(_SHAPED, LinkShape())

        assert lab.spec == square_spec
        wanted = lab.spec.everywhere()
        assert eventually(lambda: _holds(lab, wanted), within_s=40)
        assert eventually(lambda: lab.disagreements() == (), within_s=20)

    assert namespaces.names(f"{orphan}-") == ()
    assert lab.pids() == ()


def _holds(lab: NetnsLab, wanted: Mapping[NodeId, frozenset[Prefix]]) -> bool:
    fibs = lab.fibs()
    return all(prefixes <= {it.prefix for it in fibs[node]} for node, prefixes in wanted.items())


def test_a_lab_that_is_not_there_cannot_be_taken_over(run: Run) -> None:
    """One sentence, no traceback."""
    with pytest.raises(ConfigError, match=r"there is no lab .*-nowhere to take over"):
        NetnsLab.adopted(run_id=run.run_id, name="nowhere")


def test_a_second_lab_of_the_same_name_is_refused_and_the_first_one_lives(
    orphan: str, square_spec: LabSpec
) -> None:
    """Whoever finds a lab there does not take it down by mistake."""
    second = NetnsLab(square_spec, run_id=orphan, name="orphan")
    with pytest.raises(EmulationFailed, match="is there already"):
        second.up(within_s=60)

    assert len(namespaces.names(f"{orphan}-")) == len(square_spec.nodes)
    assert (RUN_DIR / f"{orphan}-orphan-NE").is_dir()
