"""The lab of a drill that a person starts: its own, or one that an earlier drill kept."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from console.clean import remove_run
from console.ownership import Run, claim_run, find_runs, keep_run, take_over
from foreshadow.clock import Clock
from foreshadow.errors import ConfigError
from foreshadow.settings import Settings
from scenarios.drills.drill_journal import LabName, lab_name
from shadow.emulation.adoption import adopted_lab
from shadow.emulation.backends import make_lab
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.lab import LabSpec

NETWORK_FILE = "network.yaml"
_LAB = "drill"
_UP_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillLab:
    """A running lab and what belongs to it."""

    lab: FrrLab
    name: LabName
    run: Run


@contextmanager
def own_lab(
    spec: LabSpec, settings: Settings, clock: Clock, *, network: str, keeps: bool
) -> Iterator[DrillLab]:
    """A lab of a new run, removed at the end unless it is to be kept.

    Args:
        spec: What to build.
        settings: Where runs lie, and what labs run on.
        clock: Time.
        network: The network file's text, for whoever drills on the kept lab later.
        keeps: Leave it running.

    Raises:
        EmulationFailed: It did not come up.
    """
    run = claim_run(settings.run_dir, pid=os.getpid(), command="scenario run", clock=clock)
    is_kept = False
    try:
        (run.directory / NETWORK_FILE).write_text(network)
        lab = make_lab(spec, run_id=run.run_id, name=_LAB, settings=settings.shadow)
        try:
            lab.up(within_s=_UP_WITHIN_S)
            yield DrillLab(lab=lab, name=LabName(run_id=run.run_id, name=_LAB), run=run)
            is_kept = keeps
        finally:
            if is_kept:
                lab.release()
                keep_run(run)
            else:
                lab.down()
    finally:
        if not is_kept:
            remove_run(run, clock=clock)


def run_of(lab: LabName, root: Path) -> Run:
    """The run a lab belongs to.

    Raises:
        ConfigError: There is none.
    """
    for run in find_runs(root):
        if run.run_id == lab.run_id:
            return run
    raise ConfigError(f"there is no run {lab.run_id} on this host", field="lab")


@contextmanager
def kept_lab(name: str, settings: Settings, clock: Clock) -> Iterator[DrillLab]:
    """A lab that an earlier drill kept, taken over for the length of a `with` block.

    Raises:
        ConfigError: There is none of that name, or it belongs to a run that lives.
        EmulationFailed: Part of it is gone.
    """
    wanted = lab_name(name)
    run = run_of(wanted, settings.run_dir)
    owner = run.owner()
    if owner is not None and owner.process.is_alive() and owner.process.pid != os.getpid():
        raise ConfigError(
            f"{name} belongs to `{owner.command}` (process {owner.process.pid}), which lives; "
            "its own process drills on it",
            field="lab",
        )
    lab = adopted_lab(run_id=wanted.run_id, name=wanted.name, engine=settings.shadow.engine)
    try:
        take_over(run, pid=os.getpid(), command="scenario run", clock=clock)
        yield DrillLab(lab=lab, name=wanted, run=run)
    finally:
        lab.release()


def network_of(lab: DrillLab) -> Path:
    """The network file a kept lab was built from.

    Raises:
        ConfigError: It was built by something else.
    """
    path = lab.run.directory / NETWORK_FILE
    if not path.is_file():
        raise ConfigError(
            f"nobody noted the network of {lab.name}; name its file with --network", path=path
        )
    return path
