"""What the routing model expected of a drill, held against what the bench measured."""

from collections.abc import Iterator

import numpy as np

from foreshadow.experiment import ExperimentResult, Phase
from foreshadow.model_error import ModelError, PhaseError
from foreshadow.present import Present
from foreshadow.topology import LinkId
from foreshadow.whatif import NO_CUT
from scenarios.failures.engine import Failure, Loaded
from scenarios.triage import loaded_with


def model_error(network: Present, result: ExperimentResult) -> ModelError | None:
    """How far off the model was, phase by phase; None where nothing can be compared.

    A treated network is another one than the model knows, and a planned drill's faults are more
    than cuts: of these only the phase before them is compared.

    Args:
        network: As it stood when the drill was run.
        result: The bench's answer.
    """
    known = {link.id for link in network.what_if.topology.links}
    if not known.issuperset(result.cut) or not result.demand.keys:
        return None
    phases = tuple(_phases(loaded_with(network, result.demand), result))
    if not phases:
        return None
    return ModelError(drill=result.id, cut=result.cut, at=result.demand.at, phases=phases)


def _phases(loaded: Loaded, result: ExperimentResult) -> Iterator[PhaseError]:
    moments: list[tuple[str, frozenset[LinkId]]] = [("before", NO_CUT)]
    if result.cut and result.phase("treated-1") is None:
        moments.append(("failed", frozenset(result.cut)))
    for name, cut in moments:
        phase = result.phase(name)
        if phase is not None and phase.loads:
            yield _compared(phase, loaded, cut)


def _compared(phase: Phase, loaded: Loaded, cut: Failure) -> PhaseError:
    expected_bps = loaded.loads_bps(cut)[:, 0]
    capacity_bps = loaded.engine.capacity_bps
    expected = {
        str(arc): float(load / capacity) if capacity > 0 else 0.0
        for arc, load, capacity in zip(loaded.arcs, expected_bps, capacity_bps, strict=True)
    }
    measured = {load.link: load.load_ratio for load in phase.loads}
    # A link that is down in the bench is in no list of loads; the model gives it 0.
    links = sorted(link for link in expected if np.isfinite(measured.get(link, 0.0)))
    errors = {link: expected[link] - measured.get(link, 0.0) for link in links}
    worst = max(links, key=lambda link: abs(errors[link]), default="")
    fullest = phase.worst
    return PhaseError(
        phase=phase.name,
        links=len(links),
        mean_error_ratio=float(np.mean([abs(error) for error in errors.values()] or [0.0])),
        worst_error_ratio=errors.get(worst, 0.0),
        worst_error_link=worst,
        fullest_link=fullest.link,
        fullest_measured_ratio=fullest.load_ratio,
        fullest_expected_ratio=expected.get(fullest.link, 0.0),
        lost_expected_bps=float(loaded.survey((cut,), limit_ratio=1.0).lost_bps[0, 0]),
        lost_measured_bps=phase.lost_bps,
    )
