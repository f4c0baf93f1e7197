"""Clearing up after a run: what it refuses, and that it is quiet when there is nothing."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from shadow.emulation.cleanup import remove_run


@pytest.mark.parametrize("run_id", ["", "fs", "fs-"])
def test_an_id_that_could_mean_several_runs_is_refused(run_id: str) -> None:
    """Removing by a short prefix would take other runs along."""
    with pytest.raises(ConfigError, match="too short"):
        remove_run(run_id)


def test_a_run_that_left_nothing_is_removed_in_silence(tmp_path: Path) -> None:
    """Nothing found is nothing removed; the run's own directory goes."""
    directory = tmp_path / "fsffffff"
    directory.mkdir()
    removed = remove_run("fsffffff", run_dir=directory)

    assert removed.namespaces == ()
    assert removed.processes == ()
    assert not directory.exists()
    assert not remove_run("fsffffff", run_dir=directory)
