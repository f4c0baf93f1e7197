"""When a bench is production, when it is built anew, and when what it says is void."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.observed import Stream
from foreshadow.topology import NodeId
from shadow.bench import Bench, Workbench
from shadow.emulation.design import design
from shadow.emulation.lab import LabSpec
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture
from tests.bench_answers import answer
from tests.fakes.clock import FakeClock
from tests.fakes.emulator import FakeLab
from tests.square_story import demand, square

TOPOLOGY, SPEC = design(square())
NW = NodeId("NW")
ASKED = Experiment(
    id="e", purpose=Purpose.DRILL, cause="test", cut=(), demand=demand(), load_limit=0.85
)


@pytest.fixture
def labs() -> list[FakeLab]:
    """Every bench that was built."""
    return []


def _workbench(
    labs: list[FakeLab], clock: FakeClock, seen: list[Bench], *, least_fidelity: float
) -> Workbench:
    def make(spec: LabSpec) -> FakeLab:
        labs.append(FakeLab(spec))
        return labs[-1]

    def note(asked: Experiment, bench: Bench, _: object) -> ExperimentResult:
        seen.append(bench)
        return answer(asked, Verdict.PASSED)

    lab = LevelledLab("bench", make, clock, within_s=60)
    return Workbench(lab, note, clock, converge_s=1.0, least_fidelity=least_fidelity)


def _production(*, differs: bool = False) -> Picture:
    """What a lab of the square does; or all of that but one best next hop of 32 things."""
    with FakeLab(SPEC) as lab:
        lab.up(within_s=60)
        ribs, adjacencies = dict(lab.loc_ribs()), lab.adjacencies()
    if differs:
        first, *rest = ribs[NW]
        ribs[NW] = (replace(first, next_hop=IPv4Address("192.0.2.1")), *rest)
    return Picture(
        topology=TOPOLOGY,
        spec=SPEC,
        adjacencies=adjacencies,
        sessions={},
        loc_ribs=ribs,
        vector={},
    )


def test_bench_that_does_what_production_does_is_used_at_once(
    labs: list[FakeLab], fake_clock: FakeClock
) -> None:
    """And built once for all experiments."""
    seen: list[Bench] = []
    workbench = _workbench(labs, fake_clock, seen, least_fidelity=0.99)
    for _ in range(2):
        workbench.conduct(ASKED, _production, lambda: False)

    assert [bench.fidelity for bench in seen] == [1.0, 1.0]
    assert len(labs) == 1


@pytest.mark.parametrize(("least", "built"), [(0.95, 1), (0.99, 2)])
def test_bench_below_the_threshold_is_built_anew_once(
    labs: list[FakeLab], fake_clock: FakeClock, least: float, built: int
) -> None:
    """One that is good enough is not, and the experiment is told the threshold."""
    seen: list[Bench] = []
    workbench = _workbench(labs, fake_clock, seen, least_fidelity=least)
    workbench.conduct(ASKED, lambda: _production(differs=True), lambda: False)

    assert 0.96 < seen[0].fidelity < 0.98
    assert seen[0].least_fidelity == least
    assert len(labs) == built


def test_stale_production_leaves_no_fidelity(labs: list[FakeLab], fake_clock: FakeClock) -> None:
    """However well the bench agrees with what was known of it."""
    seen: list[Bench] = []
    stale = replace(_production(), stale=frozenset({(NW, Stream.CONFIG)}))
    _workbench(labs, fake_clock, seen, least_fidelity=0.99).conduct(
        ASKED, lambda: stale, lambda: True
    )

    assert seen[0].fidelity == 0.0


def test_stale_production_is_no_reason_to_build_the_bench_anew(
    labs: list[FakeLab], fake_clock: FakeClock
) -> None:
    """Nothing of the bench is wrong."""
    stale = replace(_production(), stale=frozenset({(NW, Stream.CONFIG)}))
    _workbench(labs, fake_clock, [], least_fidelity=0.99).conduct(
        ASKED, lambda: stale, lambda: False
    )

    assert len(labs) == 1


def test_what_an_experiment_left_behind_is_found_before_the_next(
    labs: list[FakeLab], fake_clock: FakeClock
) -> None:
    """Also a configuration that nobody took back."""
    seen: list[Bench] = []
    workbench = _workbench(labs, fake_clock, seen, least_fidelity=0.99)
    workbench.conduct(ASKED, _production, lambda: False)
    labs[0].apply_config(NW, "interface to-NE\n ip ospf cost 999\nexit\n")
    labs[0].set_link(SPEC.links[1].id, is_up=False)
    workbench.conduct(ASKED, _production, lambda: False)

    assert [bench.fidelity for bench in seen] == [1.0, 1.0]
    assert len(labs) == 1
    assert labs[0].spec.links == SPEC.links
