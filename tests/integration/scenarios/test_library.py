"""Scenarios of the library on real routers: aimed by their selectors, run, everything put back."""

from collections.abc import Iterator

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from scenarios.authoring.lint import read_scenario
from scenarios.authoring.shipped import find
from scenarios.drill_plan import encode_plan
from scenarios.drills.drill import run_experiment
from scenarios.drills.steadiness import unsteady
from scenarios.planning.ground import Ground
from scenarios.planning.planned_network import assumed_demand, planned
from scenarios.planning.planner import plan
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.scenario_files import AT
from tests.square_story import square

pytestmark = [pytest.mark.netns, pytest.mark.slow]

# Light enough for the square's thin link: what fails then is the scenario's own finding.
GROUND = Ground(
    network=planned(square()), demand=assumed_demand(planned(square()), at=AT, busiest_ratio=0.1)
)


@pytest.fixture(scope="module")
def bench(session_run: Run) -> Iterator[Bench]:
    """A bench that every drill leaves as it found it."""
    topology, spec = design(square())
    with NetnsLab(spec, run_id=session_run.run_id, name="library") as lab:
        lab.up(within_s=60)
        eventually(lambda: not unsteady(lab), within_s=130)
        yield Bench(lab=lab, topology=topology, fidelity=1.0)


def _drilled(name: str, bench: Bench) -> ExperimentResult:
    drill = plan(read_scenario(find(name)), GROUND, drill_id=f"d-{name}", load_limit=0.85)
    asked = Experiment(
        id=drill.id,
        purpose=Purpose.DRILL,
        cause="test",
        cut=(),
        demand=drill.demand,
        load_limit=drill.load_limit,
        drill=encode_plan(drill),
    )
    return run_experiment(asked, bench, SystemClock())


@pytest.mark.parametrize("name", ["busiest-link-down", "flash-crowd-and-link-down"])
def test_a_network_with_room_to_spare_holds(name: str, bench: Bench) -> None:
    """Every check has its finding, none fails, all is undone; a busy host may settle less."""
    result = _drilled(name, bench)
    checks = read_scenario(find(name)).checks

    assert result.undo_verified, result.reasons
    assert {(f.moment, f.check) for f in result.findings} >= {
        (check.moment.value, check.kind.value) for check in checks
    }
    assert not [f for f in result.findings if f.verdict is Verdict.FAILED], result.findings
    assert result.verdict is Verdict.PASSED or "overloaded" in result.reasons[0], result.reasons


def test_a_withdrawn_prefix_is_found_missing_and_comes_back(bench: Bench) -> None:
    """The check on what arrives fails while it is gone, and holds afterwards."""
    result = _drilled("biggest-prefix-withdrawn", bench)

    assert result.undo_verified, result.reasons
    after = [finding for finding in result.findings if finding.moment == "after"]
    assert after
    assert all(finding.verdict is Verdict.PASSED for finding in after), after
