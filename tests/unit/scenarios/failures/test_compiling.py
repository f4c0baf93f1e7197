"""Compiled functions: kept where there is a place for it, and working where there is none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """from scenarios.failures.compiling import compiled

def twice(value: int) -> int:
    return 2 * value

print(compiled(twice)(21))
"""


def _run(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
        timeout=120,
    )


@pytest.mark.slow
def test_where_nothing_can_be_kept_it_is_compiled_all_the_same() -> None:
    """A function of no file has no place for a cache, as one of a file that is read-only to all."""
    assert _run(_SCRIPT).stdout == "42\n"


@pytest.mark.slow
def test_the_kernel_is_kept_where_it_is_told_to(tmp_path: Path) -> None:
    """A second process finds what the first compiled."""
    script = (
        "from scenarios.failures import kernel\n"
        "kernel.scratch(2, 2, 1)\n"
        "print(sum(kernel.scratch.stats.cache_hits.values()))\n"
    )
    first, second = (_run(script, NUMBA_CACHE_DIR=str(tmp_path)).stdout for _ in range(2))

    assert (first, second) == ("0\n", "1\n")
    assert list(tmp_path.rglob("*.nbi"))
