"""A lab of one's own outlives its command, is levelled while it runs, and goes without trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from console.clean import clean
from console.cli import app
from console.ownership import find_runs
from foreshadow.clock import SystemClock
from foreshadow.errors import ConfigError

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_OLD = "{a: SW, b: NW, capacity_gbps: 2.5, cost: 15}"
_NEW = "{a: SW, b: NW, capacity_gbps: 1, cost: 30}"


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of runs whose labs are gone in the end."""
    root = tmp_path / "runs"
    monkeypatch.setenv("FORESHADOW_RUN_DIR", str(root))
    yield root
    for run in find_runs(root):
        if run.directory.is_relative_to(root.resolve()):
            clean(root, clock=SystemClock(), run_id=run.run_id)


def _said(*words: str) -> str:
    result = CliRunner().invoke(app, ["lab", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def test_lab_comes_up_stays_is_levelled_and_goes(runs: Path, repository: Path) -> None:
    """Every command is a process of its own in life; here each adopts what the last one left."""
    network = repository / "tests" / "networks" / "square.yaml"
    changed = runs.parent / "changed.yaml"
    text = network.read_text()
    assert _OLD in text
    changed.write_text(text.replace(_OLD, _NEW))

    up = json.loads(_said("up", str(network), "--name", "own", "--json"))
    assert (up["routers"], up["links"]) == (6, 6)
    name = up["name"]
    run_id = name.partition("-")[0]
    assert [run.is_live() for run in find_runs(runs) if run.run_id == run_id] == [True]
    with pytest.raises(ConfigError, match="there is no lab 'other'"):
        _said("level", str(changed), "--name", "other")

    wanted = ["NW configured: interface to-SW; bandwidth 1000; ip ospf cost 30"]
    wanted += ["SW configured: interface to-NW; bandwidth 1000; ip ospf cost 30"]
    dry = json.loads(_said("level", str(changed), "--name", name, "--dry-run", "--json"))
    assert [it["says"] for it in dry] == wanted
    done = json.loads(_said("level", str(changed), "--name", "own", "--json"))
    assert [it["says"] for it in done] == wanted
    assert "Nothing to do" in _said("level", str(changed), "--name", "own")

    changed.write_text(changed.read_text() + "igp: isis\n")
    _said("level", str(changed), "--name", "own")
    assert "Nothing to do" in _said("level", str(changed), "--name", "own")
    states = {it["name"]: it for it in json.loads(_said("status", "--json"))}
    assert (states[name]["dead"], states[name]["down"]) == ([], [])

    _said("down", name)
    assert not list(Path("/run/netns").glob(f"{run_id}*"))
    assert not list(Path("/var/run/frr").glob(f"{run_id}*"))
    assert not any(run.run_id == run_id for run in find_runs(runs))


def test_plan_between_two_files_needs_no_lab(runs: Path, repository: Path) -> None:
    """As text and as JSON; equal files need nothing."""
    network = repository / "tests" / "networks" / "square.yaml"
    fewer = runs.parent / "fewer.yaml"
    fewer.write_text(network.read_text().replace(f"  - {_OLD}\n", ""))
    plan = json.loads(_said("plan", str(network), str(fewer), "--json"))

    assert plan[-1] == {"kind": "remove-link", "says": "SW-NW taken away"}
    assert _said("plan", str(network), str(network)) == "Nothing to do: it is so already.\n"
