"""Experiments on real routers: a failure found, a policy proven, everything put back."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from console.ownership import Run
from foreshadow.clock import SystemClock
from foreshadow.experiment import DeviceChange, Experiment, Purpose, Verdict
from foreshadow.routing import rib_digest
from foreshadow.topology import LinkId, NodeId
from policy_gen.hook import read_hook
from policy_gen.render import generations, render
from scenarios.drills.drill import run_experiment
from scenarios.drills.pace import Patience
from scenarios.drills.steadiness import unsteady
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.netns import NetnsLab
from tests.eventually import eventually
from tests.square_story import CUT, HEAVY, LIGHT, demand, square

pytestmark = [pytest.mark.netns, pytest.mark.slow]

SW = NodeId("SW")
PEER = IPv4Address("10.253.0.3")
DRILL = Experiment(
    id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
)
CLOCK = SystemClock()


@pytest.fixture(scope="module")
def bench(session_run: Run) -> Iterator[Bench]:
    """A bench that every test leaves as it found it."""
    topology, spec = design(square())
    with NetnsLab(spec, run_id=session_run.run_id, name="drill") as lab:
        lab.up(within_s=60)
        yield Bench(lab=lab, topology=topology, fidelity=1.0)


@pytest.fixture
def digest(bench: Bench) -> Iterator[str]:
    """The RIB digest before a test, which it must leave behind."""
    before = rib_digest(bench.lab.loc_ribs())
    yield before
    assert rib_digest(bench.lab.loc_ribs()) == before


def _changes(bench: Bench) -> tuple[DeviceChange, ...]:
    hook = read_hook(SW, PEER, bench.lab.running_config(SW))
    steps = [(LIGHT,), (HEAVY, LIGHT)]
    return tuple(render(each) for each in generations(hook, steps, local_preference=200))


@pytest.mark.usefixtures("digest")
def test_a_harmful_failure_fails_with_its_numbers(bench: Bench) -> None:
    """The cut really happens, the way round is 120 % full, and the undo is seen."""
    result = run_experiment(DRILL, bench, CLOCK)

    assert result.verdict is Verdict.FAILED, result.reasons
    assert result.reasons == ("SW->NW is at 120.0% with NE-SE cut; the limit is 85%",)
    assert [phase.name for phase in result.phases] == ["before", "failed", "undone"]
    before = result.phase("before")
    assert before is not None
    assert round(before.worst.load_ratio, 3) == 0.3
    assert result.undo_verified
    assert result.revert_verified is None


@pytest.mark.usefixtures("digest")
def test_two_meters_see_the_same_outage(bench: Bench) -> None:
    """Lost probes and the last FIB change, measured apart, tell of one convergence."""
    convergence = run_experiment(DRILL, bench, CLOCK).convergence

    assert convergence is not None
    assert convergence.probes_lost > 0
    assert convergence.outage_ms <= convergence.last_fib_change_ms + 50
    assert convergence.last_fib_change_ms < 3000


def test_a_policy_is_proven_step_by_step_and_taken_back(bench: Bench, digest: str) -> None:
    """Each generation moves what it lists, the failure is then harmless, the digest comes back."""
    config = bench.lab.running_config(SW)
    proof = replace(DRILL, id="p-1", purpose=Purpose.PROOF, treatments=_changes(bench))

    result = run_experiment(proof, bench, CLOCK)

    assert result.verdict is Verdict.PASSED, result.reasons
    names = [phase.name for phase in result.phases]
    assert names == ["before", "treated-1", "treated-2", "failed", "undone", "reverted"]
    assert round(result.phases[3].worst.load_ratio, 3) == 0.3
    assert result.revert_verified
    assert result.phases[0].rib_digest == result.phases[-1].rib_digest == digest
    assert result.phases[1].rib_digest != result.phases[2].rib_digest
    assert bench.lab.running_config(SW) == config


@pytest.mark.usefixtures("digest")
def test_a_change_that_a_router_refuses_is_inconclusive(bench: Bench) -> None:
    """What went wrong on the bench is a reason, and the router is left as it was."""
    first, _ = _changes(bench)
    broken = replace(first, flip=first.flip.replace("route-map", "rout-map"))
    proof = replace(DRILL, id="p-2", purpose=Purpose.PROOF, treatments=(broken,))

    result = run_experiment(proof, bench, CLOCK)

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "this cannot be done here" in result.reasons[0]


@pytest.mark.usefixtures("digest")
def test_a_flip_that_does_not_stick_is_inconclusive(bench: Bench) -> None:
    """A change that its router does not show in force was not measured."""
    first, _ = _changes(bench)
    idle = replace(first, flip=first.revert, revert=first.revert)
    claims = replace(first, flip=first.flip + first.revert)

    for number, change in enumerate((idle, claims)):
        proof = replace(DRILL, id=f"p-3{number}", purpose=Purpose.PROOF, treatments=(change,))
        result = run_experiment(proof, bench, CLOCK)
        expected = Verdict.FAILED if change is idle else Verdict.INCONCLUSIVE
        assert result.verdict is expected, result.reasons


@pytest.mark.usefixtures("digest")
def test_low_fidelity_voids_a_drill(bench: Bench) -> None:
    """A bench that is not production's likeness proves nothing about production."""
    result = run_experiment(DRILL, replace(bench, fidelity=0.97), CLOCK)

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "reproduced 97.0% of production" in result.reasons[0]
    assert result.undo_verified


@pytest.mark.usefixtures("digest")
def test_an_unknown_link_is_inconclusive(bench: Bench) -> None:
    """There is nothing to cut, and nothing is left cut."""
    result = run_experiment(replace(DRILL, cut=(LinkId("NE-MOON"),)), bench, CLOCK)

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "no link" in result.reasons[0]
    assert all(link.is_up for link in bench.lab.spec.links)


def test_a_bench_that_is_not_at_rest_is_not_broken_further(bench: Bench, digest: str) -> None:
    """With a session down, nothing is injected."""
    bench.lab.apply_config(SW, f"router bgp 65001\n neighbor {PEER} shutdown\nexit\n")
    try:
        result = run_experiment(DRILL, bench, CLOCK, patience=Patience(recover_s=0.5))
    finally:
        bench.lab.apply_config(SW, f"router bgp 65001\n no neighbor {PEER} shutdown\nexit\n")
        eventually(lambda: not unsteady(bench.lab), within_s=130)
        eventually(lambda: rib_digest(bench.lab.loc_ribs()) == digest, within_s=10)

    assert result.verdict is Verdict.INCONCLUSIVE
    assert "not at rest" in result.reasons[0]
    assert result.phases == ()
