"""What `foreshadow lab` does, and how people and programs are told of it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console
from rich.table import Table

from console import lab_keeping
from console.clean import Removal
from console.configuration import load_settings
from console.doctor import require_lab
from console.ground import read_network
from console.host import Wish
from console.lab_keeping import LabState, find_lab, kept_labs, state_of
from foreshadow.clock import SystemClock
from shadow.emulation.design import design
from shadow.lab_change import Configure, LabChange
from shadow.reconcile import plan

_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtUp:
    """A lab that is there now.

    Attributes:
        answering_s: Until every daemon answered.
        converged_s: Until every announced prefix was in every table.
    """

    name: str
    routers: int
    links: int
    answering_s: float
    converged_s: float

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.routers} routers and {self.links} links up in "
            f"{self.converged_s:.1f} s; `foreshadow lab down {self.name}` removes it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldChange:
    """One step of a plan: its kind, and what it does in words."""

    kind: str
    says: str


def brought_up(network: Path, *, name: str | None, backend: str) -> BroughtUp:
    """Bring a lab up that stays.

    Raises:
        ConfigError: The file, name or backend will not do.
        EnvironmentUnfit: The host lacks something.
        EmulationFailed: It did not come up.
    """
    root = _prepared()
    with Console(stderr=True).status(f"bringing {network.name} up as a lab ({backend})"):
        lab, took = lab_keeping.bring_up(network, root, _CLOCK, name=name, backend=backend)
    state = state_of(find_lab(lab, root))
    return BroughtUp(
        name=lab,
        routers=state.routers,
        links=state.links,
        answering_s=round(took.answering_s, 3),
        converged_s=round(took.converged_s, 3),
    )


def listed() -> tuple[LabState, ...]:
    """Every kept lab of this host, as it is."""
    return tuple(map(state_of, kept_labs(_prepared())))


def planned_between(actual: Path, wanted: Path) -> tuple[ToldChange, ...]:
    """What leads from one network file to another.

    Raises:
        ConfigError: One of them is no network file.
    """
    specs = (design(read_network(path))[1] for path in (actual, wanted))
    return _told(plan(*specs))


def levelled(network: Path, *, name: str | None, is_dry_run: bool) -> tuple[ToldChange, ...]:
    """Level a lab to a network file, or say what that would do.

    Raises:
        ConfigError: The file will not do, there is no such lab, or somebody works on it.
        TransientError: The lab does not follow.
    """
    root = _prepared()
    wanted = read_network(network)
    lab = find_lab(name, root)
    if is_dry_run:
        return _told(lab_keeping.changes_to(lab, wanted, _CLOCK))
    with Console(stderr=True).status(f"levelling {lab.name} to {network.name}"):
        return _told(lab_keeping.level(lab, network, _CLOCK))


def taken_down(name: str | None) -> Removal:
    """Remove a lab.

    Raises:
        ConfigError: There is none of that name, or somebody works on it.
    """
    lab = find_lab(name, _prepared())
    with Console(stderr=True).status(f"taking {lab.name} down"):
        return lab_keeping.take_down(lab, _CLOCK)


def told(changes: Sequence[ToldChange]) -> str:
    """A plan for people, numbered."""
    if not changes:
        return "Nothing to do: it is so already."
    return "\n".join(f"{number:3}  {_lined(it)}" for number, it in enumerate(changes, start=1))


def _lined(change: ToldChange) -> str:
    """A step that enters configuration has one line of it on each line, indented."""
    what, _, lines = change.says.partition(": ")
    if change.kind != _kind_of(Configure):
        return change.says
    return "\n".join([what, *(f"       {line}" for line in lines.split("; "))])


def table(labs: Sequence[LabState]) -> Table:
    """Labs for people."""
    found = Table("lab", "network", "backend", "routers", "links", box=None)
    found.add_column("state", overflow="fold")
    for lab in labs:
        found.add_row(
            lab.name, lab.network, lab.backend, str(lab.routers), str(lab.links), _state(lab)
        )
    return found


def _state(lab: LabState) -> str:
    if lab.complaint:
        return lab.complaint
    parts = [
        "in use" if lab.is_in_use else "",
        f"down: {', '.join(lab.down)}" if lab.down else "",
        f"dead: {', '.join(lab.dead)}" if lab.dead else "",
    ]
    return "; ".join(filter(None, parts)) or "up"


def _told(changes: Sequence[LabChange]) -> tuple[ToldChange, ...]:
    return tuple(ToldChange(kind=_kind_of(type(it)), says=str(it)) for it in changes)


def _kind_of(change: type[LabChange]) -> str:
    """`SetLink` as `set-link`."""
    return "".join(f"-{it.lower()}" if it.isupper() else it for it in change.__name__).lstrip("-")


def _prepared() -> Path:
    """The folder of runs; what is told goes to standard output, what is logged nowhere."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    root = load_settings().run_dir
    require_lab(Wish(run_root=root))
    return root
