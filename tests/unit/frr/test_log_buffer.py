"""What SIGKILL leaves of an FRR daemon's log."""

from pathlib import Path

from frr.log_buffer import remove_log_buffers


def test_only_the_buffers_of_the_killed_are_removed(tmp_path: Path) -> None:
    """A daemon of the host, whose number ends alike, keeps its own."""
    for name in ("zebra.123", "bgpd.123", "zebra.9123", "zebra.12"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "logbuf").touch()

    assert remove_log_buffers([123, 77], place=tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["zebra.12", "zebra.9123"]


def test_a_host_without_the_folder_has_nothing_to_remove(tmp_path: Path) -> None:
    """FRR makes the folder with its first daemon."""
    assert remove_log_buffers([123], place=tmp_path / "none") == 0
