"""What the set-up of containers does to a host: in a mount namespace without an engine's program.

Only the edge is replaced, apt-get and systemctl, because a test must not install packages.
"""

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.containers

_NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$RECORD"\n'
_HOST = """
set -e
mount --make-rprivate /
mount --bind "$SBIN" /usr/sbin
exec bash console/setup-containerlab.sh
"""


def _set_up(repository: Path, tmp_path: Path, *, lacking: tuple[str, ...]) -> tuple[str, list[str]]:
    """What set-up says, and what it asked of apt and systemd, on a host that lacks programs."""
    sbin, tools, record = tmp_path / "sbin", tmp_path / "tools", tmp_path / "record"
    subprocess.run(["cp", "-a", "/usr/sbin", str(sbin)], check=True)
    for name in ("policy-rc.d", *lacking):
        (sbin / name).unlink(missing_ok=True)
    tools.mkdir()
    for name in ("apt-get", "systemctl"):
        (tools / name).write_text(_NOTE)
        (tools / name).chmod(0o755)
    record.touch()
    path = f"{tools}:{os.environ['PATH']}"
    done = subprocess.run(
        ["unshare", "--mount", "bash", "-c", _HOST],
        cwd=repository,
        env={**os.environ, "PATH": path, "SBIN": str(sbin), "RECORD": str(record)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not (sbin / "policy-rc.d").exists()
    return done.stdout, record.read_text().splitlines()


def test_where_nothing_is_missing_nothing_is_installed(repository: Path, tmp_path: Path) -> None:
    """The engine runs, the image is current: one line, and apt is left alone."""
    said, asked = _set_up(repository, tmp_path, lacking=())

    assert len(said.splitlines()) == 1
    assert asked == []


def test_what_is_missing_is_named_with_its_reason_and_starts_no_service(
    repository: Path, tmp_path: Path
) -> None:
    """Debian's engine comes without its service, its socket or its containerd at boot."""
    said, asked = _set_up(repository, tmp_path, lacking=("dockerd",))

    assert "docker.io              the engine that runs routers as containers" in said
    assert next(it for it in asked if " install " in it).endswith(" docker.io")
    for service in ("docker", "docker.socket", "containerd"):
        assert f"systemctl disable --quiet {service}" in asked
