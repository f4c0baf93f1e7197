"""One question put to the bench lab and its answer: break this, under this policy, and measure.

A drill is an experiment without treatment; a proof is the same fault with a candidate's change
applied first.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum, StrEnum

from foreshadow.codec import to_json
from foreshadow.demand import DemandMatrix
from foreshadow.routing import BestPath, FibEntry
from foreshadow.topology import LinkId, NodeId


class Verdict(IntEnum):
    """How an experiment, gate or wave ended; combine with `max`. No evidence: INCONCLUSIVE."""

    PASSED = 0
    INCONCLUSIVE = 1
    FAILED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceChange:
    """One generation of FS-* objects for one device, and its way back.

    `stage` adds inert objects, `flip` attaches them, `revert` attaches what was there before, `gc`
    removes the objects: all four are configuration lines. `clear` holds the exec commands, one a
    line, to run right after `flip` and after `revert`: without the soft clear FRR waits for its
    `bgp route-map delay-timer` of 5 s before it looks at the new policy.
    """

    device: NodeId
    generation: int
    stage: str
    flip: str
    revert: str
    gc: str
    clear: str

    @property
    def sha256(self) -> str:
        """Identity of the change: the same intent renders to the same bytes."""
        return hashlib.sha256(to_json(self)).hexdigest()


LEAST_FIDELITY = 0.99
"""What is measured on a copy that reproduces less of production is no evidence, unless set so."""

AGAIN = "-again"
"""Ends the id of an experiment that is asked for a second time."""


class Priority(IntEnum):
    """Who goes first where several experiments wait for the bench; the lowest does."""

    ROLLOUT = 0
    """A rollout waits for it: the candidate has held, and is tried in its waves."""
    PROOF = 1
    DRILL = 2
    """A warning asks for it, so there is a deadline."""
    CALENDAR = 3
    """Planned long ago; any other moment will do as well."""


class Purpose(StrEnum):
    """Why the bench is asked."""

    DRILL = "drill"
    PROOF = "proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A request to the bench.

    Attributes:
        id: Names the request and its answer.
        cause: What asked for it: a warning's or a drill's id.
        cut: Links to fail, both ends' carrier down.
        treatments: Changes applied in this order before the fault; after each one the network is
            measured without fault.
        demand: Traffic the loads are computed for.
        load_limit: Load ratio no link may exceed.
        deadline: Event time by which the answer is needed.
        drill: A planned drill as JSON (`scenarios.drill_plan`), in the place of `cut`; "" for none.
            The shadow hands it on unread.
        priority: Its place in the bench's queue; by its purpose if not given.
    """

    id: str
    purpose: Purpose
    cause: str
    cut: tuple[LinkId, ...]
    demand: DemandMatrix
    load_limit: float
    treatments: tuple[DeviceChange, ...] = ()
    deadline: datetime | None = None
    drill: str = ""
    priority: Priority | None = None

    @property
    def rank(self) -> Priority:
        """Its place in the bench's queue."""
        if self.priority is not None:
            return self.priority
        return Priority.PROOF if self.purpose is Purpose.PROOF else Priority.DRILL


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterTables:
    """One router's settled tables."""

    router: NodeId
    fib: tuple[FibEntry, ...]
    loc_rib: tuple[BestPath, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLoad:
    """Load on one direction of one link."""

    link: str
    """`src->dst`."""
    load_bps: float
    load_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The settled network at one point of an experiment."""

    name: str
    """`before`, `treated-1`..., `failed`, `undone`, `reverted`."""
    loads: tuple[LinkLoad, ...]
    """Fullest first."""
    lost_bps: float
    rib_digest: str
    tables: tuple[RouterTables, ...]
    settle_ms: float
    """From the change (or fault) to the last change in any FIB."""

    @property
    def worst(self) -> LinkLoad:
        """The fullest link direction."""
        return self.loads[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """One-way latency of one pair's packets over a stretch of time, by one clock."""

    min_ms: float
    median_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PairConvergence:
    """What the fault did to one watched pair, by both meters.

    Attributes:
        src: The router that sent.
        address: Where to.
        outage_ms: Time its lost probes stand for (packet meter).
        first_loss_ms: From the injection to the sending of the first lost probe; None without loss.
        last_loss_ms: From the injection to the end of the last lost probe's interval.
        last_fib_change_ms: From the injection to the last change of a route that covers the
            address, on any router (netlink meter); None without change.
        before: Latency before the fault.
        after: Latency from the last loss, or the last such change, on.
    """

    src: NodeId
    address: str
    probes_sent: int
    probes_lost: int
    outage_ms: float
    first_loss_ms: float | None = None
    last_loss_ms: float | None = None
    last_fib_change_ms: float | None = None
    before: Latency | None = None
    after: Latency | None = None

    @property
    def meters_differ_ms(self) -> float | None:
        """How far the two meters are apart; None where one of them saw nothing."""
        if self.last_loss_ms is None or self.last_fib_change_ms is None:
            return None
        return abs(self.last_loss_ms - self.last_fib_change_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Convergence:
    """What the fault did to packets and tables on the way (RFC 6413, loss-derived).

    Attributes:
        outage_ms: Longest loss-derived outage over the probed pairs (packet meter).
        last_fib_change_ms: From the injection to the last FIB change on any router (netlink meter).
        probe_interval_ms: Between two probes of a pair, the meter's resolution.
        pairs: Each probed pair.
        late_p99_ms: How late the sender of the probes was, 99th percentile.
        late_max_ms: The worst of it.
    """

    probes_sent: int
    probes_lost: int
    outage_ms: float
    last_fib_change_ms: float
    probe_interval_ms: float
    pairs: tuple[PairConvergence, ...] = ()
    late_p99_ms: float = 0.0
    late_max_ms: float = 0.0

    @property
    def worst_pair(self) -> PairConvergence | None:
        """The pair with the longest outage; None where nothing was watched."""
        return max(self.pairs, key=lambda pair: pair.outage_ms, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """How one check of a drill came out.

    Attributes:
        moment: `before`, `during` or `after` the faults.
        check: `convergence`, `loss`, `reachability`...
        measured: What was seen, in `unit`; None where the check is a yes or no.
        limit: What was allowed, in `unit`.
        detail: One sentence with the number and where it was seen.
    """

    moment: str
    check: str
    verdict: Verdict
    detail: str
    measured: float | None = None
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """The bench's answer.

    Attributes:
        id: The request's id.
        phases: In the order they happened.
        verdict: FAILED where a link is over the limit or traffic is lost, INCONCLUSIVE where a step
            could not be verified.
        reasons: One sentence a finding, with its number.
        undo_verified: Fault undone, every table as before it.
        revert_verified: Treatments taken back, RIB digest as before them; None without treatment.
        findings: The checks of a planned drill; none for an experiment that only cuts links.
        evidence: The drill's evidence bundle, named by its id; "" for none.
    """

    id: str
    purpose: Purpose
    cause: str
    cut: tuple[LinkId, ...]
    demand: DemandMatrix
    load_limit: float
    verdict: Verdict
    reasons: tuple[str, ...]
    phases: tuple[Phase, ...]
    convergence: Convergence | None
    undo_verified: bool
    revert_verified: bool | None
    fidelity: float
    """Share of best next hops and adjacencies on which bench and production agreed at the start."""
    vector: tuple[tuple[NodeId, str, int, int], ...]
    """State the bench was levelled to: (device, stream, epoch, seq)."""
    took_s: float
    findings: tuple[CheckFinding, ...] = ()
    evidence: str = ""

    def phase(self, name: str) -> Phase | None:
        """The phase of that name, if the experiment got so far."""
        return next((phase for phase in self.phases if phase.name == name), None)


def doubt_of(fidelity: float, least_fidelity: float) -> str:
    """Why what was measured on a copy of this fidelity is void; empty where it is not.

    A copy of a production that was itself out of date has fidelity 0.
    """
    if fidelity >= least_fidelity:
        return ""
    return f"the bench reproduced {fidelity:.1%} of production; {least_fidelity:.0%} is the least"


def unless_void(result: ExperimentResult, least_fidelity: float) -> ExperimentResult:
    """The result, INCONCLUSIVE where the copy it was measured on was too unlike production."""
    doubt = doubt_of(result.fidelity, least_fidelity)
    if not doubt or result.verdict is Verdict.INCONCLUSIVE:
        return result
    return replace(result, verdict=Verdict.INCONCLUSIVE, reasons=(doubt, *result.reasons))


def repeated(result: ExperimentResult) -> Experiment | None:
    """The same question once more, where the answer settled nothing; None the second time.

    A planned drill is not asked again: its result does not hold its plan.
    """
    if result.findings:
        return None
    if result.verdict is not Verdict.INCONCLUSIVE or result.id.endswith(AGAIN):
        return None
    return Experiment(
        id=result.id + AGAIN,
        purpose=result.purpose,
        cause=result.cause,
        cut=result.cut,
        demand=result.demand,
        load_limit=result.load_limit,
    )


def evidence_sha256(result: ExperimentResult) -> str:
    """Identity of a result, for approvals and journals to bind to."""
    return hashlib.sha256(to_json(result)).hexdigest()
