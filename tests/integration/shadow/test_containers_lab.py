"""Labs of containers on the real engine: what the contract of every emulator does not ask."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.errors import EmulationFailed
from foreshadow.network_file import parse_network
from foreshadow.topology import NodeId, Prefix
from shadow.emulation.clab import SUFFIX, write_lab
from shadow.emulation.clab_deployment import ClabDeployment
from shadow.emulation.clab_file import read_lab
from shadow.emulation.clab_spec import spec_of
from shadow.emulation.cleanup import remove_run
from shadow.emulation.containers import ContainersLab
from shadow.emulation.design import design
from shadow.emulation.engine import Engine
from shadow.emulation.hosting import directory
from shadow.emulation.lab import LabSpec
from tests.eventually import eventually

pytestmark = [pytest.mark.containers, pytest.mark.slow]

_CONVERGES_S = 60.0
_HOST_SETTINGS = (
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv4/conf/all/forwarding",
    "/proc/sys/net/ipv6/conf/all/forwarding",
)


def _host() -> list[str]:
    """What of the host an engine is known to change: forwarding and the packet filter."""
    ruleset = subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True)
    return [*(Path(path).read_text() for path in _HOST_SETTINGS), ruleset.stdout]


def _ring(repository: Path) -> LabSpec:
    """The sample lab, as the shadow takes it."""
    return spec_of(read_lab(repository / "containerlab/samples/ring.clab.yml", environment={}))


@pytest.fixture(scope="module")
def lab(repository: Path, session_run: Run) -> Iterator[ContainersLab]:
    """Somebody's three routers, as a lab of the shadow in containers."""
    with ContainersLab(_ring(repository), run_id=session_run.run_id, name="ring") as lab:
        lab.up(within_s=_CONVERGES_S)
        yield lab


def test_a_lab_leaves_the_host_alone_and_goes_by_its_runs_id(repository: Path, run: Run) -> None:
    """The host neither forwards nor filters more; as after SIGKILL, the id is enough to clean."""
    before = _host()
    with ContainersLab(_ring(repository), run_id=run.run_id, name="ring") as lab:
        lab.up(within_s=_CONVERGES_S)
        names = Engine().names(run.run_id)
        record = directory(f"{run.run_id}-ring.clab") / f"{run.run_id}-ring{SUFFIX}"
        described = read_lab(record, environment={})
        removed = remove_run(run.run_id)

    assert names == tuple(f"{run.run_id}-ring-r{it}" for it in (1, 2, 3))
    assert tuple(described.container(node.name) for node in described.nodes) == names
    assert removed.containers == names
    assert not record.exists()
    assert Engine().names(run.run_id) == ()
    assert not remove_run(run.run_id)
    assert _host() == before


def test_a_lab_of_others_runs_in_the_shadow(lab: ContainersLab) -> None:
    """FRR 10 in each, and zebra agrees with the kernel."""
    assert "FRRouting 10." in lab.show(NodeId("r1"), "show version")
    assert eventually(lambda: lab.disagreements() == (), within_s=_CONVERGES_S)


def test_interfaces_and_static_routes_can_be_told_while_it_runs(lab: ContainersLab) -> None:
    """FRR 10's mgmtd takes them; the kernel has them, and the running configuration says so."""
    lab.apply_config(
        NodeId("r1"), "interface lo\n ip address 10.99.0.1/32\nexit\nip route 10.98.0.0/16 Null0\n"
    )

    wanted = {Prefix("10.99.0.1/32"), Prefix("10.98.0.0/16")}
    assert eventually(
        lambda: wanted <= {it.prefix for it in lab.fib(NodeId("r1"))}, within_s=_CONVERGES_S
    )
    running = lab.running_config(NodeId("r1"))
    assert " ip address 10.99.0.1/32" in running
    assert "ip route 10.98.0.0/16" in running


def test_a_router_that_reboots_has_what_it_starts_from_and_no_more(lab: ContainersLab) -> None:
    """What was entered and never saved is gone, also what mgmtd was told."""
    lab.apply_config(NodeId("r2"), "ip route 10.98.0.0/16 Null0\n")
    lab.restart_daemons(NodeId("r2"))

    assert eventually(
        lambda: Prefix("10.255.0.1/32") in {it.prefix for it in lab.fib(NodeId("r2"))},
        within_s=_CONVERGES_S,
    )
    assert "10.98.0.0/16" not in lab.running_config(NodeId("r2"))
    assert " ip address 10.255.0.2/32" in lab.running_config(NodeId("r2"))


def test_what_we_write_runs_without_us(repository: Path, tmp_path: Path, run: Run) -> None:
    """The square network as a plain file: containers, cables, and FRR starts by itself."""
    path = repository / "tests" / "networks" / "square.yaml"
    spec = design(parse_network(path.read_text(), path=path))[1]
    topology = write_lab(spec, tmp_path, name="square")

    with ClabDeployment(read_lab(topology, environment={}), run_id=run.run_id) as deployment:
        deployment.up()

        def reached() -> bool:
            routes = deployment.execute("NW", "ip route")
            return all(str(prefix) in routes for prefix in spec.announced())

        assert eventually(reached, within_s=_CONVERGES_S, poll_s=0.5)
    assert Engine().names(run.run_id) == ()


def test_a_nodes_commands_and_cables_are_as_its_file_says(repository: Path, run: Run) -> None:
    """`exec`, `env`, `mtu` of a lab that others wrote."""
    lab = read_lab(repository / "containerlab/samples/ring.clab.yml", environment={})
    with ClabDeployment(lab, run_id=run.run_id) as deployment:
        deployment.up()

        assert deployment.execute("r3", "cat /run/name").strip() == "r3"
        assert deployment.execute("r3", "printenv TZ").strip() == "Europe/Zurich"
        assert "mtu 1400" in deployment.execute("r2", "ip link show eth2")


def test_an_image_that_is_not_there_is_named(repository: Path, run: Run) -> None:
    """None is fetched; nothing is left."""
    path = repository / "containerlab/samples/ring.clab.yml"
    lab = read_lab(path, environment={"FRR_IMAGE": "nobody/has-it:1"})

    with (
        ClabDeployment(lab, run_id=run.run_id) as deployment,
        pytest.raises(EmulationFailed, match="no image nobody/has-it:1"),
    ):
        deployment.up()
    assert Engine().names(run.run_id) == ()


def test_a_node_that_ends_says_its_last_words(tmp_path: Path, run: Run) -> None:
    """Not only that its container ended: what it printed."""
    path = tmp_path / "short.clab.yml"
    node = "{kind: linux, image: foreshadow/frr:10, entrypoint: sh, cmd: -c 'echo no; exit 3'}"
    path.write_text(f"name: short\ntopology:\n  nodes:\n    a: {node}\n")

    with (
        ClabDeployment(read_lab(path, environment={}), run_id=run.run_id) as deployment,
        pytest.raises(EmulationFailed, match="short-a ended with 3: no"),
    ):
        deployment.up()
