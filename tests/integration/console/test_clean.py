"""`foreshadow clean` after a run that was killed with SIGKILL, beside one that lives."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.clean import clean
from console.ownership import find_runs
from console.processes import processes_of
from foreshadow.clock import SystemClock
from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.kafka, pytest.mark.slow]

_CLOCK = SystemClock()

_OWNER = """
import os, subprocess, sys
from pathlib import Path
from console.broker import start_broker
from console.ownership import claim_run
from foreshadow.clock import SystemClock

clock, root = SystemClock(), Path(sys.argv[1])
run = claim_run(root / "runs", pid=os.getpid(), command="test", clock=clock, registry=root / "reg")
space = f"{run.run_id}-lab-R1"
with start_broker(run, clock=clock, may_embed=False):
    subprocess.run(["ip", "netns", "add", space], check=True)
    subprocess.run(["ip", "link", "add", f"{run.run_id}a", "type", "veth", "peer", "name",
                    f"{run.run_id}b"], check=True)
    Path("/run/frr", space).mkdir(parents=True)
    # A router's daemon: in the namespace, of another session, its environment wiped.
    subprocess.Popen(["ip", "netns", "exec", space, "env", "-i", "/bin/sleep", "600"],
                     start_new_session=True)
    print(run.run_id, flush=True)
    sys.stdin.read()
"""


@contextmanager
def _owner(root: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert owner.stdout is not None
        yield owner, owner.stdout.readline().strip()
    finally:
        owner.kill()
        owner.wait()
        for pipe in (owner.stdin, owner.stdout):
            if pipe is not None:
                pipe.close()


def _traces(root: Path, run_id: str) -> list[str]:
    """Whatever on this host still carries the run's id."""
    space = Path("/run/netns", f"{run_id}-lab-R1")
    places = ("/run/netns", "/run/frr", "/sys/class/net", str(root / "runs"), str(root / "reg"))
    files = [str(path) for place in places for path in Path(place).glob(f"{run_id}*")]
    return files + [f"process {mark.pid}" for mark in processes_of(run_id, [space])]


def test_clean_removes_a_killed_run_and_spares_a_live_one(tmp_path: Path) -> None:
    """After SIGKILL one command removes broker, namespace, daemon, cable and files: of that run."""
    with _owner(tmp_path) as (killed, dead_id), _owner(tmp_path) as (_, live_id):
        killed.kill()
        killed.wait()
        # The JVM, the daemon, the namespace, FRR's directory, both cable ends, run and registry.
        assert eventually(lambda: len(_traces(tmp_path, dead_id)) == 8, within_s=5)
        before = _traces(tmp_path, live_id)

        cleaning = clean(tmp_path / "runs", clock=_CLOCK, registry=tmp_path / "reg")

        assert [removal.run_id for removal in cleaning.removed] == [dead_id]
        assert cleaning.removed[0].processes == 2
        assert cleaning.live == (live_id,)
        assert _traces(tmp_path, dead_id) == []
        assert _traces(tmp_path, live_id) == before

        by_name = clean(tmp_path / "runs", clock=_CLOCK, run_id=live_id, registry=tmp_path / "reg")

        assert by_name.removed[0].namespaces == 1
        assert _traces(tmp_path, live_id) == []
    assert find_runs(tmp_path / "runs", registry=tmp_path / "reg") == ()
