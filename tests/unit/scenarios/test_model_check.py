"""The model held against the bench, on answers made by the networkx model and changed by hand."""

from dataclasses import replace

import pytest

from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Experiment, ExperimentResult, LinkLoad, Phase, Purpose, Verdict
from foreshadow.present import Present
from foreshadow.topology import LinkId
from foreshadow.whatif import NO_CUT
from ingest.sources.profile import profile_matrices
from ingest.sources.traffic import Story, demands
from scenarios.model_check import model_error
from tests.bench_answers import answer
from tests.planned_network import CUT, planned
from tests.production_state import ABILENE, abilene


@pytest.fixture(scope="module")
def demand() -> DemandMatrix:
    """Traffic of the demo's network."""
    at = Story().failure_at
    profile = profile_matrices(ABILENE.with_name("abilene_profile.yaml"), abilene(), until=at)
    return demands(profile, abilene()).at(at)


def _phase(
    name: str, network: Present, demand: DemandMatrix, cut: frozenset[LinkId], *, off: float = 0.0
) -> Phase:
    matrix = network.under(cut, demand.keys)
    loads = sorted(
        (
            LinkLoad(link=str(link), load_bps=0.0, load_ratio=ratio + off)
            for link, ratio in matrix.load_ratios(demand).items()
            if link.link not in cut
        ),
        key=lambda load: -load.load_ratio,
    )
    return Phase(
        name=name,
        loads=tuple(loads),
        lost_bps=matrix.lost_bps(demand),
        rib_digest="",
        tables=(),
        settle_ms=0.0,
    )


def _result(network: Present, demand: DemandMatrix, *, off: float = 0.0) -> ExperimentResult:
    asked = Experiment(
        id="d-1",
        purpose=Purpose.DRILL,
        cause="w-1",
        cut=tuple(CUT),
        demand=demand,
        load_limit=0.85,
    )
    phases = (
        _phase("before", network, demand, NO_CUT),
        _phase("failed", network, demand, CUT, off=off),
    )
    return replace(answer(asked, Verdict.FAILED), phases=phases)


def test_a_bench_that_does_as_the_model_says_shows_no_error(demand: DemandMatrix) -> None:
    """Before and under the failure, every direction that is up."""
    network = planned(abilene())
    error = model_error(network, _result(network, demand))

    assert error is not None
    assert [(phase.phase, phase.links) for phase in error.phases] == [
        ("before", 30),
        ("failed", 30),
    ]
    assert max(abs(phase.worst_error_ratio) for phase in error.phases) < 1e-9
    assert error.phases[1].fullest_link == "ATLAng->IPLSng"
    assert error.phases[1].fullest_expected_ratio == pytest.approx(
        error.phases[1].fullest_measured_ratio
    )


def test_a_difference_is_said_with_its_size_and_place(demand: DemandMatrix) -> None:
    """Two points more on every link of the bench: the model expected too little."""
    network = planned(abilene())
    error = model_error(network, _result(network, demand, off=0.02))

    assert error is not None
    assert error.phases[1].worst_error_ratio == pytest.approx(-0.02)
    assert error.phases[1].mean_error_ratio == pytest.approx(0.02 * 28 / 30)


def test_what_cannot_be_compared_is_left_alone(demand: DemandMatrix) -> None:
    """Another network's links, no phases, or a network that was treated before it failed."""
    network = planned(abilene())
    result = _result(network, demand)
    treated = replace(result.phases[1], name="treated-1")

    assert model_error(network, replace(result, cut=(LinkId("no-where"),))) is None
    assert model_error(network, replace(result, phases=())) is None
    error = model_error(network, replace(result, phases=(result.phases[0], treated)))
    assert error is not None
    assert [phase.phase for phase in error.phases] == ["before"]
