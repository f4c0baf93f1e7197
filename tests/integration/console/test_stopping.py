"""What is stopped, or killed, leaves nothing behind: seen from outside, as a shell sees it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from console.processes import processes_of
from tests.eventually import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.netns, pytest.mark.slow]

_SQUARE = Path(__file__).parents[2] / "e2e" / "square.yaml"
_SQUARE_PROFILE = _SQUARE.with_name("square_profile.yaml")


@contextmanager
def _foreshadow(
    tmp_path: Path, *arguments: str
) -> "Iterator[tuple[subprocess.Popen[bytes], Path]]":
    """A command in a process group of its own, and where it talks to."""
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "console.entry", *arguments],
            env={**os.environ, "FORESHADOW_RUN_DIR": str(tmp_path / "runs")},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process, said
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
            subprocess.run(
                [sys.executable, "-m", "console.entry", "clean"], check=True, capture_output=True
            )


def _await(said: Path, pattern: str) -> str:
    """What a pattern's group matched, once the command said so."""
    found = eventually(lambda: re.search(pattern, said.read_text()), within_s=90)
    assert found is not None
    return found[1]


def _left_of(run_id: str) -> list[str]:
    """Whatever of a run still is on this host."""
    named = [
        path.name
        for place in ("/run/netns", "/var/run/frr", "/run/foreshadow", "/sys/class/net")
        for path in Path(place).glob(f"{run_id}*")
    ]
    return named + [str(mark.pid) for mark in processes_of(run_id, ())]


def test_ctrl_c_while_the_demo_sets_up_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C twice, the second amid the clean-up: status 130, one line, nothing left."""
    demo = ("--network", str(_SQUARE), "--profile", str(_SQUARE_PROFILE), "--cut", "ALPHA-BRAVO")
    with _foreshadow(tmp_path, "demo", *demo, "--report", str(tmp_path)) as (process, said):
        run_id = _await(said, r"run (fs[0-9a-f]{6}):")
        eventually(lambda: list(Path("/run/netns").glob(f"{run_id}-*")) or None, within_s=60)
        os.killpg(process.pid, signal.SIGINT)
        _await(said, "(Stopping)")
        os.killpg(process.pid, signal.SIGINT)

        assert process.wait(60) == 130

    assert "stopped by SIGINT" in said.read_text()
    assert "Traceback" not in said.read_text()
    assert _left_of(run_id) == []
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_house_mends_itself_and_goes_when_told(tmp_path: Path) -> None:
    """A process killed with SIGKILL is started again and said so; Ctrl-C takes all down."""
    with _foreshadow(tmp_path, "up", "--network", str(_SQUARE)) as (process, said):
        run_id = _await(said, r"is up as run (fs[0-9a-f]{6})")
        forecast = _process(process.pid, "forecast")
        forecast.kill()
        _await(said, r"(forecast) started again")

        assert _process(process.pid, "forecast").pid != forecast.pid
        assert process.poll() is None

        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) == 0

    assert _left_of(run_id) == []


def _process(owner: int, name: str) -> psutil.Process:
    """The process of a house by that name."""
    return next(
        child for child in psutil.Process(owner).children() if child.cmdline()[-2:] == ["run", name]
    )
