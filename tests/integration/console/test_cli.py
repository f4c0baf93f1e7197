"""The commands as a shell sees them: standard output, standard error and exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from console.host import PROBES

_ABILENE = "console/networks/abilene.yaml"


def _foreshadow(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "console.entry", *arguments],
        env={**os.environ, **variables},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.netns
def test_doctor_passes_a_fit_host() -> None:
    """On a host that runs these tests the doctor ends with 0 and says how everything stands."""
    result = _foreshadow("doctor", "--json")

    said = json.loads(result.stdout)
    assert (result.returncode, said["is_fit"]) == (0, True)
    assert [finding["name"] for finding in said["findings"]] == list(PROBES)


def test_doctor_fails_a_host_that_lacks_something(tmp_path: Path) -> None:
    """Without the tools on the path the doctor ends with 4 and names the remedy."""
    result = _foreshadow("doctor", PATH=str(tmp_path))

    assert result.returncode == 4
    assert "✗  iproute2" in result.stdout
    assert "→ make setup (package iproute2)" in result.stdout
    assert "cannot run Foreshadow yet" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "variables", "said"),
    [
        (("clean", "fs12"), {}, "RUN_ID: 'fs12' is no run id"),
        (("doctor",), {"FORESHADOW_RUNDIR": "x"}, "FORESHADOW_RUNDIR: no such setting"),
        (("doctr",), {}, "No such command"),
        (("run", "nonsense"), {}, "no process 'nonsense'; there are ingest"),
        (("demo", "--cut", "CHINng-LOSAng"), {}, "no link 'CHINng-LOSAng' in the network"),
        (("demo", "--day", "2004-03-02"), {}, "choose a later day"),
        (("demo", "--growth", "inf"), {}, "Invalid value for '--growth'"),
        (("demo", "--traffic", "/none.csv"), {}, "/none.csv: no such file"),
        (
            ("up", "--network", _ABILENE),
            {"FORESHADOW_POLICY__GOVERNANCE_FILE": "/none.yaml"},
            "/none.yaml: cannot be read",
        ),
        (
            ("doctor",),
            {"FORESHADOW_BUS__BOOTSTRAP": "nonsense"},
            "FORESHADOW_BUS__BOOTSTRAP: 'nonsense' is no broker's address",
        ),
    ],
)
def test_wrong_use_ends_with_2(
    arguments: tuple[str, ...], variables: dict[str, str], said: str
) -> None:
    """A wrong argument or setting is one error on standard error, and no result."""
    result = _foreshadow(*arguments, **variables)

    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_config_show_hides_secrets() -> None:
    """The settings in force are shown, a password is not."""
    result = _foreshadow("config", "show", FORESHADOW_ROLLOUT__SSH_PASSWORD="hunter2")  # noqa: S106

    assert result.returncode == 0
    assert set(json.loads(result.stdout)["rollout"]["ssh_password"]) == {"*"}
    assert "hunter2" not in result.stdout + result.stderr
