"""What the bench might say to an experiment: values for unit tests of those who ask it."""

from foreshadow.experiment import Experiment, ExperimentResult, LinkLoad, Phase, Verdict


def answer(
    asked: Experiment,
    verdict: Verdict,
    *,
    calm_ratio: float = 0.3,
    failed_ratio: float = 0.5,
) -> ExperimentResult:
    """A result with these loads, and none of the tables."""
    treated = tuple(
        _phase(f"treated-{number}", calm_ratio) for number in range(1, len(asked.treatments) + 1)
    )
    return ExperimentResult(
        id=asked.id,
        purpose=asked.purpose,
        cause=asked.cause,
        cut=asked.cut,
        demand=asked.demand,
        load_limit=asked.load_limit,
        verdict=verdict,
        reasons=(f"made up: {verdict.name}",),
        phases=(_phase("before", calm_ratio), *treated, _phase("failed", failed_ratio)),
        convergence=None,
        undo_verified=True,
        revert_verified=True if asked.treatments else None,
        fidelity=1.0,
        vector=(),
        took_s=1.0,
    )


def _phase(name: str, ratio: float) -> Phase:
    return Phase(
        name=name,
        loads=(LinkLoad(link="SW->NW", load_bps=2.5e9 * ratio, load_ratio=ratio),),
        lost_bps=0.0,
        rib_digest="",
        tables=(),
        settle_ms=1.0,
    )
