"""The same network under several designs, each run as a lab and put to the same drills.

A lab of a variant is no copy of production: it is what production would be, so it is judged against
nothing but itself. One lab is up at a time; a design that does not come up is a result with its
reason, and the others are measured all the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from foreshadow.clock import Clock
from foreshadow.demand import DemandMatrix
from foreshadow.errors import TransientError
from foreshadow.experiment import Experiment, ExperimentResult, Phase, Purpose, Verdict
from foreshadow.network_file import NetworkFile
from foreshadow.propagation import link_delays
from foreshadow.routing import FibEntry
from foreshadow.topology import NodeId, Prefix
from scenarios.designs.design_drill import DesignFault, design_patience, design_plan
from scenarios.designs.latency_stretch import LatencyStretch
from scenarios.drill_plan import NO_LOAD_LIMIT, encode_plan
from scenarios.drills.drill import run_experiment
from scenarios.drills.reading import fibs_of
from scenarios.faults.link_down import LinkDown
from shadow.bench import Bench
from shadow.emulation.design import design
from shadow.emulation.emulator import Emulator
from shadow.emulation.lab import LabSpec

AS_IS = "as-is"
"""The design that the network's own file has."""


_REST_S = 3.0
"""So long no table may have changed after a start: a prefix is there before its best exit is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One way to route the network.

    Attributes:
        name: Of the variant; `as-is` for the network's own.
        changes: What is different, in the words of the variants file.
    """

    name: str
    network: NetworkFile
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOutcome:
    """How one design took one fault.

    Attributes:
        fault: What a person calls it: `A-B down`.
        is_silent: The link failed with its carrier up.
        verdict: Whether the network healed, everything could be verified and undone.
        reasons: For the verdict.
        tables_ms: From the fault to the last change of any forwarding table (netlink meter).
        outage_ms: Longest time no probe of a watched pair arrived (packet meter).
        probes_sent: Of all watched pairs.
        probes_lost: Likewise.
        worst_link: The fullest direction once the tables were at rest.
        worst_load: Its load over capacity.
        lost_ratio: Share of the demand that does not arrive then.
        stretch: Mean delay of the traffic over the shortest possible; None where delays are
            unknown.
        churn: Entries of forwarding tables that the fault changed, over all routers.
    """

    fault: str
    is_silent: bool
    verdict: Verdict
    reasons: tuple[str, ...]
    tables_ms: float | None = None
    outage_ms: float | None = None
    probes_sent: int = 0
    probes_lost: int = 0
    worst_link: str = ""
    worst_load: float | None = None
    lost_ratio: float | None = None
    stretch: float | None = None
    churn: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignOutcome:
    """How one design did.

    Attributes:
        changes: What is different from the network's own design.
        up_s: From nothing to every prefix in every table; None where it did not come up.
        failure: Why it did not.
        worst_link: The fullest direction without failure.
        worst_load: Its load over capacity.
        stretch: As in `DrillOutcome`, without failure.
    """

    name: str
    changes: tuple[str, ...]
    up_s: float | None = None
    failure: str = ""
    worst_link: str = ""
    worst_load: float | None = None
    stretch: float | None = None
    drills: tuple[DrillOutcome, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Whether every drill of it counts."""
        if self.failure:
            return Verdict.FAILED
        return max((drill.verdict for drill in self.drills), default=Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What every design is put through.

    Attributes:
        faults: One after the other, each undone before the next.
        demand: Traffic the loads are computed for.
        make: Describes a lab; it is not up yet.
        within_s: Longest time a lab may take to come up.
        clock: Time.
        is_over: Whether somebody wants it to stop; a drill under way is undone first.
    """

    faults: tuple[DesignFault, ...]
    demand: DemandMatrix
    make: Callable[[LabSpec], Emulator]
    within_s: float
    clock: Clock
    is_over: Callable[[], bool] = lambda: False


Tell = Callable[[str, str], None]
"""Told the design and what is being done with it."""


def compare_designs(
    designs: Sequence[Design], course: Course, tell: Tell
) -> Iterator[DesignOutcome]:
    """Each design's outcome as soon as it is known, in their order."""
    return (_Trial(each, course, tell).carry_out() for each in designs)


class _Trial:
    """One design being tried."""

    def __init__(self, tried: Design, course: Course, tell: Tell) -> None:
        self._tried, self._course, self._tell = tried, course, tell
        self._topology, self._spec = design(tried.network)
        delays_s = link_delays(tried.network)
        self._stretch = LatencyStretch(self._topology, delays_s, course.demand)
        self._before: Phase | None = None

    def carry_out(self) -> DesignOutcome:
        tried = self._tried
        self._tell(tried.name, "coming up")
        try:
            with self._course.make(self._spec) as lab:
                brought_up = lab.up(within_s=self._course.within_s)
                lab.wait_settled(quiet_s=_REST_S, within_s=self._course.within_s)
                drills = tuple(
                    self._drill(lab, number, fault)
                    for number, fault in enumerate(self._course.faults, start=1)
                )
        except TransientError as error:
            return DesignOutcome(name=tried.name, changes=tried.changes, failure=str(error))
        before = self._before
        return DesignOutcome(
            name=tried.name,
            changes=tried.changes,
            up_s=brought_up.converged_s,
            worst_link=before.worst.link if before and before.loads else "",
            worst_load=before.worst.load_ratio if before and before.loads else None,
            stretch=self._stretch.of(fibs_of(before)) if before else None,
            drills=drills,
        )

    def _drill(self, lab: Emulator, number: int, fault: DesignFault) -> DrillOutcome:
        self._tell(self._tried.name, fault.name)
        name = f"{self._tried.name}-{number}"
        experiment = Experiment(
            id=name,
            purpose=Purpose.DRILL,
            cause="design",
            cut=(),
            demand=self._course.demand,
            load_limit=NO_LOAD_LIMIT,
            drill=encode_plan(design_plan(name, fault, self._course.demand)),
        )
        result = run_experiment(
            experiment,
            Bench(lab=lab, topology=self._topology, fidelity=1.0),
            self._course.clock,
            patience=design_patience(self._tried.network, fault),
            is_over=self._course.is_over,
        )
        before = result.phase("before")
        self._before = self._before or before
        return self._outcome(fault, result)

    def _outcome(self, fault: DesignFault, result: ExperimentResult) -> DrillOutcome:
        before, failed = result.phase("before"), result.phase("failed")
        measured, offered_bps = result.convergence, self._course.demand.total_bps
        outcome = DrillOutcome(
            fault=fault.name,
            is_silent=not isinstance(fault, LinkDown),
            verdict=result.verdict,
            reasons=result.reasons,
        )
        if before is None or failed is None or measured is None or not failed.loads:
            return outcome
        return replace(
            outcome,
            tables_ms=measured.last_fib_change_ms,
            outage_ms=measured.outage_ms,
            probes_sent=measured.probes_sent,
            probes_lost=measured.probes_lost,
            worst_link=failed.worst.link,
            worst_load=failed.worst.load_ratio,
            lost_ratio=failed.lost_bps / offered_bps if offered_bps else 0.0,
            stretch=self._stretch.of(fibs_of(failed), without=fault.link),
            churn=churn(before, failed),
        )


def churn(before: Phase, after: Phase) -> int:
    """Entries of forwarding tables that came, went or lead elsewhere, over all routers."""
    old, new = _entries(before), _entries(after)
    return sum(old.get(place) != new.get(place) for place in old.keys() | new.keys())


def _entries(phase: Phase) -> Mapping[tuple[NodeId, Prefix], FibEntry]:
    return {(tables.router, entry.prefix): entry for tables in phase.tables for entry in tables.fib}
