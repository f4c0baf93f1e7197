"""A drill's runner is killed; whoever comes next finds what it left, undoes and verifies it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from scenarios.drills.baseline import Baseline, differences, take
from scenarios.drills.drill_journal import DrillJournal, LabName, Opening, find_records
from scenarios.drills.recovery import lay_to_rest, recover
from scenarios.drills.steadiness import unsteady
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.square_story import square

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_CHILD = Path(__file__).with_name("killed_drill.py")
_SIGKILLED = -9
_JOURNAL_LINES = 11
"""Opening, what is watched, two faults with four lines each, and the last."""


@pytest.fixture(scope="module")
def lab(session_run: Run) -> Iterator[NetnsLab]:
    """A lab that every killed drill is recovered on."""
    with NetnsLab(design(square())[1], run_id=session_run.run_id, name="kill") as lab:
        lab.up(within_s=60)
        eventually(lambda: not unsteady(lab), within_s=130)
        yield lab


def _drill_until_killed(run: Run, tmp_path: Path, line: int, how: str) -> int:
    arguments = [run.run_id, "kill", tmp_path / "drills", tmp_path, line, how]
    child = subprocess.run(
        [sys.executable, _CHILD, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        check=False,
        timeout=90,
    )
    return child.returncode


@pytest.mark.parametrize(
    ("line", "how"),
    [(line, ("before", "torn", "after")[line % 3]) for line in range(2, _JOURNAL_LINES + 1)],
)
def test_a_killed_drill_is_undone_and_verified(
    lab: NetnsLab, session_run: Run, tmp_path: Path, *, line: int, how: str
) -> None:
    """Wherever it was killed, kernels, processes, configurations and best paths come back."""
    before: Baseline = take(lab)

    status = _drill_until_killed(session_run, tmp_path, line, how)
    (record,) = find_records(tmp_path / "drills")
    was_open = not record.is_closed
    adopted = NetnsLab.adopted(run_id=session_run.run_id, name="kill")
    try:
        found = recover(record, adopted, SystemClock())
    finally:
        adopted.release()

    assert status == _SIGKILLED
    assert was_open or (line, how) == (_JOURNAL_LINES, "after")
    assert found.is_whole, found.left
    (closed,) = find_records(tmp_path / "drills")
    assert closed.is_closed
    assert closed.in_force() == ()
    assert differences(before, take(lab)) == ()


def test_a_lab_that_is_gone_is_said_to_be(session_run: Run, tmp_path: Path) -> None:
    """A journal whose lab was removed is closed with what became of it."""
    folder = tmp_path / "drills" / "d-1"
    folder.mkdir(parents=True)
    clock = SystemClock()
    opening = Opening(
        drill="d-1",
        scenario="",
        lab=LabName(run_id=session_run.run_id, name="kill2"),
        pid=1,
        at=clock.now(),
        plan_sha256="",
    )
    DrillJournal.begin(folder, opening, clock).close()
    (record,) = find_records(tmp_path / "drills")

    found = lay_to_rest(record, clock)

    assert found.is_lab_gone
    assert "the lab is gone" in str(found)
    assert find_records(tmp_path / "drills")[0].is_closed
