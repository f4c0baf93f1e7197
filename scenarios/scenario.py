"""A scenario: what might happen to a network, told without naming one.

The file form is in `scenario_file`; these are the values it becomes. Targets are still selectors:
`planning` resolves them on a network and makes a drill plan of the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from scenarios.calendar_trigger import Calendar
from scenarios.check import Check


class TargetKind(StrEnum):
    """What a selector picks; also the key it is written under."""

    LINKS = "links"
    NODES = "nodes"
    SRLGS = "srlgs"
    SESSIONS = "sessions"
    PREFIXES = "prefixes"
    DEMANDS = "demands"

    @property
    def one(self) -> str:
        """A single one of them, for sentences."""
        return {"srlgs": "SRLG", "prefixes": "prefix"}.get(self.value, self.value.removesuffix("s"))


class Ranking(StrEnum):
    """What comes first when a selector takes only some."""

    HIGHEST_FORECAST_LOAD = "highest-forecast-load"
    """Traffic over capacity (links) or traffic (everything else) at the forecast peak."""
    HIGHEST_LOAD = "highest-load"
    """The same with today's demand."""
    LOWEST_LOAD = "lowest-load"
    HIGHEST_BETWEENNESS = "highest-betweenness"
    """Share of all shortest paths that cross it: importance by structure, not by traffic."""
    RANDOM = "random"
    """Drawn with the drill's seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Picks targets in any network.

    Attributes:
        kind: Of what.
        names: Names or globs; one that matches is enough.
        roles: Of the router, or of both ends of a link; one is enough.
        srlgs: Names or globs of risk groups a link is in.
        is_external: Links and sessions towards other networks (True) or our own (False); None for
            what is usual: own links, sessions with other networks.
        among: Another selector: only what it picks counts.
        excluded: Names, globs or selectors that do not count.
        by: Order; None for the network's own.
        rank: Place in that order of the first one taken, from 1.
        count: So many; None for all.
        otherwise: Another selector, asked where this one picks nothing.
    """

    kind: TargetKind
    names: tuple[str, ...] = ("*",)
    roles: tuple[str, ...] = ()
    srlgs: tuple[str, ...] = ()
    is_external: bool | None = None
    among: str = ""
    excluded: tuple[str, ...] = ()
    by: Ranking | None = None
    rank: int = 1
    count: int | None = None
    otherwise: str = ""


Parameter = str | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Injection:
    """One kind of fault on what a selector picks.

    Attributes:
        kind: `link-down`, `ddos`...
        on: Selectors or names.
        lasts_s: From its being verified to its undoing.
        after_s: Pause before it, from the end of the step before.
        parameters: What the kind takes beside its target, in SI units, by name.
    """

    kind: str
    on: tuple[str, ...]
    lasts_s: float
    after_s: float = 0.0
    parameters: tuple[tuple[str, Parameter], ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """The value of a parameter; None where the file does not give it."""
        return dict(self.parameters).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Serial:
    """One step after another."""

    steps: tuple["Sequence", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parallel:
    """All steps begin together; it ends with the last of them."""

    steps: tuple["Sequence", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """The same steps several times.

    Attributes:
        every_s: From one beginning to the next; 0 for one right after the other.
    """

    times: int
    every_s: float
    steps: tuple["Sequence", ...]


Sequence = Injection | Serial | Parallel | Repeat


def injections(steps: tuple[Sequence, ...]) -> Iterator[Injection]:
    """Every injection in a sequence, in the order of the file; a repeated one once."""
    for step in steps:
        if isinstance(step, Injection):
            yield step
        else:
            yield from injections(step.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Beyond these a drill is not begun, or is broken off.

    Attributes:
        longest_s: The whole drill.
        demand_ratio: Largest share of the demand that may be cut off.
        routers_ratio: Largest share of the routers that faults may touch.
        never: Routers, globs or node selectors that no fault may touch.
    """

    longest_s: float = 300.0
    demand_ratio: float = 1.0
    routers_ratio: float = 1.0
    never: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """Drilled when a person says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnForecast:
    """Drilled when a link is forecast to pass a load, at the forecast demand.

    Attributes:
        links: Names or globs of link directions, `ATLAng->IPLSng`.
        at_least_ratio: The forecast load over capacity that is worth a drill.
    """

    links: tuple[str, ...] = ("*",)
    at_least_ratio: float = 0.0


Trigger = Manual | Calendar | OnForecast


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much of the shadow's time a scenario may take in one day of its calendar.

    Attributes:
        drills_a_day: None for no limit.
        seconds_a_day: Likewise.
    """

    drills_a_day: int | None = None
    seconds_a_day: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything a scenario file says.

    Attributes:
        sha256: Of the file's text.
    """

    name: str
    rationale: str
    sha256: str
    steps: tuple[Sequence, ...]
    selectors: tuple[tuple[str, Selector], ...] = ()
    checks: tuple[Check, ...] = ()
    limits: Limits = field(default_factory=Limits)
    trigger: Trigger = field(default_factory=Manual)
    budget: Budget = field(default_factory=Budget)

    def selector(self, name: str) -> Selector | None:
        """The selector of that name."""
        return dict(self.selectors).get(name)
