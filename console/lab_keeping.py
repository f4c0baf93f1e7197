"""Labs of one's own: brought up by a command, there after it, levelled and removed by others."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from console.clean import Removal, remove_run
from console.drill_lab import NETWORK_FILE
from console.ground import read_network
from console.ownership import Run, claim_run, find_runs, keep_run, take_over
from foreshadow.clock import Clock
from foreshadow.errors import ConfigError, TransientError
from foreshadow.network_file import NetworkFile
from foreshadow.topology import LinkId
from frr.vty import RUN_DIR
from shadow.emulation.containers import ContainerHosting, ContainersLab
from shadow.emulation.design import design
from shadow.emulation.emulator import BringUp, DaemonState
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsHosting, NetnsLab
from shadow.emulation.note import LabNote
from shadow.lab_change import LabChange
from shadow.levelled_lab import LevelledLab

BACKENDS: dict[str, type[NetnsLab] | type[ContainersLab]] = {
    NetnsHosting.kind: NetnsLab,
    ContainerHosting.kind: ContainersLab,
}
_UP_WITHIN_S = 300.0
_NOTE = ".lab"
_NAME = re.compile(r"[A-Za-z0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptLab:
    """A lab of this host that outlives its command.

    Attributes:
        name: `fs3fa9c1-square`, what its namespaces begin with.
        backend: `netns` or `containerlab`.
        network: The network's name; empty where nobody noted it.
        is_in_use: A process works on it now.
    """

    name: str
    run: Run
    backend: str
    network: str
    is_in_use: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LabState:
    """How a lab is now.

    Attributes:
        down: Links that are cut.
        dead: Routers of which a daemon does not run.
        complaint: Why it could not be looked at; empty where it could.
    """

    name: str
    network: str
    backend: str
    routers: int = 0
    links: int = 0
    down: tuple[LinkId, ...] = ()
    dead: tuple[str, ...] = ()
    is_in_use: bool = False
    complaint: str = ""


def bring_up(
    path: Path, root: Path, clock: Clock, *, name: str | None, backend: str
) -> tuple[str, BringUp]:
    """A lab of a network file that stays when we go: its name, and what its start took.

    Raises:
        ConfigError: The file, name or backend will not do.
        EmulationFailed: It did not come up; nothing of it is left.
    """
    network = read_network(path)
    if backend not in BACKENDS:
        raise ConfigError(f"{backend!r} is no backend; there are {', '.join(BACKENDS)}")
    wanted = name or network.name.replace("-", "")[:12]
    if not _NAME.fullmatch(wanted):
        raise ConfigError(f"{wanted!r} is no name for a lab; up to 12 letters and digits are")
    spec = design(network)[1]
    run = claim_run(root, pid=os.getpid(), command="lab up", clock=clock)
    try:
        _note_network(run, path)
        lab = BACKENDS[backend](spec, run_id=run.run_id, name=wanted)
        brought_up = lab.up(within_s=_UP_WITHIN_S)
        lab.release()
        keep_run(run)
    except BaseException:
        remove_run(run, clock=clock)
        raise
    return f"{run.run_id}-{wanted}", brought_up


def kept_labs(root: Path) -> tuple[KeptLab, ...]:
    """Every lab of this host that belongs to a kept run."""
    return tuple(lab for run in find_runs(root) for lab in _labs_of(run))


def find_lab(wanted: str | None, root: Path) -> KeptLab:
    """The lab of that name, with or without its run's id; the only one if no name is given.

    Raises:
        ConfigError: There is none, or the name is not enough.
    """
    there = kept_labs(root)
    named = [lab for lab in there if wanted in (None, lab.name, lab.name.partition("-")[2])]
    if len(named) == 1:
        return named[0]
    names = ", ".join(lab.name for lab in named or there)
    if not there:
        raise ConfigError("there is no lab; `foreshadow lab up NETWORK` makes one")
    if not named:
        raise ConfigError(f"there is no lab {wanted!r}; there are {names}")
    raise ConfigError(f"say which lab is meant: {names}")


def state_of(lab: KeptLab) -> LabState:
    """How a lab is; one that cannot be looked at says why."""
    seen = LabState(
        name=lab.name, network=lab.network, backend=lab.backend, is_in_use=lab.is_in_use
    )
    try:
        with _adopted(lab) as running:
            spec = running.spec
            dead = (
                node.id
                for node in spec.nodes
                if DaemonState.DEAD in running.daemons(node.id).values()
            )
            return replace(
                seen,
                routers=len(spec.nodes),
                links=len(spec.links),
                down=tuple(link.id for link in spec.links if not link.is_up),
                dead=tuple(dead),
            )
    except (TransientError, ConfigError) as error:
        return replace(seen, complaint=str(error))


def changes_to(lab: KeptLab, network: NetworkFile, clock: Clock) -> tuple[LabChange, ...]:
    """What levelling a lab to a network file would do; nothing is touched.

    Raises:
        TransientError: The lab does not answer.
    """
    with _adopted(lab) as running:
        return _levelled(lab, running, clock).planned(design(network)[1])


def level(lab: KeptLab, path: Path, clock: Clock) -> tuple[LabChange, ...]:
    """Lead a running lab to what a network file says; returns what that took.

    Raises:
        ConfigError: Somebody works on the lab.
        TransientError: It does not follow.
    """
    wanted = design(read_network(path))[1]
    with _to_oneself(lab, clock), _adopted(lab) as running:
        changes = _levelled(lab, running, clock).level(wanted)
        _note_network(lab.run, path)
    return changes


def take_down(lab: KeptLab, clock: Clock) -> Removal:
    """Remove a lab and everything of its run.

    Raises:
        ConfigError: Somebody works on it.
    """
    with _to_oneself(lab, clock):
        return remove_run(lab.run, clock=clock)


@contextmanager
def _to_oneself(lab: KeptLab, clock: Clock) -> Iterator[None]:
    owner = lab.run.owner()
    if owner is not None and owner.process.is_alive() and owner.process.pid != os.getpid():
        raise ConfigError(
            f"`{owner.command}` (process {owner.process.pid}) works on {lab.name}; wait for it"
        )
    take_over(lab.run, pid=os.getpid(), command="lab", clock=clock)
    yield


@contextmanager
def _adopted(lab: KeptLab) -> Iterator[FrrLab]:
    """The running lab, let go of in the end."""
    run_id, _, name = lab.name.partition("-")
    if lab.backend not in BACKENDS:
        raise ConfigError(f"{lab.name} runs on {lab.backend!r}, which is not known here")
    running = BACKENDS[lab.backend].adopted(run_id=run_id, name=name)
    try:
        yield running
    finally:
        running.release()


def _levelled(lab: KeptLab, running: FrrLab, clock: Clock) -> LevelledLab:
    run_id, _, name = lab.name.partition("-")

    def anew(spec: LabSpec) -> FrrLab:
        return BACKENDS[lab.backend](spec, run_id=run_id, name=name)

    levelled = LevelledLab(lab.name, anew, clock, within_s=_UP_WITHIN_S)
    levelled.adopt(running)
    return levelled


def _labs_of(run: Run) -> Iterator[KeptLab]:
    owner = run.owner()
    if owner is None or not owner.is_kept:
        return
    for place in sorted(RUN_DIR.glob(f"{run.run_id}-*{_NOTE}")):
        name = place.name.removesuffix(_NOTE)
        with suppress(ConfigError):
            yield KeptLab(
                name=name,
                run=run,
                backend=LabNote(name).read()[0],
                network=_network_name(run),
                is_in_use=owner.process.is_alive() and owner.process.pid != os.getpid(),
            )


def _network_name(run: Run) -> str:
    with suppress(ConfigError):
        return read_network(run.directory / NETWORK_FILE).name
    return ""


def _note_network(run: Run, path: Path) -> None:
    (run.directory / NETWORK_FILE).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
