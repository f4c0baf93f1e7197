"""How long the whole demo takes and how much memory: rows of the loop's table.

Each is one real `foreshadow demo` in a process of its own, and its own report's figures: the wall
clock from the first thing it starts to the last stage, and the peak of the proportional set size of
everything it started, broker, production, mirror and bench included.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks._report import NotMeasured, Row

_REPOSITORY = Path(__file__).resolve().parents[1]
_SHARED_DATA = Path(
    os.environ.get("FORESHADOW_SHARED_DATA") or _REPOSITORY.parent / "shared" / "data"
)
_MATRICES = _SHARED_DATA / "traffic" / "abilene_tm_5min_20040301-20040314_mbps.csv.gz"
_BUILTIN_WALL_S = 240.0
_MATRICES_WALL_S = 300.0
_MEMORY_MIB = 4096.0


def demo_builtin() -> Iterator[Row]:
    """The reference drill on the built-in profile, once."""
    yield from _rows("demo_builtin", _report(), wall_target_s=_BUILTIN_WALL_S)


def demo_matrices() -> Iterator[Row]:
    """The reference drill on the measured matrices, once; skipped where they are not there.

    Raises:
        NotMeasured: There are no matrices.
    """
    if not _MATRICES.is_file():
        raise NotMeasured("the public matrices are not here; name them by FORESHADOW_SHARED_DATA")
    report = _report("--traffic", str(_MATRICES))
    yield from _rows("demo_matrices", report, wall_target_s=_MATRICES_WALL_S)


def _rows(name: str, report: dict[str, Any], *, wall_target_s: float) -> Iterator[Row]:
    yield Row(
        name=f"{name}_wall", value=report["wall_s"], unit="s", target=wall_target_s, repetitions=1
    )
    yield Row(
        name=f"{name}_memory",
        value=report["peak_memory_mb"],
        unit="MiB",
        target=_MEMORY_MIB,
        repetitions=1,
    )
    yield Row(
        name=f"{name}_gate_to_reverted",
        value=report["rollback"]["gate_to_reverted_s"],
        unit="s",
        target=None,
        repetitions=1,
    )


def _report(*options: str) -> dict[str, Any]:
    """The report of one demo.

    Raises:
        RuntimeError: A stage did not hold: a run that broke early took no time worth telling.
    """
    with TemporaryDirectory() as directory:
        done = subprocess.run(
            [sys.executable, "-m", "console.entry", "demo", "--report", directory, *options],
            cwd=_REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        written = Path(directory) / "report.json"
        if not written.exists():
            raise RuntimeError(f"the demo ended with {done.returncode}: {done.stderr[-500:]}")
        report: dict[str, Any] = json.loads(written.read_text())
    if not report["held"]:
        broken = [stage["name"] for stage in report["stages"] if not stage["held"]]
        raise RuntimeError(f"the demo did not hold: {', '.join(broken) or 'not all reached'}")
    return report
