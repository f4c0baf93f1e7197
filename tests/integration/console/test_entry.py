"""The command is stopped while it still loads."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.eventually import eventually

_CAUGHT = re.compile(r"^SigCgt:\s*([0-9a-f]+)$", re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_imports_ends_it_without_a_traceback(number: signal.Signals) -> None:
    """One line and the shell's status, from the moment the signals are taken."""
    with subprocess.Popen(
        [sys.executable, "-m", "console.entry", "doctor"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        eventually(lambda: _takes(process.pid, signal.SIGTERM), within_s=10)
        process.send_signal(number)
        said, _ = process.communicate(timeout=30)

    assert said == f"foreshadow: stopped by {number.name}\n"
    assert process.returncode == 128 + number


def _takes(pid: int, number: signal.Signals) -> bool:
    """Whether the process has a handler of its own for a signal."""
    found = _CAUGHT.search(Path(f"/proc/{pid}/status").read_text())
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)
