"""The whole loop, once, on the smallest network with the story: every part real."""

import io
import json
from pathlib import Path

import jsonschema
import pytest
from rich.console import Console

from console.demo.command import run_demo
from console.demo.opening import Wishes
from console.report_model import STAGE_NAMES, Report
from foreshadow.settings import REHEARSAL_TIMES

pytestmark = [pytest.mark.kafka, pytest.mark.netns, pytest.mark.device, pytest.mark.slow]

_HERE = Path(__file__).parent
_LIMIT_PCT = 85.0


@pytest.fixture(scope="module")
def log() -> io.StringIO:
    """What the demo says while it runs, as a pipe would get it."""
    return io.StringIO()


@pytest.fixture(scope="module")
def report_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the report goes."""
    return tmp_path_factory.mktemp("report")


@pytest.fixture(scope="module")
def report(report_dir: Path, log: io.StringIO, tmp_path_factory: pytest.TempPathFactory) -> Report:
    """One run of the whole loop on the square."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORESHADOW_RUN_DIR", str(tmp_path_factory.mktemp("runs")))
        return run_demo(
            Wishes(
                network=_HERE / "square.yaml",
                profile=_HERE / "square_profile.yaml",
                cut="ALPHA-BRAVO",
                times=REHEARSAL_TIMES,
            ),
            report_dir=report_dir,
            console=Console(file=log, width=120),
        )


def test_loop_holds_every_stage(report: Report, log: io.StringIO) -> None:
    """All eleven stages hold, in their order; the log of the run is shown where they do not."""
    assert [(stage.name, stage.held) for stage in report.stages] == [
        (name, True) for name in STAGE_NAMES
    ], log.getvalue()
    assert report.held


def test_loop_policy_keeps_production_under_its_limit(report: Report) -> None:
    """The failure would have overloaded a link; with the policy no link passes the limit."""
    assert report.worst_link is not None
    assert report.worst_link.load_pct_failure > _LIMIT_PCT
    assert report.worst_link.load_pct_failure_with_policy <= _LIMIT_PCT
    assert report.worst_link.load_pct_no_failure <= _LIMIT_PCT


def test_loop_rolls_harm_back_to_the_same_routes(report: Report) -> None:
    """The harmful change fails a gate and the RIB digest is the one from before."""
    assert report.rollback is not None
    assert report.rollback.rib_digest_after == report.rollback.rib_digest_before
    harmful = [wave for wave in report.waves if wave.kind == "harmful"]
    assert any(gate.verdict == "FAILED" for wave in harmful for gate in wave.gates)


def test_loop_router_reverts_alone_when_its_controller_dies(report: Report) -> None:
    """The dead-man fires no sooner than armed, and well before anybody could have come."""
    assert report.dead_man is not None
    assert report.dead_man.armed_s <= report.dead_man.reverted_after_s
    assert report.dead_man.reverted_after_s < report.dead_man.armed_s + 5


def test_loop_shadow_predicts_what_production_does(report: Report) -> None:
    """Under the failure the shadow's loads are production's, to a tenth of a point."""
    told = [row for row in report.feedback if row.under_failure is not None]
    assert told
    for row in told:
        assert row.shadow_pct == pytest.approx(row.observed_pct, abs=0.1)


def test_loop_report_keeps_its_schema(report: Report, report_dir: Path, repository: Path) -> None:
    """report.json is valid by the published schema, and the page stands beside it."""
    schema = json.loads((repository / "docs" / "report.schema.json").read_text())
    written = json.loads((report_dir / "report.json").read_text())
    jsonschema.validate(written, schema)
    assert written["run_id"] == report.run_id
    assert "ALPHA" in (report_dir / "report.html").read_text()


def test_loop_leaves_nothing_behind(report: Report) -> None:
    """No namespace, socket folder or record of the run is left."""
    places = ("/run/netns", "/var/run/frr", "/run/foreshadow")
    left = [entry for place in places for entry in Path(place).glob(f"{report.run_id}*")]
    assert left == []
