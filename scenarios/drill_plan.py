"""A drill as it will be carried out: which fault when, what is checked, at which demand.

A plan is a value without a question left in it: selectors are resolved, sequences are flattened,
durations are seconds. So it can be shown, put on the bus, journalled, run, and run again. Whoever
runs it needs neither the scenario file nor the network it was resolved on.
"""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from foreshadow.codec import from_json, to_json
from foreshadow.demand import DemandMatrix
from foreshadow.topology import LinkId, NodeId, Prefix
from scenarios.check import Check

NO_LOAD_LIMIT = 1e6
"""A load ratio that no link reaches: how full links get is not judged at all."""


class Action(StrEnum):
    """What happens to a fault at one moment."""

    INJECT = "inject"
    UNDO = "undo"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFault:
    """One fault of a drill, with its place in time.

    Attributes:
        number: Names it in the timeline and in the journal; counted from 0.
        kind: `link-down`, `ddos`... (`scenarios.faults.catalogue`).
        name: What a person calls it: `CHINng-NYCMng down`.
        fault: The fault itself, as `scenarios.faults.catalogue` writes it.
        inject_at_s: Seconds from the start of the drill; not before it.
        undo_at_s: Likewise. What was injected late is undone late: it lasts as long as planned.
        is_demand: It changes the offered traffic, nothing in the lab.
        links: Links it touches, for what should be watched.
        nodes: Routers it touches.
        prefixes: Prefixes it touches.
    """

    number: int
    kind: str
    name: str
    fault: str
    inject_at_s: float
    undo_at_s: float
    is_demand: bool = False
    links: tuple[LinkId, ...] = ()
    nodes: tuple[NodeId, ...] = ()
    prefixes: tuple[Prefix, ...] = ()

    @property
    def lasts_s(self) -> float:
        """Seconds from its being verified to its undoing."""
        return self.undo_at_s - self.inject_at_s


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Step:
    """One entry of the timeline."""

    at_s: float
    action: Action
    number: int
    """Of the fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillLimits:
    """Beyond these the drill is broken off and undone, whatever it was about to show.

    Attributes:
        longest_s: From the first injection to the last undo verified.
        demand_ratio: Largest share of the demand that may be cut off at any time, 0 to 1.
        routers_ratio: Largest share of the routers that faults may touch, 0 to 1.
        never: Routers that no fault may touch.
    """

    longest_s: float = 300.0
    demand_ratio: float = 1.0
    routers_ratio: float = 1.0
    never: tuple[NodeId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlan:
    """Everything there is to know before the first fault is injected.

    Attributes:
        id: Of the drill.
        scenario: Name of the scenario it was planned from.
        scenario_sha256: Of the scenario file's text.
        faults: By number.
        checks: In the order of the file.
        limits: When to break off.
        demand: Usual traffic; demand faults change it while they last.
        load_limit: Load ratio no link may exceed where no check says otherwise.
        seed: For everything that is drawn: targets chosen at random, the times of a flap.
    """

    id: str
    scenario: str
    scenario_sha256: str
    faults: tuple[PlannedFault, ...]
    checks: tuple[Check, ...]
    limits: DrillLimits
    demand: DemandMatrix
    load_limit: float
    seed: int

    @property
    def timeline(self) -> tuple[Step, ...]:
        """All injections and undoings in order; at the same moment what ends makes room first."""
        steps = [
            step
            for fault in self.faults
            for step in (
                Step(at_s=fault.inject_at_s, action=Action.INJECT, number=fault.number),
                Step(at_s=fault.undo_at_s, action=Action.UNDO, number=fault.number),
            )
        ]
        return tuple(sorted(steps, key=lambda s: (s.at_s, s.action is Action.INJECT, s.number)))

    @property
    def ends_at_s(self) -> float:
        """When the last fault is undone."""
        return max((fault.undo_at_s for fault in self.faults), default=0.0)

    @property
    def sha256(self) -> str:
        """Identity of the plan: the same network, demand and scenario give the same bytes."""
        return hashlib.sha256(to_json(self)).hexdigest()


def encode_plan(plan: DrillPlan) -> str:
    """A plan as JSON, as `Experiment.drill` carries it."""
    return to_json(plan).decode()


def decode_plan(text: str | bytes) -> DrillPlan:
    """The plan that `encode_plan` wrote.

    Raises:
        msgspec.DecodeError: Not JSON, or JSON of another shape.
    """
    return from_json(text, DrillPlan)
