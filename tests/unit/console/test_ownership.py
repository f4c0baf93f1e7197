"""Claiming a run, finding it again, and knowing whether its owner lives."""

import os
import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from console.ownership import (
    OWNER_FILE,
    Run,
    claim_run,
    find_runs,
    is_run_id,
    keep_run,
    release_run,
    take_over,
)
from foreshadow.codec import to_json
from foreshadow.errors import ConfigError
from tests.fakes.clock import FakeClock


def _claim(root: Path, clock: FakeClock, *, pid: int | None = None, seed: int = 1) -> Run:
    return claim_run(
        root / "runs",
        pid=pid or os.getpid(),
        command="demo",
        clock=clock,
        rng=random.Random(seed),
        registry=root / "registry",
    )


def test_claimed_run_is_live_and_found(tmp_path: Path, fake_clock: FakeClock) -> None:
    """A claimed run has a directory, a live owner, and is found in its root and in the registry."""
    run = _claim(tmp_path, fake_clock)

    owner = run.owner()
    assert is_run_id(run.run_id)
    assert run.is_live()
    assert owner is not None
    assert (owner.command, owner.since) == ("demo", fake_clock.now())
    assert find_runs(tmp_path / "runs", registry=tmp_path / "nowhere") == (run,)
    assert find_runs(tmp_path / "elsewhere", registry=tmp_path / "registry") == (run,)


def test_run_of_an_ended_process_is_dead(tmp_path: Path, fake_clock: FakeClock) -> None:
    """The run outlives its owner as a dead run, which is what cleaning looks for."""
    child = subprocess.Popen(["sleep", "60"])
    run = _claim(tmp_path, fake_clock, pid=child.pid)
    assert run.is_live()

    child.kill()
    child.wait()

    assert not run.is_live()
    assert find_runs(tmp_path / "runs", registry=tmp_path / "registry") == (run,)


def test_two_claims_never_share_an_id(tmp_path: Path, fake_clock: FakeClock) -> None:
    """An id that is taken is not given again, whatever the random source says."""
    first = _claim(tmp_path, fake_clock, seed=7)
    second = _claim(tmp_path, fake_clock, seed=7)

    assert first.run_id != second.run_id


@pytest.mark.parametrize("record", ["", "{}", '{"process": 3}'])
def test_unreadable_record_means_a_dead_run(
    tmp_path: Path, fake_clock: FakeClock, record: str
) -> None:
    """A record cut off by a crash does not keep a run alive, nor break the cleaning."""
    run = _claim(tmp_path, fake_clock)
    (run.directory / OWNER_FILE).write_text(record)

    assert run.owner() is None
    assert not run.is_live()


def test_released_run_leaves_nothing(tmp_path: Path, fake_clock: FakeClock) -> None:
    """After release neither the directory nor the registry knows the run; twice is no error."""
    run = _claim(tmp_path, fake_clock)
    (run.directory / "broker").mkdir()

    release_run(run, registry=tmp_path / "registry")
    release_run(run, registry=tmp_path / "registry")

    assert not run.directory.exists()
    assert find_runs(tmp_path / "runs", registry=tmp_path / "registry") == ()


def test_root_that_is_a_file_is_the_operators_error(tmp_path: Path, fake_clock: FakeClock) -> None:
    """A run directory that cannot be made is named, with the setting to change."""
    (tmp_path / "runs").write_text("not a directory")

    with pytest.raises(ConfigError, match="FORESHADOW_RUN_DIR"):
        _claim(tmp_path, fake_clock)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("fs3fa9c1", True),
        ("fs3fa9c", False),
        ("fs3fa9c11", False),
        ("fs3FA9C1", False),
        ("../fs3fa9c1", False),
        ("fs3fa9c1\n", False),
    ],
)
def test_run_id_has_one_form(text: str, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    """Only `fs` and six hexadecimal digits name a run: it becomes part of a path."""
    assert is_run_id(text) is is_one


def test_run_that_is_kept_outlives_its_owner(tmp_path: Path, fake_clock: FakeClock) -> None:
    """Also when somebody worked with it in between; only a name removes it."""
    run = _claim(tmp_path, fake_clock)
    keep_run(run)
    take_over(run, pid=os.getpid(), command="y", clock=fake_clock)
    owner = run.owner()
    assert owner is not None
    gone = replace(owner, process=replace(owner.process, start_ticks=0))
    (run.directory / OWNER_FILE).write_bytes(to_json(gone))

    assert not gone.process.is_alive()
    assert run.is_live()
    assert run.is_kept()
