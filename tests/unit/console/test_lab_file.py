"""`foreshadow lab write` and `foreshadow lab check`."""

from pathlib import Path

import pytest

from console.lab_file import Checked, checked, written
from foreshadow.errors import ConfigError


def test_a_network_is_written_so_that_it_is_read_back(repository: Path, tmp_path: Path) -> None:
    """The file, and each router's configuration beside it, in a form we take ourselves."""
    found = written(repository / "tests/networks/square.yaml", tmp_path)

    assert (found.routers, found.links) == (6, 6)
    assert checked(Path(found.topology)) == Checked(
        name="square", nodes=6, links=6, not_routers="", ignored=()
    )
    assert "router ospf" in (tmp_path / "square" / "NW.conf").read_text()


def test_a_lab_of_hosts_is_read_and_told_from_one_of_routers(tmp_path: Path) -> None:
    """It can be carried out, and the shadow has no use for it; what is left out is listed."""
    path = tmp_path / "hosts.clab.yml"
    node = "{kind: linux, image: alpine, memory: 1Gb}"
    path.write_text(f"name: hosts\ntopology:\n  nodes:\n    a: {node}\n")

    said = str(checked(path)).splitlines()

    assert said[0] == "hosts: 1 node of kind linux, 0 links"
    assert said[1].startswith("no lab of routers: node a has no FRR configuration")
    assert said[2] == "left out: a: memory: no limits"


def test_a_folder_that_cannot_be_written_is_named(repository: Path, tmp_path: Path) -> None:
    """An operator's slip is a sentence."""
    (tmp_path / "taken").write_text("")

    with pytest.raises(ConfigError, match="cannot be written"):
        written(repository / "tests/networks/square.yaml", tmp_path / "taken")
