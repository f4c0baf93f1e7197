"""Drills as a shell sees them: run, shown, run again, stopped, killed and recovered."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml

from tests.eventually import eventually

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_ROOT = Path(__file__).parents[3]
_NETWORK = _ROOT / "tests" / "networks" / "square.yaml"
_SCENARIO = """\
version: 1
name: one-link
rationale: A test breaks a link for a while.
select:
  one: {links: NE-SE}
steps:
  - {inject: link-down, on: one, for: 2s}
checks:
  before: {reachability_at_least: 100%}
  during: {converged_within: 10s, reachability_at_least: 100%}
  after: {reachability_at_least: 100%, no_loop: true}
"""
_STOPPED = 128 + signal.SIGTERM


class Shell:
    """`foreshadow` with run folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self._started: list[subprocess.Popen[str]] = []
        self.scenario = folder / "one-link.yaml"
        self.scenario.write_text(_SCENARIO)

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start a command and do not wait."""
        process = subprocess.Popen(
            [sys.executable, "-m", "console.entry", *map(str, arguments)],
            env={**os.environ, "FORESHADOW_RUN_DIR": str(self.runs)},
            cwd=_ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        return process

    def end(self) -> None:
        """Leave no process and no lab, however the tests went."""
        for process in self._started:
            process.kill()
            process.communicate()
        for run in self.runs.glob("fs*"):
            self.run("clean", run.name)

    def run(self, *arguments: object) -> tuple[int, str, str]:
        """Run a command to its end: status, standard output, standard error."""
        process = self.start(*arguments)
        said, story = process.communicate(timeout=120)
        return process.returncode, said, story

    def drill(self, *arguments: object) -> "subprocess.Popen[str]":
        """Start the drill on a lab of its own."""
        drill = ("scenario", "run", self.scenario, "--network", _NETWORK, "--load-limit", 5)
        return self.start(*drill, *arguments)

    def namespaces(self) -> list[str]:
        """What the runs of this shell have left in the kernel."""
        runs = [entry.name for entry in self.runs.iterdir() if entry.name.startswith("fs")]
        return [ns.name for run in runs for ns in Path("/run/netns").glob(f"{run}-*")]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One place for all drills of this module; whatever they leave is removed."""
    shell = Shell(tmp_path_factory.mktemp("drills"))
    yield shell
    shell.end()


@pytest.fixture(scope="module")
def report(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """One drill that ran to its end: its evidence, and what it printed as JSON."""
    folder = tmp_path_factory.mktemp("report")
    process = shell.drill("--json", "--report", folder)
    said, story = process.communicate(timeout=120)
    assert process.returncode in (0, 3), story
    (evidence,) = folder.iterdir()
    return evidence, json.loads(said)


def test_a_drill_leaves_evidence_and_nothing_else(
    shell: Shell, report: tuple[Path, dict[str, Any]]
) -> None:
    """Verdict, findings, both meters, versions and every file sealed; no lab stays."""
    folder, said = report

    evidence = json.loads((folder / "evidence.json").read_text())
    result = said["result"]
    assert evidence["verdict"] == {0: "PASSED", 1: "INCONCLUSIVE"}[result["verdict"]]
    assert result["undo_verified"]
    assert result["convergence"]["probes_lost"] > 0
    assert evidence["host"]["frr"].startswith("FRRouting")
    assert set(evidence["files"]) >= {"probes.npz", "experiment.json", "journal.jsonl"}
    suites = JUnitXml.fromfile(str(folder / "junit.xml"))
    assert suites.failures == 0
    assert suites.tests >= len(result["findings"])
    page = (folder / "report.html").read_text()
    assert "Two meters, one clock" in page
    assert "<script" not in page
    assert shell.namespaces() == []


def test_a_drill_is_listed_and_shown(shell: Shell, report: tuple[Path, dict[str, Any]]) -> None:
    """By its id or how it begins; evidence that was changed is refused."""
    drill = report[0].name

    _, listed, _ = shell.run("drill", "list", "--json")
    drills = [row["drill"] for row in json.loads(listed)]
    status, shown, _ = shell.run("drill", "show", _beginning(drill, drills))
    kept = shell.runs / "drills" / drill / "timeline.jsonl"
    told = kept.read_text()
    kept.write_text(told.replace("link", "lynx"))
    forged, _, says = shell.run("drill", "show", drill)
    kept.write_text(told)

    assert drills.count(drill) == 1
    assert status == 0
    assert "NE-SE down" in shown
    assert forged == 2
    assert "timeline.jsonl: was changed after it was sealed" in says


def test_a_drill_is_run_again_from_its_evidence_alone(
    shell: Shell, report: tuple[Path, dict[str, Any]]
) -> None:
    """Another lab, the same tables and loads; a busy host may leave the verdict open."""
    status, said, story = shell.run("drill", "replay", report[0], "--json")

    replay = json.loads(said)
    settled = [row for row in replay["rows"] if row["name"].startswith(("loads", "best paths"))]
    assert status in (0, 3), story
    assert len(settled) == 6
    assert all(row["is_same"] for row in settled)
    assert shell.namespaces() == []


def test_a_stopped_drill_is_undone(shell: Shell) -> None:
    """SIGTERM with a link down: undone and verified, evidence and status say it was stopped."""
    before = set(shell.runs.glob("drills/*"))
    process = shell.drill()
    eventually(lambda: set(shell.runs.glob("drills/*")) > before, within_s=60)
    (folder,) = set(shell.runs.glob("drills/*")) - before
    eventually(lambda: '"injected"' in (folder / "journal.jsonl").read_text(), within_s=60)

    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    evidence = json.loads((folder / "evidence.json").read_text())
    assert process.returncode == _STOPPED
    assert evidence["verdict"] == "INCONCLUSIVE"
    assert evidence["reasons"][0] == "the drill was told to stop"
    assert evidence["undo_verified"]
    assert shell.namespaces() == []


def test_a_killed_drill_is_recovered(shell: Shell) -> None:
    """SIGKILL with a link down: the next command finds the lab, undoes, verifies and says so."""
    before = set(shell.runs.glob("drills/*"))
    process = shell.drill()
    eventually(lambda: set(shell.runs.glob("drills/*")) > before, within_s=60)
    (folder,) = set(shell.runs.glob("drills/*")) - before
    eventually(lambda: '"injected"' in (folder / "journal.jsonl").read_text(), within_s=60)

    process.kill()
    process.communicate(timeout=60)
    left = shell.namespaces()
    status, said, story = shell.run("drill", "recover", "--json")
    again, nothing, _ = shell.run("drill", "recover")
    shell.run("clean")

    assert left
    assert status == 0, (said, story)
    (found,) = json.loads(said)
    assert found["drill"] == folder.name
    assert found["found"] == ["NE-SE down"]
    assert found["left"] == []
    assert (again, nothing.strip()) == (0, "no drill was cut short")
    assert shell.namespaces() == []


def test_a_kept_lab_is_drilled_again(shell: Shell) -> None:
    """--keep leaves the lab, --lab drills on it; while it is drilled nobody else may."""
    process = shell.drill("--keep", "--json")
    said, story = process.communicate(timeout=120)
    assert process.returncode in (0, 3), story
    lab = json.loads(said)["kept_lab"]

    again = ("scenario", "run", shell.scenario, "--lab", lab, "--load-limit", 5)
    first = shell.start(*again, "--json")
    locks = list(shell.runs.glob("fs*/drill.lock"))
    eventually(lambda: _is_held(locks), within_s=60)
    # It stands still in the middle, however long the second one takes to start.
    first.send_signal(signal.SIGSTOP)
    refused, _, why = shell.run(*again)
    first.send_signal(signal.SIGCONT)
    once_more, story = first.communicate(timeout=120)
    shell.run("clean", lab.partition("-")[0])

    assert refused == 2
    assert f"{lab} belongs to `scenario run`" in why
    assert json.loads(once_more)["result"]["undo_verified"], story
    assert shell.namespaces() == []


def _beginning(drill: str, drills: list[str]) -> str:
    """As much of a drill's id as no other one begins with; other tests leave drills, too.

    All of it where another begins with the whole: a replay does.
    """
    lengths = range(1, len(drill) + 1)
    alone = (drill[:n] for n in lengths if sum(it.startswith(drill[:n]) for it in drills) == 1)
    return next(alone, drill)


def _is_held(locks: list[Path]) -> bool:
    for path in locks:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
    return False
