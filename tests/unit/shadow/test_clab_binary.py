"""The contract with the `containerlab` binary, which is not run here: arguments, engine, JSON."""

import json
from pathlib import Path

import pytest

from foreshadow.errors import EmulationFailed
from shadow.emulation.clab_binary import ContainerlabBinary, DeployedNode, deployed

# Of the documentation's own example (containerlab.dev/cmd/inspect), two nodes of one lab.
_INSPECTED = {
    "vlan": [
        {
            "lab_name": "vlan",
            "labPath": "../../srlinux-vlan-handling-lab/vlan.clab.yml",
            "absLabPath": "/root/projects/srlinux-vlan-handling-lab/vlan.clab.yml",
            "name": "clab-vlan-client1",
            "container_id": "2c70173f3f41",
            "image": "alpine",
            "kind": "linux",
            "state": "running",
            "status": "Up 4 hours",
            "ipv4_address": "172.20.20.4/24",
            "ipv6_address": "3fff:172:20:20::4/64",
            "owner": "root",
        },
        {
            "lab_name": "vlan",
            "name": "clab-vlan-client2",
            "container_id": "9a12e9566d8c",
            "kind": "linux",
            "state": "running",
        },
    ]
}

_BINARY = """#!/bin/sh
echo "$DOCKER_HOST $*" >>"{record}"
case $1 in
inspect) cat "{listing}" ;;
esac
"""


def _binary(tmp_path: Path, listing: str) -> tuple[ContainerlabBinary, Path]:
    """Something at the binary's place that notes how it was called and prints a listing."""
    record, listed, path = tmp_path / "record", tmp_path / "listing", tmp_path / "containerlab"
    listed.write_text(listing)
    path.write_text(_BINARY.format(record=record, listing=listed))
    path.chmod(0o755)
    return ContainerlabBinary(path=path, engine="unix:///run/engine.sock"), record


def test_what_inspect_prints_is_read() -> None:
    """By lab; whatever else a later version prints is passed over."""
    nodes = deployed(json.dumps(_INSPECTED))

    assert nodes[0] == DeployedNode(
        lab_name="vlan",
        name="clab-vlan-client1",
        container_id="2c70173f3f41",
        kind="linux",
        state="running",
    )
    assert [node.name for node in nodes] == ["clab-vlan-client1", "clab-vlan-client2"]


def test_a_lab_is_deployed_on_our_engine_and_seen_to_run(tmp_path: Path) -> None:
    """`deploy` anew, then `inspect`; both told of the file and of the engine."""
    binary, record = _binary(tmp_path, json.dumps(_INSPECTED))
    topology = tmp_path / "lab.clab.yml"

    assert len(binary.deploy(topology)) == 2
    binary.destroy(topology)

    assert record.read_text().splitlines() == [
        f"unix:///run/engine.sock deploy --topo {topology} --reconfigure --format json",
        f"unix:///run/engine.sock inspect --topo {topology} --format json",
        f"unix:///run/engine.sock destroy --topo {topology} --cleanup",
    ]


def test_a_node_that_does_not_run_is_named(tmp_path: Path) -> None:
    """Deployed and gone again is not deployed."""
    listing = json.dumps(_INSPECTED).replace("running", "exited", 1)
    binary, _ = _binary(tmp_path, listing)

    with pytest.raises(EmulationFailed, match="clab-vlan-client1 is exited"):
        binary.deploy(tmp_path / "lab.clab.yml")


def test_a_listing_of_another_form_is_no_lab(tmp_path: Path) -> None:
    """A version that prints something else is told from a lab that runs."""
    binary, _ = _binary(tmp_path, '{"containers": 3}')

    with pytest.raises(EmulationFailed, match="did not print JSON"):
        binary.deploy(tmp_path / "lab.clab.yml")


def test_a_failure_carries_the_binarys_last_words(tmp_path: Path) -> None:
    """Not only that it failed."""
    binary, _ = _binary(tmp_path, "{}")
    (tmp_path / "containerlab").write_text("#!/bin/sh\necho 'no such lab' >&2\nexit 1\n")

    with pytest.raises(EmulationFailed, match="containerlab destroy failed: no such lab"):
        binary.destroy(tmp_path / "lab.clab.yml")


def test_where_there_is_none_the_engine_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path decides."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ContainerlabBinary.found(engine="unix:///e") is None

    _binary(tmp_path, "{}")
    found = ContainerlabBinary.found(engine="unix:///e")
    assert found is not None
    assert found.path == tmp_path / "containerlab"
