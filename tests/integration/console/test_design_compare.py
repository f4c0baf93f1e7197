"""`foreshadow design compare` on real labs: what BFD is worth, in one table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.netns, pytest.mark.slow]

_VARIANTS = """\
version: 1
variants:
  - name: bfd
    because: Silence is noticed at once.
    bfd: {interval_ms: 100, multiplier: 3}
  - name: same
    because: Nothing is different.
    igp: ospf
"""


def test_bfd_notices_silence_ten_times_sooner(repository: Path, tmp_path: Path) -> None:
    """Both designs take the same faults; with BFD both meters see a fraction of the outage."""
    variants, runs = tmp_path / "variants.yaml", tmp_path / "runs"
    variants.write_text(_VARIANTS)
    command = [sys.executable, "-m", "console.entry", "design", "compare"]
    arguments = ["tests/networks/square.yaml", "--variants", str(variants), "--cut", "NE-NW"]
    done = subprocess.run(
        [*command, *arguments, "--json"],
        cwd=repository,
        env={**os.environ, "FORESHADOW_RUN_DIR": str(runs)},
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    # A busy host makes what was measured inconclusive, not wrong by a factor.
    assert done.returncode in {0, 3}, done.stderr
    answer = json.loads(done.stdout)
    drills = {
        (outcome["name"], drill["fault"]): drill
        for outcome in answer["designs"]
        for drill in outcome["drills"]
    }

    assert answer["faults"] == ["NW-NE down", "NW-NE silent"]
    assert answer["left_out"] == [{"name": "same", "reason": "the network is designed so already"}]
    assert drills["as-is", "NW-NE silent"]["outage_ms"] > 2_000
    assert drills["bfd", "NW-NE silent"]["outage_ms"] < 1_200
    assert drills["bfd", "NW-NE silent"]["tables_ms"] < 1_500
    assert drills["as-is", "NW-NE down"]["worst_load"] > answer["designs"][0]["worst_load"]
    assert all(drill["churn"] > 0 for drill in drills.values())
    assert "bfd: NW-NE silent" in done.stderr
    assert list(runs.iterdir()) == []


def test_what_the_user_got_wrong_is_said_before_anything_starts(
    repository: Path, tmp_path: Path
) -> None:
    """A link that is not there costs no lab."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "console.entry", "design", "compare"),
            *("tests/networks/square.yaml", "--cut", "NE-XX"),
        ],
        cwd=repository,
        env={**os.environ, "FORESHADOW_RUN_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert "no link 'NE-XX' in the network; there are NW-NE" in done.stderr
    assert list(tmp_path.iterdir()) == []
