"""The `containerlab` binary, where the user has it: it deploys and destroys, we drive the routers.

It has not been run with this product: it could not be had where this was built. What is tested is
the contract it documents: the file we write, the arguments we give, the JSON it prints.
Source: containerlab.dev/cmd/deploy, /cmd/destroy and /cmd/inspect.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from foreshadow.errors import EmulationFailed

_DEPLOYS_WITHIN_S = 300
_LAST_WORDS = 400
_RUNNING = "running"


class DeployedNode(msgspec.Struct, frozen=True):
    """A container as `containerlab inspect --format json` lists it; of more, what we read."""

    lab_name: str
    name: str
    container_id: str
    kind: str
    state: str


def deploy_arguments(binary: Path, topology: Path) -> tuple[str, ...]:
    """Deploy a lab anew, whatever of it is there."""
    return (str(binary), "deploy", "--topo", str(topology), "--reconfigure", "--format", "json")


def destroy_arguments(binary: Path, topology: Path) -> tuple[str, ...]:
    """Take a lab and its folder away."""
    return (str(binary), "destroy", "--topo", str(topology), "--cleanup")


def inspect_arguments(binary: Path, topology: Path) -> tuple[str, ...]:
    """List a lab's containers."""
    return (str(binary), "inspect", "--topo", str(topology), "--format", "json")


def deployed(raw: str) -> tuple[DeployedNode, ...]:
    """The containers in what `deploy` or `inspect` prints as JSON, all labs together.

    Raises:
        ValueError: It is something else.
    """
    listed = msgspec.json.decode(raw, type=dict[str, tuple[DeployedNode, ...]])
    return tuple(node for nodes in listed.values() for node in nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerlabBinary:
    """The binary, and the engine it is to use."""

    path: Path
    engine: str

    @classmethod
    def found(cls, *, engine: str) -> Self | None:
        """The one on the path; None where there is none."""
        path = shutil.which("containerlab")
        return None if path is None else cls(path=Path(path), engine=engine)

    def deploy(self, topology: Path) -> tuple[DeployedNode, ...]:
        """Deploy a lab and see that all of it runs.

        Raises:
            EmulationFailed: It did not, with the binary's last words.
        """
        self._run(deploy_arguments(self.path, topology))
        # Listed apart: what deploy itself prints may be preceded by its nodes' own output.
        said = self._run(inspect_arguments(self.path, topology))
        try:
            nodes = deployed(said)
        except ValueError as error:
            raise EmulationFailed(f"containerlab inspect did not print JSON: {error}") from error
        if idle := [f"{it.name} is {it.state}" for it in nodes if it.state != _RUNNING]:
            raise EmulationFailed(f"containerlab deployed, but {'; '.join(idle)}")
        return nodes

    def destroy(self, topology: Path) -> None:
        """Take a lab away.

        Raises:
            EmulationFailed: It did not, with the binary's last words.
        """
        self._run(destroy_arguments(self.path, topology))

    def _run(self, arguments: tuple[str, ...]) -> str:
        try:
            done = subprocess.run(
                arguments,
                env={**os.environ, "DOCKER_HOST": self.engine},
                capture_output=True,
                text=True,
                check=False,
                timeout=_DEPLOYS_WITHIN_S,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EmulationFailed(f"containerlab {arguments[1]}: {error}") from error
        if done.returncode != 0:
            words = " ".join(done.stderr[-_LAST_WORDS:].split())
            raise EmulationFailed(f"containerlab {arguments[1]} failed: {words}")
        return done.stdout
