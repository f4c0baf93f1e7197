"""Telling processes apart, finding those of a run, and ending them."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from console.processes import RUN_ID_VARIABLE, ProcessMark, end, others, processes_of, spawn
from foreshadow.clock import SystemClock
from tests.eventually import eventually

_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process of the run fs0000aa that does nothing."""
    with (tmp_path / "log").open("w") as log:
        child = spawn("fs0000aa", ["sleep", "60"], directory=tmp_path, log=log)
    yield child
    child.kill()
    child.wait()


def _mark(child: "subprocess.Popen[str]") -> ProcessMark:
    mark = ProcessMark.of(child.pid)
    assert mark is not None
    return mark


def test_mark_is_alive_while_its_process_runs(sleeper: "subprocess.Popen[str]") -> None:
    """A mark lives exactly as long as its process, the unreaped zombie not counted."""
    mark = _mark(sleeper)
    assert mark.is_alive()

    sleeper.kill()

    assert eventually(lambda: not mark.is_alive(), within_s=5)


def test_mark_of_an_earlier_process_with_the_same_number_is_dead(
    sleeper: "subprocess.Popen[str]",
) -> None:
    """The number alone does not make it the same process, nor does it in another boot."""
    mark = _mark(sleeper)

    assert not replace(mark, start_ticks=mark.start_ticks - 1).is_alive()
    assert not replace(mark, boot_id="an earlier boot").is_alive()


def test_mark_survives_a_name_with_brackets_and_blanks(tmp_path: Path) -> None:
    """A process named `) 1 (` is read right: its name is the one field that holds anything."""
    odd = tmp_path / ") 1 ("
    odd.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(odd), "60"], text=True)
    try:
        assert _mark(child).is_alive()
    finally:
        child.kill()
        child.wait()


def test_processes_of_finds_by_environment(sleeper: "subprocess.Popen[str]") -> None:
    """A process is found by the run id it was started with, and by no other."""
    assert eventually(
        lambda: [mark.pid for mark in processes_of("fs0000aa", ())] == [sleeper.pid], within_s=5
    )
    assert processes_of("fs0000ab", ()) == ()


def test_processes_of_spares_the_caller_and_its_ancestors() -> None:
    """A run that clears up after itself does not end itself."""
    script = (
        "import os; from console.processes import processes_of; print(processes_of('fs0000ac', ()))"
    )

    said = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, RUN_ID_VARIABLE: "fs0000ac"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert said.strip() == "()"
    ours, parent = ProcessMark.of(os.getpid()), ProcessMark.of(os.getppid())
    assert ours is not None
    assert parent is not None
    assert others([ours, parent]) == ()


def test_end_kills_what_ignores_sigterm() -> None:
    """A process that does not go when asked is killed after its grace."""
    child = subprocess.Popen([sys.executable, "-c", _STUBBORN], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    mark = _mark(child)

    count = end([mark], clock=SystemClock(), grace_s=0.2)

    assert count == 1
    assert not mark.is_alive()
    assert child.wait() == -9
    child.stdout.close()


def test_end_of_the_dead_ends_nothing(sleeper: "subprocess.Popen[str]") -> None:
    """Processes that are gone are not counted, and nobody else is hit."""
    gone = replace(_mark(sleeper), start_ticks=1)

    assert end([gone], clock=SystemClock()) == 0
    assert sleeper.poll() is None
