"""The second lab: levelled to one moment of production, frozen, broken, measured, levelled again.

One experiment at a time, in the order in which they were asked for. While one runs, production goes
on and the mirror follows; the bench does not, so what it measures is about one vector.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from foreshadow.clock import Clock
from foreshadow.experiment import LEAST_FIDELITY, Experiment, ExperimentResult
from foreshadow.topology import NodeId, Topology
from shadow.emulation.emulator import Emulator
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture

log = structlog.get_logger(__name__)


Production = Callable[[], Picture]
"""Production as it is known at the time of the call."""

_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What an experiment is given.

    Attributes:
        lab: The running lab, in the state of production at `vector`.
        topology: The network as it is configured; links that are down in production are among it.
        fidelity: Share of adjacencies, sessions and best next hops on which bench and production
            agree, 0 to 1; 0 where production's own state is out of date.
        vector: State of production the lab shows: (device, stream, epoch, seq).
        least_fidelity: What is measured at a lower one is void.
    """

    lab: Emulator
    topology: Topology
    fidelity: float
    vector: tuple[tuple[NodeId, str, int, int], ...] = ()
    least_fidelity: float = LEAST_FIDELITY


class RunExperiment(Protocol):
    """Carries one experiment out; leaves the bench as it found it."""

    def __call__(self, experiment: Experiment, bench: Bench, clock: Clock, /) -> ExperimentResult:
        """What happened; whatever goes wrong in the lab is a result, not an error."""
        ...


class Workbench:
    """The owner of the bench lab."""

    def __init__(
        self,
        lab: LevelledLab,
        run_experiment: RunExperiment,
        clock: Clock,
        *,
        converge_s: float,
        least_fidelity: float = LEAST_FIDELITY,
    ) -> None:
        """Start nothing yet.

        Args:
            lab: The bench.
            run_experiment: Does an experiment on it.
            clock: Time.
            converge_s: Longest wait for the bench to agree with production in everything.
            least_fidelity: Below that it is then built anew, and given as long again.
        """
        self._lab, self._run_experiment = lab, run_experiment
        self._clock, self._converge_s = clock, converge_s
        self._least_fidelity = least_fidelity

    @property
    def is_ready(self) -> bool:
        """Whether the bench is up."""
        return self._lab.is_up

    def conduct(
        self, experiment: Experiment, production: Production, is_over: Callable[[], bool]
    ) -> ExperimentResult:
        """Level the bench, freeze it and run one experiment on it.

        Args:
            experiment: The request.
            production: The present picture of production, asked again until the bench agrees.
            is_over: Cuts the wait short.

        Raises:
            TransientError: The bench does not come up.
        """
        bench = self.levelled(production, is_over)
        log.info("bench_levelled", experiment=experiment.id, fidelity=round(bench.fidelity, 4))
        return self._run_experiment(experiment, bench, self._clock)

    def levelled(self, production: Production, is_over: Callable[[], bool]) -> Bench:
        """The bench as production is now, or as near to it as it comes in time.

        Raises:
            TransientError: The bench does not come up.
        """
        if self._lab.is_up:
            # An experiment may have left behind what nobody remembers.
            self._lab.audit()
        bench = self._approach(production, is_over)
        is_unlike = bench.fidelity < self._least_fidelity
        if is_unlike and not is_over() and not production().is_stale:
            # What is left of an experiment that could not be undone does not outlive a rebuild.
            self._lab.discard()
            bench = self._approach(production, is_over)
        return bench

    def _approach(self, production: Production, is_over: Callable[[], bool]) -> Bench:
        deadline_s = self._clock.monotonic_s() + self._converge_s
        while True:
            seen = production()
            self._lab.level(seen.spec)
            report = self._lab.fidelity(seen)
            bench = Bench(
                lab=self._lab.lab,
                topology=seen.topology,
                fidelity=0.0 if seen.is_stale else report.share,
                vector=report.vector,
                least_fidelity=self._least_fidelity,
            )
            if bench.fidelity == 1:
                return bench
            if is_over() or self._clock.monotonic_s() >= deadline_s:
                log.warning("bench_differs", stale=seen.is_stale, how=report.disagreements)
                return bench
            self._clock.sleep(_POLL_S)
