"""Clearing up after a run: what it refuses, and that it is quiet when there is nothing."""

from pathlib import Path

import pytest

from foreshadow.errors import ConfigError
from shadow.emulation.cleanup import remove_restart_notes, remove_run


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


@pytest.mark.parametrize(
    ("text", "has_host_ospfd", "stays"),
    [
        ('{"instances": {}}', False, False),
        ('{"instances": {}}', True, True),
        ('{"instances": {"default": {"gracePeriod": 120}}}', False, True),
        ("half a fi", False, True),
    ],
)
def test_restart_notes_go_only_when_they_say_nothing(
    tmp_path: Path, *, text: str, has_host_ospfd: bool, stays: bool
) -> None:
    """The file is the host's: with an ospfd of its own, or a note in it, it is left alone."""
    notes = tmp_path / "ospfd-gr.json"
    notes.write_text(text)
    if has_host_ospfd:
        (tmp_path / "ospfd.vty").touch()
    remove_restart_notes(place=tmp_path)

    assert notes.exists() is stays
