"""What a drill measured: before, while faults were in force, and afterwards."""

from collections.abc import Sequence

from foreshadow.demand import DemandKey, DemandMatrix
from foreshadow.experiment import Convergence, Phase
from foreshadow.routing import Fibs
from foreshadow.topology import Topology
from scenarios.check import CheckKind, Moment
from scenarios.drills.checks import Measured, Sight, tables_sight, undeliverable, worst_of
from scenarios.drills.conduct import Conductor, Window
from scenarios.drills.packets import between, latency_sight, packets_sight
from scenarios.drills.reading import fibs_of
from shadow.bench import Bench
from shadow.convergence import ProbeTrail, control_loss, measure
from shadow.emulation.emulator import FibChange


class Measurement:
    """The figures of one drill."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._topology = bench.topology
        self._fibs: Fibs = {}
        self._usual: DemandMatrix | None = None
        self.seen: dict[Moment, Sight] = {}
        self.convergence: Convergence | None = None
        self.windows: tuple[Window, ...] = ()
        self.trails: tuple[ProbeTrail, ...] = ()
        self.changes: tuple[FibChange, ...] = ()
        self.injected_s: float | None = None
        """When the first fault came into force, monotonic."""
        self.undone_s: float | None = None
        """When the last one was undone."""
        self.doubts: list[str] = []

    def begin(self, demand: DemandMatrix, topology: Topology, fibs: Fibs) -> None:
        """Take note of the network before anything is broken."""
        self._usual, self._topology, self._fibs = demand, topology, fibs

    def see_control(self, trails: Sequence[ProbeTrail], from_s: float, to_s: float) -> None:
        """The network before, with packets that nothing had reason to lose."""
        self.seen[Moment.BEFORE] = {
            **self._tables(self._topology, self._fibs, self._usual),
            **packets_sight(between(trails, from_s, to_s)),
            **latency_sight(between(trails, from_s, to_s)),
            CheckKind.FIDELITY: self._fidelity(),
        }

    def see_drill(
        self,
        conductor: Conductor,
        trails: tuple[ProbeTrail, ...],
        *,
        clean_s: float,
        undoing_s: float,
        undone_s: float,
        changes: tuple[FibChange, ...],
    ) -> None:
        """What the faults did, from the first injection to the last undoing.

        Packets are counted to its very end: what no table change heals stays broken, and the
        moment the tables rest is not when packets arrive again.

        Args:
            conductor: Who injected them.
            trails: The probes, of the whole drill.
            clean_s: When the control run began, monotonic.
            undoing_s: When the undoing of all that was left began.
            undone_s: When the last fault was undone.
            changes: Every table change since the first injection.
        """
        self.changes = changes
        self.trails, self.windows = trails, tuple(conductor.windows)
        self.injected_s, self.undone_s = conductor.injected_s, undone_s
        if conductor.injected_s is None:
            return
        lost = control_loss(trails, since_s=clean_s, injected_s=conductor.injected_s)
        if lost:
            self.doubts.append(f"{lost} probes were lost before anything was broken")
        if not self.windows:
            return
        under = between(trails, clean_s, undoing_s)
        slowest = max(self.windows, key=lambda window: window.settled_s)
        self.convergence = measure(
            under,
            injected_s=conductor.injected_s,
            last_fib_change_s=slowest.settled_s,
            changes=[it for it in changes if it.at_s < undoing_s],
        )
        outage_ms = self.convergence.outage_ms
        self.seen[Moment.DURING] = {
            **worst_of(self._window(window, trails) for window in self.windows),
            **packets_sight(between(under, conductor.injected_s, undoing_s)),
            CheckKind.CONVERGENCE: Measured(
                value=slowest.settled_s,
                where=f"last change of any table; packets tell of {outage_ms:.0f} ms",
            ),
            CheckKind.FIDELITY: self._fidelity(),
        }

    def see_after(self, phase: Phase, trails: Sequence[ProbeTrail], rested_s: float) -> None:
        """The network once everything is undone and its tables are at rest.

        Args:
            phase: Read then.
            trails: The probes.
            rested_s: When that was, monotonic.
        """
        tables = fibs_of(phase) or self._fibs
        self.seen[Moment.AFTER] = {
            **self._tables(self._topology, tables, self._usual),
            **packets_sight(between(trails, rested_s, float("inf"))),
            **latency_sight(between(trails, rested_s, float("inf"))),
            CheckKind.CONVERGENCE: Measured(value=phase.settle_ms / 1e3, where="after the undoing"),
            CheckKind.FIDELITY: self._fidelity(),
        }

    def _window(self, window: Window, trails: Sequence[ProbeTrail]) -> Sight:
        if window.phase is None:
            return {}
        keys = window.offered.keys
        gone = undeliverable(self._topology, self._fibs, keys, window.dead)
        rest = between(trails, window.from_s + window.settled_s, window.to_s)
        return {
            **self._tables(window.topology, fibs_of(window.phase), window.offered, gone),
            **latency_sight(rest),
        }

    def _tables(
        self,
        topology: Topology,
        fibs: Fibs,
        demand: DemandMatrix | None,
        gone: frozenset[DemandKey] = frozenset(),
    ) -> Sight:
        return tables_sight(topology, fibs, demand, undeliverable=gone) if demand else {}

    def _fidelity(self) -> Measured:
        return Measured(value=self._bench.fidelity, where="when the drill began")
