"""Labs for benchmarks: each of a run of its own, removed whatever happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from console.clean import remove_run
from console.ownership import Run, claim_run
from foreshadow.clock import SystemClock
from shadow.emulation.frr_lab import FrrLab
from shadow.emulation.lab import LabSpec
from shadow.emulation.netns import NetnsLab

REPOSITORY = Path(__file__).resolve().parents[1]
_UP_WITHIN_S, _SETTLED_WITHIN_S, _QUIET_S = 120.0, 60.0, 2.0


@contextmanager
def a_run(command: str) -> Iterator[Run]:
    """A run of this benchmark's; whatever carries its id is removed after it."""
    clock = SystemClock()
    run = claim_run(
        REPOSITORY / ".run", pid=psutil.Process().pid, command=f"benchmarks {command}", clock=clock
    )
    try:
        yield run
    finally:
        remove_run(run, clock=clock)


@contextmanager
def lab_of(spec: LabSpec) -> Iterator[NetnsLab]:
    """A lab in namespaces that is up and at rest."""
    with a_run("shadow") as run, NetnsLab(spec, run_id=run.run_id, name="bench") as lab:
        lab.up(within_s=_UP_WITHIN_S)
        lab.wait_settled(quiet_s=_QUIET_S, within_s=_SETTLED_WITHIN_S)
        yield lab


def memory_mib(lab: FrrLab) -> float:
    """What the lab's daemons take, shared pages shared (PSS)."""
    return sum(psutil.Process(pid).memory_full_info().pss for pid in lab.pids()) / (1 << 20)
