"""The runner of a drill that kills itself at one line of its journal: a process of a test.

    python killed_drill.py RUN_ID LAB DRILLS PLACE LINE HOW

HOW is `before` (what the line tells of is done, the line is not), `torn` (half of it) or `after`.
"""

import os
import signal
import sys
from pathlib import Path

from foreshadow.clock import SystemClock
from foreshadow.experiment import Experiment, Purpose
from scenarios.drill_plan import encode_plan
from scenarios.drills.drill import run_experiment
from scenarios.drills.drill_journal import DrillJournal, LabName
from scenarios.drills.drill_room import DrillRoom
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.drill_plans import two_faults
from tests.square_story import demand, square


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(line: int, how: str) -> None:
    """From now on the journal kills its writer at that line."""
    append = DrillJournal._append
    written = 0

    def deadly(journal: DrillJournal, text: bytes) -> None:
        nonlocal written
        written += 1
        if written == line and how == "before":
            _die()
        if written == line and how == "torn":
            os.write(journal._file, text[: len(text) // 2])
            _die()
        append(journal, text)
        if written == line:
            _die()

    DrillJournal._append = deadly  # type: ignore[assignment, method-assign]


def main(arguments: list[str]) -> None:
    """Adopt the lab, run the drill, die."""
    run_id, name, drills, place, line, how = arguments
    kill_at(int(line), how)
    lab = NetnsLab.adopted(run_id=run_id, name=name)
    plan = two_faults()
    run_experiment(
        Experiment(
            id=plan.id,
            purpose=Purpose.DRILL,
            cause="test",
            cut=(),
            demand=demand(),
            load_limit=2.0,
            drill=encode_plan(plan),
        ),
        Bench(lab=lab, topology=design(square())[0], fidelity=1.0),
        SystemClock(),
        room=DrillRoom(
            drills=Path(drills), lab=LabName(run_id=run_id, name=name), place=Path(place)
        ),
    )


if __name__ == "__main__":
    main(sys.argv[1:])
