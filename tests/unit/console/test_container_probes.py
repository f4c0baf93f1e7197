"""What the doctor says of containers."""

import socket
from pathlib import Path

import pytest

from console.container_probes import withholds_sys_resource
from console.host import Standing, Wish, examine

_NAMES = ("container engine", "routers' image", "container runtime")


@pytest.mark.parametrize(
    ("bounding", "withheld"),
    [("000001ffffffffff", False), ("000001fffeffffff", True), ("0000000000000000", True)],
)
def test_the_capability_is_read_from_the_bounding_set(bounding: str, *, withheld: bool) -> None:
    """Bit 24 of what a process may ever have."""
    assert withholds_sys_resource(f"Name:\tx\nCapBnd:\t{bounding}\n") is withheld


def test_a_host_without_an_engine_does_without_containers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the operator chose them: then it is said that nothing runs, with the remedy."""
    monkeypatch.setenv("PATH", str(tmp_path))
    engine = f"unix://{tmp_path}/none.sock"

    without = examine(Wish(engine=engine), *_NAMES)
    needed = examine(Wish(engine=engine, needs_containers=True), *_NAMES)

    assert {it.standing for it in without.values()} == {Standing.LIMITED}
    assert {it.standing for it in needed.values()} == {Standing.UNFIT}
    assert all("make setup-containerlab" in it.remedy for it in needed.values())


def test_a_socket_nobody_answers_at_is_no_engine(tmp_path: Path) -> None:
    """It is tried, not looked at."""
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

        found = examine(Wish(engine=f"unix://{path}"), *_NAMES[:2])

    assert "nothing listens" in found["container engine"].found
    assert found["routers' image"].standing is Standing.LIMITED
