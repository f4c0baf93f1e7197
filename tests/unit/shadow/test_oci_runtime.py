"""The runtime for hosts that withhold CAP_SYS_RESOURCE: it takes out that one and hands over."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_CAPABILITIES = {
    "bounding": ["CAP_NET_ADMIN", "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"],
    "effective": ["CAP_SYS_RESOURCE"],
}
_LESS = {"bounding": ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"], "effective": []}


@pytest.fixture
def called(repository: Path, tmp_path: Path) -> Any:
    """Calls the runtime with something at runc's place that prints its arguments."""
    if shutil.which("jq") is None:
        pytest.skip("no jq; make setup-containerlab")
    runc = tmp_path / "runc"
    runc.write_text('#!/bin/sh\necho "$@"\n')
    runc.chmod(0o755)

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [str(repository / "containerlab" / "without-sys-resource"), *arguments],
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    return call


def test_a_bundle_is_created_without_the_capability(called: Any, tmp_path: Path) -> None:
    """What else the bundle says stays."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"process": {"capabilities": _CAPABILITIES}, "hostname": "r1"}))
    arguments = ("--root", "/run/x", "--log-format", "json", "create", "--bundle", str(tmp_path))

    assert called(*arguments, "--pid-file", "p", "id") == " ".join(
        (*arguments, "--pid-file", "p", "id")
    )
    assert json.loads(config.read_text()) == {
        "process": {"capabilities": _LESS},
        "hostname": "r1",
    }


def test_a_process_is_executed_without_the_capability(called: Any, tmp_path: Path) -> None:
    """The engine hands `exec` a file of its own, in either spelling."""
    process = tmp_path / "process.json"
    for spelling in (["--process", str(process)], [f"--process={process}"]):
        process.write_text(json.dumps({"capabilities": _CAPABILITIES, "args": ["vtysh"]}))

        called("--root", "/run/x", "exec", *spelling, "--detach", "id")

        assert json.loads(process.read_text()) == {"capabilities": _LESS, "args": ["vtysh"]}


def test_everything_else_is_handed_over_as_it_is(called: Any) -> None:
    """Also a container that is called like a command."""
    assert called("--root", "/run/x", "kill", "exec", "9") == "--root /run/x kill exec 9"
    assert called("state", "create") == "state create"
