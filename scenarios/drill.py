"""One experiment on the bench, from steady state to steady state.

    steady -> before -> each treatment: treated-1, ... -> cut: failed -> undone -> reverted

Loads come from the routers' real tables: their FIBs, walked with the experiment's demand. They are
read when no table has changed for a while, since right after a change the routers disagree for some
100 ms. Whatever happens on the way, the fault is undone and the treatments are taken back, and
whatever could not be seen to be so makes the result INCONCLUSIVE.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from foreshadow.clock import Clock
from foreshadow.errors import EmulationFailed, ForeshadowError, InvariantViolated
from foreshadow.experiment import (
    Convergence,
    DeviceChange,
    Experiment,
    ExperimentResult,
    Phase,
    RouterTables,
)
from foreshadow.routing import FibEntry, rib_digest
from foreshadow.topology import NodeId, Topology
from scenarios.faults.fault import Fault, Memory
from scenarios.faults.link_down import LinkDown
from scenarios.judgement import LEAST_FIDELITY, judge, loads
from scenarios.sentinels import sentinels
from scenarios.steadiness import unsteady
from shadow.bench import Bench
from shadow.convergence import ProbeStream, control_loss, measure
from shadow.emulation.emulator import Settled

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an experiment watches and waits, in seconds.

    Attributes:
        quiet_s: No FIB may have changed for this long before anything is read.
        settle_s: Longest wait for that.
        control_s: Probes run this long without loss before the fault.
        control_runs: So many times this is tried.
        recover_s: Longest wait for a network to be as it was before.
    """

    quiet_s: float = 0.4
    settle_s: float = 20.0
    control_s: float = 0.3
    control_runs: int = 5
    recover_s: float = 30.0
    poll_s: float = 0.05


def run_experiment(
    experiment: Experiment, bench: Bench, clock: Clock, *, patience: Patience | None = None
) -> ExperimentResult:
    """Carry an experiment out and say what happened; the bench is left as it was found.

    Never raises for what goes wrong on the bench: that is a result, INCONCLUSIVE with its reason.

    Raises:
        InvariantViolated: Our own bug.
    """
    run = _Run(experiment, bench, clock, patience or Patience())
    started_s = clock.monotonic_s()
    try:
        run.carry_out()
    except InvariantViolated:
        raise
    except ForeshadowError as error:
        run.doubts.append(f"the bench gave up: {error}")
    except Exception as error:  # noqa: BLE001 - the drill runner is one of three supervised places.
        _log.exception("experiment_broke", experiment=experiment.id)
        run.doubts.append(f"the experiment broke: {type(error).__name__}: {error}")
    return run.result(took_s=clock.monotonic_s() - started_s)


class _Run:
    """One experiment while it goes on."""

    def __init__(
        self, experiment: Experiment, bench: Bench, clock: Clock, patience: Patience
    ) -> None:
        self.doubts: list[str] = []
        self._experiment, self._bench, self._clock = experiment, bench, clock
        self._patience, self._lab = patience, bench.lab
        self._phases: list[Phase] = []
        self._faults: tuple[tuple[Fault, Memory], ...] = tuple(
            (fault, fault.remember(bench.lab))
            for fault in (LinkDown(link=link) for link in experiment.cut)
        )
        self._convergence: Convergence | None = None
        self._is_undone = not experiment.cut
        self._is_reverted: bool | None = None
        self._begun: list[DeviceChange] = []
        """Treatments of which something may be on a router."""

    def carry_out(self) -> None:
        """The whole way; each step's undoing happens whatever its inside does."""
        if self._bench.fidelity < LEAST_FIDELITY:
            self.doubts.append(
                f"the bench reproduces {self._bench.fidelity:.1%} of production; "
                f"{LEAST_FIDELITY:.0%} is the least that counts"
            )
        self._await_steady()
        before = self._read("before", 0.0)
        try:
            for number, change in enumerate(self._experiment.treatments, start=1):
                self._treat(number, change)
            if self._faults:
                self._fail_and_undo()
        finally:
            if self._begun:
                self._take_back(before)

    def result(self, *, took_s: float) -> ExperimentResult:
        """What can be said at the end, however it came."""
        asked = self._experiment
        verdict, reasons = judge(
            asked, self._phases, self.doubts, is_irreversible=self._is_reverted is False
        )
        return ExperimentResult(
            id=asked.id,
            purpose=asked.purpose,
            cause=asked.cause,
            cut=asked.cut,
            demand=asked.demand,
            load_limit=asked.load_limit,
            verdict=verdict,
            reasons=reasons,
            phases=tuple(self._phases),
            convergence=self._convergence,
            undo_verified=self._is_undone,
            revert_verified=self._is_reverted,
            fidelity=self._bench.fidelity,
            vector=self._bench.vector,
            took_s=took_s,
        )

    def _await_steady(self) -> None:
        troubles = self._poll(lambda: unsteady(self._lab))
        if troubles:
            raise EmulationFailed(f"the bench is not at rest: {'; '.join(troubles[:3])}")
        self._settle(self._clock.monotonic_s() - self._patience.quiet_s)

    def _treat(self, number: int, change: DeviceChange) -> None:
        self._begun.append(change)
        self._lab.apply_config(change.device, change.stage)
        flipped_s = self._clock.monotonic_s()
        self._attach(change.device, change.flip, change.clear)
        settled = self._settle(flipped_s)
        in_force = {line.strip() for line in self._lab.running_config(change.device).splitlines()}
        missing = [line for line in _statements(change.flip) if line not in in_force]
        if missing:
            self.doubts.append(f"{change.device} does not show {missing[0]!r} after the flip")
        self._read(f"treated-{number}", settled.convergence_s)

    def _fail_and_undo(self) -> None:
        reference = self._phases[-1]
        try:
            self._fail(reference)
        finally:
            undone_s = max(fault.undo(self._lab, memory) for fault, memory in self._faults)
            left = self._poll(self._not_undone)
            self.doubts += left
            phase = self._recover("undone", undone_s, reference)
            self._is_undone = not left and _is_same(phase, reference)
            if not self._is_undone:
                self.doubts.append("the tables did not come back after the fault was undone")

    def _not_undone(self) -> list[str]:
        return [
            says
            for fault, memory in self._faults
            if (says := fault.verify_undone(self._lab, memory))
        ]

    def _fail(self, reference: Phase) -> None:
        fibs = {tables.router: tables.fib for tables in reference.tables}
        watched = sentinels(
            self._up(),
            fibs,
            self._experiment.demand,
            cut=self._experiment.cut,
            spec=self._lab.spec,
        )
        with ProbeStream(self._lab, watched, self._clock) as probes:
            clean_s = self._await_clean(probes)
            injected_s = min(fault.inject(self._lab, memory) for fault, memory in self._faults)
            settled = self._settle(injected_s)
            trails = probes.stop()
        self.doubts += [
            says for fault, memory in self._faults if (says := fault.verify(self._lab, memory))
        ]
        lost = control_loss(trails, since_s=clean_s, injected_s=injected_s)
        if lost:
            self.doubts.append(f"{lost} probes were lost before anything was broken")
        self._read("failed", settled.convergence_s)
        self._convergence = measure(
            trails, injected_s=injected_s, last_fib_change_s=settled.convergence_s
        )

    def _await_clean(self, probes: ProbeStream) -> float:
        """The start of a control run without loss, which has just ended."""
        for _ in range(self._patience.control_runs):
            start_s = self._clock.monotonic_s()
            self._clock.sleep(self._patience.control_s)
            now_s = self._clock.monotonic_s()
            lost = control_loss(probes.trails(), since_s=start_s, injected_s=now_s)
            if not lost:
                return start_s
        raise EmulationFailed(
            f"{lost} probes were lost before anything was broken; the host is too busy to measure"
        )

    def _take_back(self, before: Phase) -> None:
        """Undo the treatments, the newest first, and clean up."""
        reverted_s = self._clock.monotonic_s()
        changes = self._begun[::-1]
        for change in changes:
            self._attach(change.device, change.revert, change.clear)
        phase = self._recover("reverted", reverted_s, before)
        self._is_reverted = phase.rib_digest == before.rib_digest and _is_same(phase, before)
        for change in changes:
            self._lab.apply_config(change.device, change.gc)

    def _attach(self, device: NodeId, text: str, clear: str) -> None:
        self._lab.apply_config(device, text)
        for command in clear.splitlines():
            self._lab.execute(device, command)

    def _settle(self, since_s: float) -> Settled:
        settled = self._lab.wait_settled(
            quiet_s=self._patience.quiet_s, within_s=self._patience.settle_s, since_s=since_s
        )
        if not settled.is_settled:
            self.doubts.append(f"tables still change after {self._patience.settle_s:g} s")
        return settled

    def _recover(self, name: str, since_s: float, reference: Phase) -> Phase:
        """Read the tables until they are the reference's, or patience ends."""
        deadline_s = self._clock.monotonic_s() + self._patience.recover_s
        while True:
            settled = self._settle(since_s)
            phase = self._measure(name, settled.convergence_s)
            if _is_same(phase, reference) or self._clock.monotonic_s() > deadline_s:
                break
        same = replace(phase, tables=()) if _is_same(phase, reference) else phase
        self._phases.append(same)
        return phase

    def _read(self, name: str, settle_s: float) -> Phase:
        phase = self._measure(name, settle_s)
        self._phases.append(phase)
        self.doubts += self._lab.disagreements()
        return phase

    def _measure(self, name: str, settle_s: float) -> Phase:
        fibs, ribs = self._lab.fibs(), self._lab.loc_ribs()
        carried, lost_bps = loads(self._up(), fibs, self._experiment.demand)
        return Phase(
            name=name,
            loads=carried,
            lost_bps=lost_bps,
            rib_digest=rib_digest(ribs),
            tables=tuple(
                RouterTables(router=router, fib=fibs[router], loc_rib=ribs.get(router, ()))
                for router in sorted(fibs)
            ),
            settle_ms=1e3 * settle_s,
        )

    def _up(self) -> Topology:
        down = [link.id for link in self._lab.spec.links if not link.is_up]
        return self._bench.topology.without(down)

    def _poll(self, probe: Callable[[], Sequence[str]]) -> list[str]:
        """What a probe still complains about when patience ends; nothing is what it waits for."""
        deadline_s = self._clock.monotonic_s() + self._patience.recover_s
        while (said := list(probe())) and self._clock.monotonic_s() < deadline_s:
            self._clock.sleep(self._patience.poll_s)
        return said


def _is_same(phase: Phase, reference: Phase) -> bool:
    """Whether every router's FIB and best paths are the reference's, in whatever order."""
    return phase.rib_digest == reference.rib_digest and _forwarding(phase) == _forwarding(reference)


def _forwarding(phase: Phase) -> dict[NodeId, frozenset[FibEntry]]:
    return {tables.router: frozenset(tables.fib) for tables in phase.tables}


def _statements(text: str) -> list[str]:
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line.startswith("neighbor ")]
