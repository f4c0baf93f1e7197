"""Where a lab's routers run: the one thing in which its backends differ.

Everything above needs a router to be two names on this host, the same for every hosting:

/var/run/netns/<name>   its network namespace, made by us or bind-mounted from a container
/var/run/frr/<name>     the sockets, start-up files and logs of its daemons, which run under
                        `-N <name>`; owned by the user FRR runs as *there*

Given these, cables, silence, shapes, tables, configuration, signals and the watch work by name, and
the daemons' processes are found in this host's process table by their `-N` argument.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from foreshadow.topology import LinkId
from frr.configuration import Daemon
from frr.vty import RUN_DIR
from shadow.emulation.lab import LabLink, LabNode

Command = Sequence[str]
"""A daemon's argument vector, its binary's path first."""


class Hosting(Protocol):
    """Makes and removes the places in which routers run; one object a lab.

    Calls for different routers may come from several threads at once.
    """

    @property
    def kind(self) -> str:
        """What it is called where a lab is noted for adoption: `netns`, `containerlab`."""
        ...

    def name(self, node: str) -> str:
        """What a router's namespace, pathspace and directory are called: `<run>-<lab>-<node>`."""
        ...

    def create(self, nodes: Collection[LabNode], links: Collection[LabLink]) -> Collection[LinkId]:
        """Make the places of routers, as many at once as pays; no daemon runs yet.

        After it each has its namespace, with nothing but `lo` in it (sysctls and cables are set
        from outside), and its directory, empty and owned by the user FRR runs as there.

        Args:
            nodes: The routers to make.
            links: The cables that will join them, for a hosting whose tool lays them itself.

        Returns:
            Those of the links that are laid already.

        Raises:
            EmulationFailed: One could not be made; what was made is taken away by `remove`.
        """
        ...

    def start(self, node: str, commands: Mapping[Daemon, Command]) -> None:
        """Start daemons at a router, each in a session of its own; does not wait for them.

        What a daemon prints goes to `output_file(name, daemon)`.

        Raises:
            EmulationFailed: One could not be started at all.
        """
        ...

    def remove(self, nodes: Collection[str]) -> None:
        """Take routers' places away; their processes are dead already. Safe to call twice."""
        ...


def directory(name: str) -> Path:
    """Where a router's sockets, start-up files and logs are."""
    return RUN_DIR / name


def output_file(name: str, daemon: Daemon) -> Path:
    """Where a daemon's standard output and error go."""
    return directory(name) / f"{daemon}.out"
