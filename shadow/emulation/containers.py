"""The lab in containers: each router its own root file system, FRR 10 of an image.

The lab is written down as a `*.clab.yml` and carried out through the engine, or by the
`containerlab` binary where the user has it. A container has no network but `lo`. Its namespace is
given a name on the host and its sockets a directory there, so that cables, tables, signals and the
watch work on it as on any other router.
"""

import os
import shlex
import shutil
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from foreshadow.errors import EmulationFailed, EnvironmentUnfit
from foreshadow.topology import LinkId
from frr.configuration import Daemon
from frr.management import MGMTD, managers_part, own_part
from shadow.emulation import clab, namespaces, process_table
from shadow.emulation.clab import ClabLab, ClabNode
from shadow.emulation.clab_binary import ContainerlabBinary
from shadow.emulation.engine import IMAGE, LABEL, ContainerPlan, Engine
from shadow.emulation.engine_socket import OWN_ENGINE
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.hosting import Command, directory, output_file
from shadow.emulation.lab import LabLink, LabNode, LabSpec

_USER = "frr"
_AT_ONCE = 8
"""The engine does no more at once on few cores, and its queue is no faster when it is longer."""


class ContainerHosting:
    """Routers are containers, their daemons processes of the engine's."""

    kind = "containerlab"

    def __init__(self, prefix: str, *, url: str = OWN_ENGINE) -> None:
        """Nothing is made yet.

        Args:
            prefix: `<run_id>-<lab>`.
            url: Where the engine listens.
        """
        self._prefix, self._url = prefix, url
        self._connected: Engine | None = None
        self._record = directory(f"{prefix}.clab")
        self._topology = self._record / f"{prefix}{clab.SUFFIX}"
        self._deployer = self._record / "deployed-by-containerlab"

    def name(self, node: str) -> str:
        """What a router's container, namespace, pathspace and directory are called."""
        return f"{self._prefix}-{node}"

    def create(self, nodes: Collection[LabNode], links: Collection[LabLink]) -> Collection[LinkId]:
        """Start containers, several at once; cables are laid only where the binary does it.

        Raises:
            EmulationFailed: The engine or the binary refused.
            EnvironmentUnfit: There is no engine or no image.
        """
        if not self._engine().has_image(IMAGE):
            raise EnvironmentUnfit(
                f"the engine has no image {IMAGE}; run `make setup-containerlab`"
            )
        for node in nodes:
            directory(self.name(node.id)).mkdir(parents=True, mode=0o755)
        lab = self._described(nodes, links)
        is_new = not self._record.exists()
        if is_new:
            self._record.mkdir(parents=True)
            self._topology.write_text(clab.to_text(lab))
        binary = ContainerlabBinary.found(engine=self._url) if is_new else None
        if binary is not None:
            self._deployer.touch()
            binary.deploy(self._topology)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            list(pool.map(self._adopt if binary else self._make, lab.nodes))
        return tuple(link.id for link in links) if binary else ()

    def start(self, node: str, commands: Mapping[Daemon, Command]) -> None:
        """Start daemons in the router's container, in one go."""
        name = self.name(node)
        said = directory(name) / "start.out"
        lines = [f"exec </dev/null >{shlex.quote(str(said))} 2>&1"]
        if Daemon.ZEBRA in commands:
            lines += _manager(name)
        lines += [_background(name, daemon, command) for daemon, command in commands.items()]
        code = self._engine().carry_out(name, ("sh", "-ec", "\n".join(lines)))
        if code != 0:
            words = " ".join(said.read_text(errors="replace").split()) if said.exists() else ""
            raise EmulationFailed(
                f"{name}: {', '.join(commands)} ended with {code}: {words or 'it said nothing'}"
            )

    def remove(self, nodes: Collection[str]) -> None:
        """Take containers, names of namespaces and directories away."""
        engine = self._engine()
        names = [self.name(node) for node in nodes]
        if self._deployer.exists() and set(names) >= set(engine.names(f"{self._prefix}-")):
            binary = ContainerlabBinary.found(engine=self._url)
            if binary is not None:
                binary.destroy(self._topology)
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            list(pool.map(engine.remove, names))
        for name in names:
            namespaces.remove(name)
            shutil.rmtree(directory(name), ignore_errors=True)
        if not engine.names(f"{self._prefix}-"):
            shutil.rmtree(self._record, ignore_errors=True)

    def _described(self, nodes: Collection[LabNode], links: Collection[LabLink]) -> ClabLab:
        return clab.routers(
            nodes,
            links,
            name=self._prefix,
            binds={it.id: (_bind(directory(self.name(it.id))),) for it in nodes},
            environment={clab.DRIVEN: "1"},
            labels={LABEL: self._prefix},
        )

    def _make(self, node: ClabNode) -> None:
        """Start a node's container."""
        self._engine().run(
            ContainerPlan(
                name=self.name(node.name),
                hostname=node.name,
                image=node.image,
                binds=node.binds,
                environment=node.environment,
                labels=node.labels,
            )
        )
        self._adopt(node)

    def _adopt(self, node: ClabNode) -> None:
        """Give a running container's namespace its name, and its user the directory."""
        name = self.name(node.name)
        pid = self._engine().pid(name)
        namespaces.name_that_of(pid, name)
        os.chown(directory(name), *_owner(pid))

    def _engine(self) -> Engine:
        if self._connected is None:
            self._connected = Engine(self._url)
        return self._connected


class ContainersLab(FrrLab):
    """One lab in containers (an `Emulator`)."""

    def __init__(self, spec: LabSpec, *, run_id: str, name: str, url: str = OWN_ENGINE) -> None:
        """Describe the lab; nothing is made yet.

        Args:
            spec: What to build.
            run_id: `fs3fa9c1`; everything the lab makes is called `<run_id>-<name>-<node>`.
            name: The lab's own name within the run: `prod`, `mirror`, `bench`.
            url: Where the container engine listens.
        """
        prefix = f"{run_id}-{name}"
        super().__init__(spec, prefix=prefix, hosting=ContainerHosting(prefix, url=url))

    @classmethod
    def adopted(cls, *, run_id: str, name: str, url: str = OWN_ENGINE) -> Self:
        """The running lab of that name, taken over from a process that is gone.

        Raises:
            ConfigError: There is none.
            EmulationFailed: Part of it is gone.
        """
        return cls(LabSpec(nodes=(), links=()), run_id=run_id, name=name, url=url).adopt()


def _bind(place: Path) -> str:
    return f"{place}:{place}"


def _owner(pid: int) -> tuple[int, int]:
    """The numbers of FRR's user in a container, which are not those of the host's."""
    accounts = Path(f"/proc/{pid}/root/etc/passwd").read_text().splitlines()
    for account in accounts:
        user, _, number, group, *_ = account.split(":")
        if user == _USER:
            return int(number), int(group)
    raise EmulationFailed(f"the image {IMAGE} has no user {_USER}: FRR is not in it")


def _manager(name: str) -> list[str]:
    """Shell lines that start FRR 10's mgmtd, with its part of zebra's and staticd's start-up.

    One that runs is left alone while others of the router's daemons do: it hands the configuration
    in force to those that come back. After a reboot it has to read what there is to start from.
    """
    place = directory(name)
    starting = [place / f"{daemon}.conf" for daemon in (Daemon.ZEBRA, Daemon.STATICD)]
    text = "".join(path.read_text() for path in starting if path.exists())
    _write_beside(starting[0], place / f"{MGMTD}.conf", managers_part(text))
    _write_beside(starting[0], place / "zebra-own.conf", own_part(starting[0].read_text()))
    running = {process_table.command_name(pid): pid for pid in process_table.named(name.__eq__)}
    if MGMTD in running and len(running) > 1:
        return []
    if MGMTD in running:
        process_table.end([running[MGMTD]])
    start = [f"/usr/lib/frr/{MGMTD}", "--daemon", "-N", name, "-P", "0"]
    log = ["--log", f"file:{place / MGMTD}.log", "--log-level", "errors"]
    return [
        f"ln -sf {shlex.quote(str(place / MGMTD))}.conf /etc/frr/{MGMTD}.conf",
        shlex.join([*start, *log]),
    ]


def _background(name: str, daemon: Daemon, command: Command) -> str:
    words = list(command)
    if daemon is Daemon.STATICD:
        words = _without_option(words, "-f")  # From FRR 10 on mgmtd reads staticd's part.
    elif daemon is Daemon.ZEBRA:
        words[words.index("-f") + 1] = str(directory(name) / "zebra-own.conf")
    output = shlex.quote(str(output_file(name, daemon)))
    return f"setsid {shlex.join(words)} >{output} 2>&1 &"


def _without_option(words: list[str], option: str) -> list[str]:
    place = words.index(option)
    return words[:place] + words[place + 2 :]


def _write_beside(model: Path, path: Path, text: str) -> None:
    """Write a file with another one's owner and rights."""
    path.write_text(text)
    like = model.stat()
    os.chown(path, like.st_uid, like.st_gid)
    path.chmod(like.st_mode & 0o777)
