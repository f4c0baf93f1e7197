"""What a bench's tables say at one point of an experiment, read when they are at rest."""

from dataclasses import replace

from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Phase, RouterTables
from foreshadow.routing import FibEntry, Fibs, rib_digest
from foreshadow.topology import NodeId, Topology
from scenarios.drills.judgement import loads
from scenarios.drills.pace import Pace
from shadow.bench import Bench
from shadow.emulation.emulator import Settled


class Reader:
    """Reads phases of one experiment, and keeps what it doubts about them."""

    def __init__(self, bench: Bench, pace: Pace) -> None:
        self._bench, self._lab, self._pace = bench, bench.lab, pace
        self.phases: list[Phase] = []
        self.doubts: list[str] = []

    def settle(self, since_s: float) -> Settled:
        """Wait for the tables to rest; that they do not is a doubt."""
        settled = self._pace.settle(self._lab, since_s)
        if not settled.is_settled:
            self.doubts.append(f"tables still change after {self._pace.patience.settle_s:g} s")
        return settled

    def read(self, name: str, settle_s: float, demand: DemandMatrix) -> Phase:
        """One phase; zebra's tables must be the kernel's, or nothing measured on them counts."""
        phase = self._measure(name, settle_s, demand)
        self.phases.append(phase)
        apart = self._pace.poll(self._lab.disagreements, within_s=self._pace.patience.agree_s)
        self.doubts += apart
        return phase

    def recover(self, name: str, since_s: float, reference: Phase, demand: DemandMatrix) -> Phase:
        """Read the tables until they are the reference's, or patience ends."""
        deadline_s = self._pace.now_s() + self._pace.patience.recover_s
        while True:
            settled = self.settle(since_s)
            phase = self._measure(name, settled.convergence_s, demand)
            if is_same(phase, reference) or self._pace.now_s() > deadline_s:
                break
        # What is the same is not said twice: results travel over the bus.
        same = is_same(phase, reference)
        self.phases.append(replace(phase, tables=()) if same else phase)
        return phase

    def up(self) -> Topology:
        """The network without the links that are down or drop everything."""
        dead = [link.id for link in self._lab.spec.links if not link.is_up or link.is_silent]
        return self._bench.topology.without(dead)

    def _measure(self, name: str, settle_s: float, demand: DemandMatrix) -> Phase:
        fibs, ribs = self._lab.fibs(), self._lab.loc_ribs()
        carried, lost_bps = loads(self.up(), fibs, demand)
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


def is_same(phase: Phase, reference: Phase) -> bool:
    """Whether every router's FIB and best paths are the reference's, in whatever order."""
    return phase.rib_digest == reference.rib_digest and _forwarding(phase) == _forwarding(reference)


def fibs_of(phase: Phase) -> Fibs:
    """The forwarding tables a phase was read from."""
    return {tables.router: tables.fib for tables in phase.tables}


def _forwarding(phase: Phase) -> dict[NodeId, frozenset[FibEntry]]:
    return {tables.router: frozenset(tables.fib) for tables in phase.tables}
