"""A policy that was proven on the square, and the drill and proof behind it: values for tests."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import IPv4Address

from foreshadow.candidate import (
    Candidate,
    CandidateScore,
    Governance,
    LocalPreferenceShift,
    Wave,
)
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import (
    Convergence,
    DeviceChange,
    Experiment,
    ExperimentResult,
    LinkLoad,
    Phase,
    Purpose,
    Verdict,
)
from foreshadow.topology import NodeId
from foreshadow.walk import walk
from shadow.emulation.design import topology_of
from tests.bench_answers import answer
from tests.square_story import AT, CUT, HEAVY, LIGHT, demand, square
from tests.square_tables import router_tables, tables

CHANGE = DeviceChange(
    device=NodeId("SW"), generation=1, stage="s", flip="f", revert="r", gc="g", clear="c"
)
SHIFT = LocalPreferenceShift(
    device=NodeId("SW"),
    neighbor=IPv4Address("10.253.0.3"),
    local_preference=200,
    prefixes=(HEAVY, LIGHT),
)


def drill() -> ExperimentResult:
    """Without NE-SE, SW-NW carries 120 %; the undo is verified."""
    asked = Experiment(
        id="d-1", purpose=Purpose.DRILL, cause="w-1", cut=(CUT,), demand=demand(), load_limit=0.85
    )
    phases = (_phase("before"), _phase("failed", is_cut=True))
    convergence = Convergence(
        probes_sent=1000,
        probes_lost=12,
        outage_ms=210.0,
        last_fib_change_ms=180.0,
        probe_interval_ms=10.0,
    )
    result = answer(asked, Verdict.FAILED)
    return replace(result, phases=phases, convergence=convergence)


def proof() -> ExperimentResult:
    """With both prefixes at SW every link holds under the same cut, and the way back is shown."""
    asked = Experiment(
        id="p-1",
        purpose=Purpose.PROOF,
        cause="d-1",
        cut=(CUT,),
        demand=demand(),
        load_limit=0.85,
        treatments=(CHANGE,),
    )
    phases = (
        _phase("before"),
        _phase("treated-1", is_moved=True),
        _phase("failed", is_cut=True, is_moved=True),
    )
    return replace(answer(asked, Verdict.PASSED), phases=phases)


def candidate(*, name: str = "c-1", forecast: DemandMatrix | None = None) -> Candidate:
    """Three waves that move both prefixes to SW."""
    waves = tuple(
        Wave(
            number=number,
            affected_share=share,
            prefixes=(HEAVY, LIGHT)[:count],
            changes=(replace(CHANGE, generation=number),),
            path_changes=(),
            tables=(),
        )
        for number, (share, count) in enumerate(((0.3, 1), (0.6, 1), (1.0, 2)), start=1)
    )
    return Candidate(
        id=name,
        drill="d-1",
        warning="w-1",
        made_at=AT - timedelta(hours=3),
        expires_at=AT + timedelta(days=7),
        knob=SHIFT,
        under_failure=CUT,
        demand=forecast or replace(demand(), at=AT - timedelta(hours=3)),
        waves=waves,
        precondition=((NodeId("SW"), "0" * 64),),
        digest_before="1" * 64,
        governance=Governance(moved_traffic_cap=0.15),
        scores=(_score("both at SW", 2, 0.36, 0.12), _score("do nothing", 0, 0.33, 1.2)),
        evidence=(("p-1", "2" * 64),),
        load_limit=0.85,
    )


def _score(label: str, count: int, calm: float, failed: float) -> CandidateScore:
    return CandidateScore(
        label=label,
        prefixes=(HEAVY, LIGHT)[:count],
        moved_share=0.1 * count,
        worst_no_failure="SE->NE",
        worst_no_failure_ratio=calm,
        worst_failure="SW->NW",
        worst_failure_ratio=failed,
        is_measured=True,
        rejected_because="" if count else "over the limit",
    )


def _phase(name: str, *, is_cut: bool = False, is_moved: bool = False) -> Phase:
    cut = (CUT,) if is_cut else ()
    fibs = tables(cut=cut, moved=(HEAVY, LIGHT) if is_moved else ())
    now = demand()
    matrix = walk(topology_of(square()).without(cut), fibs, now.keys)
    loads = matrix.loads_bps(now)
    ratios = matrix.load_ratios(now)
    fullest = sorted(ratios, key=lambda link: -ratios[link])
    return Phase(
        name=name,
        loads=tuple(
            LinkLoad(link=str(link), load_bps=loads[link], load_ratio=ratios[link])
            for link in fullest
        ),
        lost_bps=matrix.lost_bps(now),
        rib_digest="",
        tables=router_tables(fibs),
        settle_ms=150.0,
    )
