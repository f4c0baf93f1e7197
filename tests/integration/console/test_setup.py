"""What set-up does to a host: tried in a mount namespace where FRR is missing and apt is ours.

Only the edge is replaced, apt-get and systemctl, because a test must not install packages; what is
tested is console/setup.sh itself, as `make setup` runs it.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.netns

_APT = """#!/bin/sh
echo "apt-get $*" >>"$RECORD"
if [ "$1" = install ]; then
    /usr/sbin/policy-rc.d frr start; echo "policy $?" >>"$RECORD"
    exit "$APT_STATUS"
fi
"""
_SYSTEMCTL = """#!/bin/sh
echo "systemctl $*" >>"$RECORD"
"""
# /usr/sbin is a copy, so that the host's own policy-rc.d is out of reach; FRR and the host's
# service scripts are hidden.
_HOST = """
set -e
mount --make-rprivate /
mount --bind "$SBIN" /usr/sbin
mount -t tmpfs none /usr/lib/frr
mount -t tmpfs none /etc/init.d
status=0
bash console/setup.sh || status=$?
ls -l /usr/sbin/policy-rc.d >>"$RECORD" 2>/dev/null || echo 'no policy' >>"$RECORD"
exit $status
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    status: int
    said: str
    record: list[str]
    policy: str | None


def _set_up(
    repository: Path, tmp_path: Path, *, policy: str | None = None, apt_status: int = 0
) -> _Outcome:
    """Run set-up on a host without FRR, with a policy-rc.d of its own or without one."""
    sbin, tools, record = tmp_path / "sbin", tmp_path / "tools", tmp_path / "record"
    subprocess.run(["cp", "-a", "/usr/sbin", str(sbin)], check=True)
    (sbin / "policy-rc.d").unlink(missing_ok=True)
    if policy is not None:
        (sbin / "policy-rc.d").write_text(policy)
        (sbin / "policy-rc.d").chmod(0o755)
    tools.mkdir()
    for name, text in (("apt-get", _APT), ("systemctl", _SYSTEMCTL)):
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    record.touch()
    result = subprocess.run(
        ["unshare", "--mount", "bash", "-c", _HOST],
        cwd=repository,
        env={
            **os.environ,
            "PATH": f"{tools}:{os.environ['PATH']}",
            "SBIN": str(sbin),
            "RECORD": str(record),
            "APT_STATUS": str(apt_status),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    left = sbin / "policy-rc.d"
    return _Outcome(
        status=result.returncode,
        said=result.stdout + result.stderr,
        record=record.read_text().splitlines(),
        policy=left.read_text() if left.exists() else None,
    )


def test_set_up_says_what_and_why_and_keeps_the_service_off(
    repository: Path, tmp_path: Path
) -> None:
    """FRR comes without its daemons starting, now or at boot, and the guard goes again."""
    outcome = _set_up(repository, tmp_path)

    assert outcome.status == 0, outcome.said
    assert "frr                    the routers of production and of its shadow" in outcome.said
    installs = [line for line in outcome.record if line.startswith("apt-get install")]
    assert len(installs) == 1
    assert installs[0].endswith(" frr")
    assert "policy 101" in outcome.record
    assert "systemctl disable --quiet frr" in outcome.record
    assert not [line for line in outcome.record if "ssh" in line]
    assert outcome.policy is None


def test_set_up_leaves_a_policy_of_the_hosts_own(repository: Path, tmp_path: Path) -> None:
    """A policy-rc.d that was there before is used as it is and not removed."""
    own = "#!/bin/sh\nexit 104\n"

    outcome = _set_up(repository, tmp_path, policy=own)

    assert outcome.status == 0, outcome.said
    assert "policy 104" in outcome.record
    assert outcome.policy == own


def test_set_up_removes_the_guard_of_one_that_was_killed(repository: Path, tmp_path: Path) -> None:
    """A guard left by SIGKILL does not block the host's services for ever."""
    stale = "#!/bin/sh\n# placed by Foreshadow while it installs packages\nexit 101\n"

    outcome = _set_up(repository, tmp_path, policy=stale)

    assert outcome.status == 0, outcome.said
    assert outcome.policy is None


def test_failed_install_ends_with_4_and_leaves_no_guard(repository: Path, tmp_path: Path) -> None:
    """Where apt cannot install what is needed, set-up says so and the host is as it was."""
    outcome = _set_up(repository, tmp_path, apt_status=100)

    assert outcome.status == 4
    assert "apt-get could not install: frr" in outcome.said
    assert outcome.policy is None
