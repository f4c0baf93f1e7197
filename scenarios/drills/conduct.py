"""The timeline of a drill, carried out: what is injected when, and what is read between.

    inject -> seen in the lab -> tables at rest -> read -> next ... -> (the caller undoes the rest)

The clock of a drill starts when its first fault was seen, not when it was asked for. Nothing is
injected earlier than planned; what was injected late is undone late, so that each fault lasts as
long as it should. A fault planned to last no time lasts until the network under it has been read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from foreshadow.demand import DemandMatrix
from foreshadow.errors import ConfigError, EmulationFailed
from foreshadow.experiment import Phase
from foreshadow.topology import NodeId, Topology
from scenarios.drill_plan import DrillPlan, PlannedFault
from scenarios.drills.breakage import Breakage, Wanted
from scenarios.drills.drill_story import Step, Story
from scenarios.drills.pace import BrokenOff, Pace
from scenarios.drills.reading import Reader, is_same
from scenarios.faults.catalogue import TrafficFault, decode
from scenarios.faults.fault import DemandFault, Fault
from shadow.emulation.emulator import DaemonState, Emulator

_NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """The faults of a plan, by number: what breaks something, and what changes the traffic."""

    network: Mapping[int, Fault]
    traffic: Mapping[int, DemandFault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of a drill in which the same faults were in force.

    Attributes:
        faults: Their numbers.
        from_s: The change it began with, monotonic.
        to_s: When its tables had been read, or the next change came.
        phase: The tables once they had come to rest; None where the next change came sooner.
        offered: Traffic while it lasted.
        settled_s: From the change to the last change in any table.
        topology: The network without the links that were down.
        dead: Routers without a living daemon or a link with carrier.
    """

    faults: tuple[int, ...]
    from_s: float
    to_s: float
    phase: Phase | None
    offered: DemandMatrix
    settled_s: float
    topology: Topology
    dead: frozenset[NodeId] = frozenset()


@dataclass(slots=True)
class _Lasting:
    """A fault in force and when it is to end."""

    planned: PlannedFault
    ends_s: float
    """Monotonic; `_NEVER` while it lasts until it was read."""


class Conductor:
    """Carries one plan out on a lab at rest."""

    def __init__(  # noqa: PLR0913 - what a drill is carried out with
        self,
        plan: DrillPlan,
        faults: Faults,
        *,
        lab: Emulator,
        reader: Reader,
        breakage: Breakage,
        pace: Pace,
        story: Story,
    ) -> None:
        """Nothing happens yet.

        Args:
            plan: What to do when.
            faults: The plan's faults, `faults_of` it.
            lab: Where.
            reader: Reads the tables.
            breakage: Injects and undoes.
            pace: Waits.
            story: Told what happens.
        """
        self._plan, self._lab, self._reader = plan, lab, reader
        self._breakage, self._pace, self._story = breakage, pace, story
        self._faults = faults
        self._waiting = sorted(plan.faults, key=lambda it: (it.inject_at_s, it.number))
        self._lasting: dict[int, _Lasting] = {}
        self._zero_s: float | None = None
        self._changed_s = 0.0
        self._is_read = True
        self.windows: list[Window] = []
        self.injected_s: float | None = None
        """When the first fault came into force, monotonic."""
        self.read_s: float | None = None
        """When the last window had been read, monotonic."""

    def carry_out(self, reference: Phase) -> None:
        """The whole timeline up to its last undoing, which is left to whoever undoes everything.

        Args:
            reference: The network with nothing broken.

        Raises:
            ForeshadowError: It goes no further; what is in force is to be undone.
        """
        while self._waiting or not self._is_read or self._ends_s() < _NEVER:
            self._pace.check()
            now_s = self._pace.now_s()
            if over := [number for number, it in self._lasting.items() if it.ends_s <= now_s]:
                self._read_again()
                if len(over) == len(self._lasting) and not self._waiting:
                    return
                self._end(over)
            elif group := self._due(now_s):
                self._read_again()
                self._begin(group, reference)
            elif not self._is_read:
                self._read(until_s=min(self._begins_s(), self._ends_s()))
            else:
                self._pace.until(min(self._begins_s(), self._ends_s()))

    def _begins_s(self) -> float:
        """When the next fault is to be injected, monotonic."""
        if not self._waiting:
            return _NEVER
        return self._moment_s(self._waiting[0].inject_at_s)

    def _ends_s(self) -> float:
        """When the next fault is to be undone, monotonic."""
        return min((it.ends_s for it in self._lasting.values()), default=_NEVER)

    def _moment_s(self, at_s: float) -> float:
        if self._zero_s is None:
            self._zero_s = self._pace.now_s() - self._waiting[0].inject_at_s
        return self._zero_s + at_s

    def _due(self, now_s: float) -> list[PlannedFault]:
        return [it for it in self._waiting if self._moment_s(it.inject_at_s) <= now_s]

    def _begin(self, group: Sequence[PlannedFault], reference: Phase) -> None:
        """Inject faults that are due at the same moment."""
        if self.injected_s is not None and not self._breakage.in_force:
            self._rest(reference)
        self._waiting = [it for it in self._waiting if it not in group]
        wanted = [
            Wanted(number=planned.number, fault=fault, text=planned.fault)
            for planned in group
            if (fault := self._faults.network.get(planned.number)) is not None
        ]
        injected_s = verified_s = self._pace.now_s()
        if wanted:
            injection = self._breakage.inject(wanted)
            injected_s, verified_s = injection.injected_s, injection.verified_s
        if self.injected_s is None:
            self.injected_s = injected_s
            self._zero_s = verified_s - group[0].inject_at_s
        for planned in group:
            self._lasting[planned.number] = _Lasting(
                planned=planned,
                ends_s=verified_s + planned.lasts_s if planned.lasts_s > 0 else _NEVER,
            )
        self._verify_demand(group)
        self._is_read, self._changed_s = False, injected_s

    def _verify_demand(self, group: Sequence[PlannedFault]) -> None:
        offered = self._offered()
        for planned in group:
            if (fault := self._faults.traffic.get(planned.number)) is not None:
                without = self._offered(without=planned.number)
                if says := fault.verify(offered, without):
                    raise EmulationFailed(f"the fault could not be verified: {says}")
                self._story.tell(Step.VERIFIED, fault.name)

    def _end(self, numbers: Sequence[int]) -> None:
        """Undo faults whose time is over while others stay or are to come."""
        if not self._is_read:
            self._pass_by()
        in_lab = [number for number in numbers if number in self._breakage.in_force]
        self._changed_s = self._breakage.undo(in_lab) if in_lab else self._pace.now_s()
        left = [number for number in in_lab if number in self._breakage.in_force]
        if left:
            raise EmulationFailed("; ".join(self._breakage.doubts))
        for number in numbers:
            del self._lasting[number]
        self._is_read = not self._lasting

    def _rest(self, reference: Phase) -> None:
        """See the network at rest before it is broken again."""
        number = len(self.windows)
        phase = self._reader.recover(
            f"between-{number}", self._changed_s, reference, self._plan.demand
        )
        if not is_same(phase, reference):
            raise EmulationFailed("the tables did not come back between two faults")

    def _read(self, *, until_s: float) -> None:
        """Wait for the tables to rest and read them, or let the next change come."""
        patience_s = self._pace.patience.settle_s
        within_s = min(patience_s, max(0.0, until_s - self._pace.now_s()))
        settled = self._pace.settle(self._lab, self._changed_s, within_s=within_s)
        if not settled.is_settled and within_s < patience_s:
            self._pass_by()
            return
        if not settled.is_settled:
            self._reader.doubts.append(f"tables still change after {patience_s:g} s")
        offered = self._offered()
        self._story.tell(
            Step.SETTLED,
            f"{settled.changes} table changes, the last after {1e3 * settled.convergence_s:.0f} ms",
        )
        number = len(self.windows) + 1
        phase = self._reader.read(f"failed-{number}", settled.convergence_s, offered)
        self._note(phase, settled.convergence_s)
        self._limit(phase, offered)
        for it in self._lasting.values():
            if it.ends_s == _NEVER:
                it.ends_s = self._pace.now_s()

    def _read_again(self) -> None:
        """Read a window anew whose tables moved on after they had come to rest.

        A silent failure leaves them at rest until a timer runs out: what counts is the network's
        answer, not the calm before it.
        """
        if not self._is_read or not self._lasting or self.windows[-1].phase is None:
            return
        if self.read_s is None or not self._lab.fib_changes(self.read_s):
            return
        early = self.windows.pop()
        self._reader.phases.pop()
        self._is_read, self._changed_s = False, early.from_s
        self._read(until_s=_NEVER)

    def _pass_by(self) -> None:
        """Note a window whose tables did not come to rest before the next change."""
        settled = self._lab.wait_settled(quiet_s=0.0, within_s=0.0, since_s=self._changed_s)
        self._note(None, settled.convergence_s)

    def _note(self, phase: Phase | None, settled_s: float) -> None:
        self._is_read, self.read_s = True, self._pace.now_s()
        self.windows.append(
            Window(
                faults=tuple(sorted(self._lasting)),
                from_s=self._changed_s,
                to_s=self.read_s,
                phase=phase,
                offered=self._offered(),
                settled_s=settled_s,
                topology=self._reader.up(),
                dead=dead_routers(self._lab),
            )
        )

    def _limit(self, phase: Phase, offered: DemandMatrix) -> None:
        if offered.total_bps <= 0:
            return
        cut_off = phase.lost_bps / offered.total_bps
        if cut_off > self._plan.limits.demand_ratio:
            raise BrokenOff(
                f"{cut_off:.1%} of the demand is cut off; "
                f"the drill's limit is {self._plan.limits.demand_ratio:.1%}"
            )

    def _offered(self, *, without: int = -1) -> DemandMatrix:
        """Traffic with every demand fault that is in force."""
        offered = self._plan.demand
        for number in sorted(self._lasting):
            fault = self._faults.traffic.get(number)
            if fault is not None and number != without:
                offered = fault.applied(offered)
        return offered


def dead_routers(lab: Emulator) -> frozenset[NodeId]:
    """Routers of ours that carry nothing: no link of theirs is up and no daemon runs."""
    suspects = {node.id for node in lab.spec.nodes if not node.is_external}
    alive = {end.node for link in lab.spec.links if link.is_up for end in (link.a, link.b)}
    return frozenset(
        node
        for node in suspects - alive
        if all(state is DaemonState.DEAD for state in lab.daemons(node).values())
    )


def faults_of(plan: DrillPlan) -> Faults:
    """The faults of a plan.

    Raises:
        ConfigError: One cannot be read by this version.
    """
    network: dict[int, Fault] = {}
    traffic: dict[int, DemandFault] = {}
    for planned in plan.faults:
        try:
            fault = decode(planned.fault)
        except msgspec.DecodeError as error:
            raise ConfigError(f"fault {planned.number} ({planned.name}): {error}") from error
        if isinstance(fault, TrafficFault):
            traffic[planned.number] = fault
        else:
            network[planned.number] = fault
    return Faults(network=network, traffic=traffic)
