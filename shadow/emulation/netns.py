"""The lab in network namespaces of this host, under this host's FRR: a router costs 20 ms."""

import os
import shutil
from collections.abc import Collection, Mapping
from typing import Self

from foreshadow.errors import EmulationFailed
from foreshadow.topology import LinkId
from frr.configuration import Daemon
from frr.namespace import inside
from shadow.emulation import namespaces
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.hosting import Command, directory, output_file
from shadow.emulation.lab import LabLink, LabNode, LabSpec

_USER = "frr"


class NetnsHosting:
    """Routers are namespaces, their daemons processes of ours."""

    kind = "netns"

    def __init__(self, prefix: str) -> None:
        """Nothing is made yet.

        Args:
            prefix: `<run_id>-<lab>`.
        """
        self._prefix = prefix

    def name(self, node: str) -> str:
        """What a router's namespace, pathspace and directory are called."""
        return f"{self._prefix}-{node}"

    def create(self, nodes: Collection[LabNode], links: Collection[LabLink]) -> Collection[LinkId]:
        """Make namespaces and directories; no cable is laid."""
        del links
        names = [self.name(node.id) for node in nodes]
        namespaces.create(names)
        for name in names:
            directory(name).mkdir(parents=True, mode=0o755)
            shutil.chown(directory(name), _USER, _USER)
        return ()

    def start(self, node: str, commands: Mapping[Daemon, Command]) -> None:
        """Start daemons in the router's namespace, each the leader of its own session.

        Ctrl-C in a terminal is for us, not for the routers; and they outlive us.
        """
        name = self.name(node)
        with inside(name):
            for daemon, command in commands.items():
                try:
                    _spawn(command, str(output_file(name, daemon)))
                except OSError as error:
                    raise EmulationFailed(f"{name}: {daemon} does not start: {error}") from error

    def remove(self, nodes: Collection[str]) -> None:
        """Take namespaces and directories away."""
        for name in map(self.name, nodes):
            namespaces.remove(name)
            shutil.rmtree(directory(name), ignore_errors=True)


class NetnsLab(FrrLab):
    """One lab in namespaces (an `Emulator`); a process may run several beside each other."""

    def __init__(self, spec: LabSpec, *, run_id: str, name: str) -> None:
        """Describe the lab; nothing is made yet.

        Args:
            spec: What to build.
            run_id: `fs3fa9c1`; everything the lab makes is called `<run_id>-<name>-<node>`.
            name: The lab's own name within the run: `prod`, `mirror`, `bench`.
        """
        prefix = f"{run_id}-{name}"
        super().__init__(spec, prefix=prefix, hosting=NetnsHosting(prefix))

    @classmethod
    def adopted(cls, *, run_id: str, name: str) -> Self:
        """The running lab of that name, taken over from a process that is gone.

        Raises:
            ConfigError: There is none.
            EmulationFailed: Part of it is gone.
        """
        return cls(LabSpec(nodes=(), links=()), run_id=run_id, name=name).adopt()


def _spawn(command: Command, output: str) -> None:
    """Start a process without waiting for it; it is buried when it is ended (`process_table`)."""
    os.posix_spawn(
        command[0],
        list(command),
        os.environ,
        file_actions=(
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ),
        setsid=True,
    )
