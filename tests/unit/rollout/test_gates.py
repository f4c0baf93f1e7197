"""Gates G0 to G3: what passes, what fails, and what cannot be judged."""

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

import pytest

from foreshadow.candidate import Wave
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Verdict
from foreshadow.observed import Stream
from foreshadow.routing import PathChange
from foreshadow.topology import NodeId
from rollout.gates import Evidence, is_as_predicted, judge, link_loads, worst_of
from tests.unit.rollout.triangle import (
    A,
    B,
    moved,
    observation,
    predicted_changes,
    prediction,
    wave_of,
)


def evidence(**more: Any) -> Evidence:
    """A wave that did what was predicted, unless told otherwise."""
    given: dict[str, Any] = {
        "wave": wave_of(),
        "before": observation(),
        "now": moved(),
        "missing": {A: ()},
        "load_limit": 0.85,
    }
    return Evidence(**{**given, **more})


def verdicts(found: Evidence) -> list[Verdict]:
    """Of G0 to G3."""
    return [result.verdict for result in judge(found)]


P, N, F = Verdict.PASSED, Verdict.INCONCLUSIVE, Verdict.FAILED


def test_wave_that_does_what_was_predicted_passes_every_gate() -> None:
    """Four passes; the worst of them is a pass."""
    results = judge(evidence())

    assert [result.gate for result in results] == ["G0", "G1", "G2", "G3"]
    assert worst_of(results) is P


def test_no_gates_are_no_evidence() -> None:
    """Nothing judged is not a pass."""
    assert worst_of(()) is N


def test_settled_is_when_the_predicted_paths_have_changed_and_no_other() -> None:
    """Exactly the prediction."""
    before, now = observation().ribs, moved().ribs

    assert is_as_predicted(wave_of(), before, now)
    assert not is_as_predicted(wave_of(), before, before)


def test_line_that_is_not_in_force_fails_the_device() -> None:
    """The readback is what counts, not what was sent."""
    results = judge(evidence(missing={A: ("router bgp 65001 / neighbor X route-map FS in",)}))

    assert results[0].verdict is F
    assert "not in force" in results[0].says


def test_device_that_was_not_read_back_is_no_evidence() -> None:
    """INCONCLUSIVE, and it says which."""
    results = judge(evidence(missing={}))

    assert results[0].verdict is N
    assert A in results[0].says


def test_lost_session_fails_the_device() -> None:
    """A session that was up before is down."""
    results = judge(evidence(now=replace(moved(), sessions=())))

    assert results[0].verdict is F
    assert "BGP sessions lost" in results[0].says


def test_lost_adjacency_fails_the_device() -> None:
    """An adjacency that was full before is not."""
    results = judge(evidence(now=replace(moved(), adjacencies=())))

    assert results[0].verdict is F
    assert "adjacencies lost" in results[0].says


def test_new_session_is_no_harm() -> None:
    """Only what was there before can be lost."""
    assert verdicts(evidence(before=replace(observation(), sessions=()))) == [P, P, P, P]


def test_unexpected_path_fails_the_route_diff() -> None:
    """One change nobody predicted is enough."""
    less = replace(wave_of(), path_changes=predicted_changes()[:1])
    results = judge(evidence(wave=less))

    assert results[1].verdict is F
    assert "unexpected" in results[1].says


def test_predicted_path_that_did_not_change_fails_the_route_diff() -> None:
    """Jaccard below 0.98."""
    results = judge(evidence(now=observation()))

    assert results[1].verdict is F
    assert "Jaccard 0.000" in results[1].says


def test_wave_without_prediction_cannot_be_judged() -> None:
    """No predicted change, nothing to hold the observed ones against."""
    wave = replace(wave_of(), path_changes=())

    assert verdicts(evidence(wave=wave, now=observation()))[1] is N


def test_lost_way_fails_the_invariants() -> None:
    """What arrived before must arrive now."""
    now = moved()
    tables = tuple(replace(t, fib=()) if t.router == B else t for t in now.tables)
    results = judge(evidence(now=replace(now, tables=tables)))

    assert results[2].verdict is F
    assert "no longer arrive" in results[2].says


def test_invariants_need_something_that_arrived() -> None:
    """Without FIBs nothing can be said."""
    before = observation()
    blind = replace(before, tables=tuple(replace(table, fib=()) for table in before.tables))

    assert verdicts(evidence(before=blind))[2] is N


def test_load_off_the_prediction_fails_capacity() -> None:
    """The shadow predicted the traffic elsewhere."""
    wave = replace(wave_of(), tables=observation().tables)
    results = judge(evidence(wave=wave))

    assert results[3].verdict is F
    assert "are allowed" in results[3].says


def test_link_over_its_limit_fails_capacity() -> None:
    """As predicted, and still too much."""
    results = judge(evidence(load_limit=0.1))

    assert results[3].verdict is F
    assert "is not allowed" in results[3].says


def test_capacity_needs_predicted_tables() -> None:
    """No tables, no verdict."""
    assert verdicts(evidence(wave=replace(wave_of(), tables=())))[3] is N


def test_capacity_needs_demand() -> None:
    """No demand, no verdict."""
    now = moved()
    nothing = DemandMatrix(at=now.demand.at, keys=(), rates_bps=())

    assert verdicts(evidence(now=replace(now, demand=nothing)))[3] is N


def test_capacity_needs_a_link_of_known_capacity() -> None:
    """Ratios cannot be had without."""
    now = moved()
    links = tuple(replace(link, capacity_bps=0.0) for link in now.topology.links)
    unknown = replace(now, topology=replace(now.topology, links=links))

    assert verdicts(evidence(now=unknown))[3] is N
    assert link_loads(wave_of(), unknown) == ()


STREAM = ((B, Stream.BEST_PATH),)


def test_stale_telemetry_judges_nothing_but_the_device() -> None:
    """What the device said over SSH stands; the rest is INCONCLUSIVE."""
    assert verdicts(evidence(stale=STREAM)) == [P, N, N, N]


def test_silence_takes_a_pass_away() -> None:
    """A router that has not spoken since the flip may still say otherwise."""
    assert verdicts(evidence(silent=STREAM)) == [P, N, N, N]


def test_silence_does_not_excuse_an_unexpected_path() -> None:
    """What changed has changed, whoever is still silent."""
    less = replace(wave_of(), path_changes=predicted_changes()[:1])

    assert verdicts(evidence(wave=less, silent=STREAM))[1] is F


def test_silence_excuses_a_path_that_has_not_changed_yet() -> None:
    """It may be on its way."""
    assert verdicts(evidence(now=observation(), silent=STREAM))[1] is N


@pytest.mark.parametrize("count", [4, 7])
def test_sentence_names_some_and_counts_the_rest(count: int) -> None:
    """Nobody reads a hundred prefixes."""
    extra = tuple(
        PathChange(
            router=NodeId(f"R{n}"),
            prefix=predicted_changes()[0].prefix,
            before=None,
            after=IPv4Address("10.0.0.1"),
        )
        for n in range(count)
    )
    wave: Wave = wave_of()
    lines = tuple(f"line {change.router}" for change in extra)
    results = judge(evidence(wave=wave, missing={A: lines}))

    assert f"and {count - 3} more" in results[0].says


def test_prediction_is_made_of_tables() -> None:
    """The predicted load is the walk over the shadow's tables with the present demand."""
    loads = {str(load.link): load for load in link_loads(wave_of(), moved())}

    assert loads["C->A"].predicted_ratio == pytest.approx(loads["C->A"].observed_ratio)
    assert prediction()
