"""Labs as files: a network written as a `*.clab.yml`, and what is in one that others wrote."""

import os
from dataclasses import dataclass
from pathlib import Path

from console.ground import read_network
from foreshadow.errors import ConfigError
from shadow.emulation.clab import write_lab
from shadow.emulation.clab_file import read_lab
from shadow.emulation.clab_spec import spec_of
from shadow.emulation.design import design


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A lab that can be deployed without us."""

    topology: str
    routers: int
    links: int

    def __str__(self) -> str:
        return (
            f"{self.topology}: {self.routers} routers, {self.links} links; "
            f"`containerlab deploy --topo {self.topology}` runs it where the image is"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is in a containerlab file.

    Attributes:
        not_routers: Why the shadow cannot take its nodes as routers; empty where it can.
        ignored: What it asks for and is left out.
    """

    name: str
    nodes: int
    links: int
    not_routers: str
    ignored: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {_count(self.nodes, 'node')} of kind linux, {_count(self.links, 'link')}"
        ]
        if self.not_routers:
            lines.append(f"no lab of routers: {self.not_routers}")
        lines += [f"left out: {it}" for it in self.ignored]
        return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def written(network: Path, output: Path) -> Written:
    """Write a network as a containerlab file, its routers' configurations beside it.

    Raises:
        ConfigError: The network file will not do, or the folder cannot be written.
    """
    file = read_network(network)
    spec = design(file)[1]
    try:
        topology = write_lab(spec, output, name=file.name)
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", path=output) from error
    return Written(topology=str(topology), routers=len(spec.nodes), links=len(spec.links))


def checked(file: Path) -> Checked:
    """Read a containerlab file as it would be carried out.

    Raises:
        ConfigError: It has something that cannot run here; names the line.
    """
    lab = read_lab(file, environment=os.environ)
    try:
        spec_of(lab)
        not_routers = ""
    except ConfigError as error:
        not_routers = str(error)
    return Checked(
        name=lab.name,
        nodes=len(lab.nodes),
        links=len(lab.links),
        not_routers=not_routers,
        ignored=lab.ignored,
    )
