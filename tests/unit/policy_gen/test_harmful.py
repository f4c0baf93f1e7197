"""The demo's harmful candidate: text that can be taken back, a prediction that is not true."""

import pytest

from foreshadow.candidate import Candidate, Governance
from foreshadow.errors import UnsafeRollout
from foreshadow.experiment import Experiment, ExperimentResult, Purpose, Verdict
from foreshadow.network_file import NetworkFile
from foreshadow.settings import PolicySettings
from foreshadow.topology import NodeId
from policy_gen.decision import Ask, Publish, decide
from policy_gen.harmful import OVERRIDE, harmful_candidate
from policy_gen.proposal import Rules, propose
from shadow.emulation.design import design
from tests.bench_answers import answer
from tests.planned_network import planned
from tests.production_state import state_of
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square


@pytest.fixture
def network() -> NetworkFile:
    """The made-up network."""
    return square()


@pytest.fixture
def proven(network: NetworkFile) -> Candidate:
    """A candidate that moves both prefixes."""
    drill = Experiment(
        id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
    )
    rules = Rules(
        settings=PolicySettings(finalists=1), governance=Governance(moved_traffic_cap=1.0)
    )
    proposal = propose(
        answer(drill, Verdict.FAILED),
        state_of(network),
        planned(network),
        rules=rules,
        made_at=AT,
    )
    answers: dict[str, ExperimentResult] = {}
    while isinstance(step := decide(proposal, answers), Ask):
        answers |= {asked.id: answer(asked, Verdict.PASSED) for asked in step.experiments}
    assert isinstance(step, Publish)
    return step.candidate


def _in_force(network: NetworkFile, proven: Candidate) -> dict[str, str]:
    """The border router's configuration after the proven rollout."""
    last = proven.waves[-1].changes[0]
    text = design(network)[1].node(NodeId("SW")).config
    name = f"FS-in-10.253.0.3-g{last.generation}"
    return {"SW": text.replace("route-map OPER-PEERSW-IN in", f"route-map {name} in") + last.stage}


def test_it_goes_back_to_the_proven_policy(network: NetworkFile, proven: Candidate) -> None:
    """Its first wave's way back attaches the generation that is in force, not the operator's."""
    state = state_of(network, configs=_in_force(network, proven))

    harmful = harmful_candidate(proven, state, at=AT, serial=1)

    last = proven.waves[-1].changes[0].generation
    first = harmful.waves[0].changes[0]
    assert first.generation == last + 1
    assert f"route-map FS-in-10.253.0.3-g{last} in" in first.revert


def test_it_drops_prefixes_and_predicts_that_all_stay(
    network: NetworkFile, proven: Candidate
) -> None:
    """The heavy prefix is no longer moved; what it says is what the proven candidate said."""
    state = state_of(network, configs=_in_force(network, proven))

    harmful = harmful_candidate(proven, state, at=AT, serial=2)

    assert proven.knob.prefixes == (HEAVY, LIGHT)
    assert harmful.knob.prefixes == (LIGHT,)
    assert str(HEAVY) not in harmful.waves[-1].changes[0].stage
    assert harmful.waves[0].path_changes == proven.waves[-1].path_changes
    assert harmful.override == OVERRIDE
    assert harmful.id == f"{proven.id}-harm2"


def test_it_needs_the_proven_policy_in_force(network: NetworkFile, proven: Candidate) -> None:
    """Without it there is nothing to take back."""
    with pytest.raises(UnsafeRollout, match="does not have c-1 in force"):
        harmful_candidate(proven, state_of(network), at=AT, serial=1)
