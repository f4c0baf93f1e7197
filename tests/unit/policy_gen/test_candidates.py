"""Estimates of candidates agree with routing each of them, and keep to the limits."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from foreshadow.present import Present
from foreshadow.topology import LinkId, NodeId, Prefix
from foreshadow.walk import worst
from foreshadow.whatif import WhatIf
from policy_gen.candidates import DO_NOTHING, Estimate, Situation, alternates, estimates
from tests.planned_network import planned
from tests.square_story import CUT, HEAVY, LIGHT, demand, square

SITUATION = Situation(
    network=planned(square()),
    demand=demand(),
    cut=frozenset({CUT}),
    load_limit=0.85,
    moved_traffic_cap=1.0,
)


def _of(found: tuple[Estimate, ...], *prefixes: Prefix) -> Estimate:
    return next(each for each in found if each.score.prefixes == prefixes)


def test_doing_nothing_is_candidate_zero() -> None:
    """It is always there, first, with the overload that the drill found."""
    nothing = estimates(SITUATION)[0]

    assert nothing.score.label == DO_NOTHING
    assert nothing.shift is None
    assert nothing.score.worst_failure == "SW->NW"
    assert round(nothing.score.worst_failure_ratio, 3) == 1.2
    assert "the limit is 85%" in nothing.score.rejected_because


def test_only_exits_that_are_not_the_preferred_ones_are_alternates() -> None:
    """The peer's prefixes could leave at SW; sites cannot leave elsewhere."""
    assert alternates(SITUATION) == {(NodeId("SW"), LinkId("SW-PEERSW")): (HEAVY, LIGHT)}


def test_every_subset_is_estimated_and_the_best_leads() -> None:
    """Two prefixes make three candidates; moving both is best here."""
    found = estimates(SITUATION)

    assert len(found) == 1 + 3
    assert found[1].score.prefixes == (HEAVY, LIGHT)
    assert round(found[1].worst_ratio, 3) == 0.33
    assert found[1].shift is not None
    assert found[1].shift.local_preference == 200
    assert [each.is_feasible for each in found] == [False, True, True, True]


@given(st.sets(st.sampled_from([HEAVY, LIGHT]), min_size=1))
def test_an_estimate_is_what_routing_that_candidate_gives(moved: set[Prefix]) -> None:
    """Adding up what each prefix changes equals routing the whole candidate."""
    what_if = SITUATION.network.what_if
    exits = {
        prefix: tuple(
            replace(way, local_preference=200)
            if prefix in moved and way.router == "SW" and way.via
            else way
            for way in ways
        )
        for prefix, ways in what_if.exits.items()
    }
    routed = Present(what_if=WhatIf(what_if.topology, exits, reflectors=what_if.reflectors))

    estimate = _of(estimates(SITUATION), *sorted(moved)).score

    for cut, ratio in (
        (frozenset[LinkId](), estimate.worst_no_failure_ratio),
        (frozenset({CUT}), estimate.worst_failure_ratio),
    ):
        matrix = routed.under(cut, SITUATION.demand.keys)
        assert abs(worst(matrix.load_ratios(SITUATION.demand))[1] - ratio) < 1e-9


def test_a_candidate_over_the_cap_is_ruled_out_by_name() -> None:
    """Governance limits how much may move, whatever it would do for the links."""
    found = estimates(replace(SITUATION, moved_traffic_cap=0.45))

    assert _of(found, LIGHT).is_feasible
    assert "the cap is 45%" in _of(found, HEAVY).score.rejected_because
    assert [each.is_feasible for each in found[1:]] == [True, False, False]


def test_many_prefixes_are_grown_greedily() -> None:
    """Beyond ten prefixes each size is one candidate, grown by what helps most."""
    network = planned(square())
    what_if = network.what_if
    ways = what_if.exits[HEAVY]
    many = [Prefix((0xC6336400 + 4 * n, 30)) for n in range(12)]
    wide = replace(
        network, what_if=WhatIf(what_if.topology, {**what_if.exits, **dict.fromkeys(many, ways)})
    )
    base = demand()
    keys = (*base.keys, *(replace(base.keys[-1], prefix=prefix) for prefix in many))
    keys = tuple(sorted(keys))
    traffic = replace(base, keys=keys, rates_bps=tuple(1e8 for _ in keys))

    found = estimates(replace(SITUATION, network=wide, demand=traffic))

    assert len(found) == 1 + 14
    sizes = sorted(len(each.score.prefixes) for each in found[1:])
    assert sizes == list(range(1, 15))
