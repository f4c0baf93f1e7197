"""One injection in a scenario file: the kinds of fault, and what each takes.

Which field means what to the fault itself is said in `scenarios.faults`; here is how a person
writes it, and which targets a kind can take.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from scenarios.authoring.quantities import Duration, Factor, Rate, Ratio
from scenarios.scenario import Injection, TargetKind

_STRICT = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What a kind of fault is done to: each target of one of these kinds."""

    targets: tuple[TargetKind, ...]


_LINKS, _NODES = Takes(targets=(TargetKind.LINKS,)), Takes(targets=(TargetKind.NODES,))
_SESSIONS = Takes(targets=(TargetKind.SESSIONS,))
_PREFIXES = Takes(targets=(TargetKind.PREFIXES,))

KINDS: dict[str, Takes] = {
    "link-down": _LINKS,
    "link-silent": _LINKS,
    "link-flap": _LINKS,
    "link-degrade": _LINKS,
    "cost-changed": _LINKS,
    "timer-mismatch": _LINKS,
    "mtu-mismatch": _LINKS,
    "node-down": _NODES,
    "node-frozen": _NODES,
    "node-restart": _NODES,
    "daemon-crash": _NODES,
    "overloaded": _NODES,
    "drained": _NODES,
    "partition": _NODES,
    "srlg-cut": Takes(targets=(TargetKind.SRLGS, TargetKind.LINKS)),
    "session-reset": _SESSIONS,
    "session-down": _SESSIONS,
    "max-prefix-hit": _SESSIONS,
    "route-leaked": _SESSIONS,
    "prefix-withdrawn": _PREFIXES,
    "prefix-hijacked": _PREFIXES,
    "ddos": _PREFIXES,
    "demand-surge": Takes(targets=(TargetKind.DEMANDS,)),
}
"""Every kind of fault a scenario can name, and what it is done to."""


def one_or_more(raw: Any) -> Any:
    """A single name is a list of one."""
    return (raw,) if isinstance(raw, str) else raw


Names = Annotated[
    tuple[str, ...],
    BeforeValidator(one_or_more, json_schema_input_type=str | list[str]),
]
"""A name, or several."""


class _Entry(BaseModel):
    """What every injection says."""

    model_config = _STRICT
    inject: str
    on: Names = Field(min_length=1, description="a selector of this file, or names")
    lasts: Duration = Field(
        default=10.0, alias="for", description="from its being verified to its undoing"
    )
    after: Duration = Field(default=0.0, description="pause before it")

    def injection(self) -> Injection:
        """What it becomes."""
        values = {
            name: getattr(self, name)
            for name in type(self).model_fields
            if name not in _Entry.model_fields
        }
        return Injection(
            kind=self.inject,
            on=self.on,
            lasts_s=self.lasts,
            after_s=self.after,
            parameters=tuple((n, value) for n, value in values.items() if value is not None),
        )


class PlainEntry(_Entry):
    """A fault that takes nothing but its target."""

    inject: Literal[
        "link-down",
        "link-silent",
        "node-down",
        "node-frozen",
        "node-restart",
        "overloaded",
        "drained",
        "partition",
        "srlg-cut",
        "session-reset",
        "session-down",
        "max-prefix-hit",
        "route-leaked",
        "prefix-withdrawn",
    ]


class FlapEntry(_Entry):
    """A link goes down and up again, several times."""

    inject: Literal["link-flap"]
    times: int = Field(default=3, ge=1, le=20, description="how often it goes down")
    down: Duration = Field(default=0.3, description="how long it stays down")
    up: Duration = Field(default=0.3, description="how long it stays up between")


class DegradeEntry(_Entry):
    """A link gets slow, late or lossy."""

    inject: Literal["link-degrade"]
    rate: Rate | None = Field(default=None, description="rate it is held to")
    delay: Duration | None = Field(default=None, description="one-way delay")
    loss: Ratio | None = Field(default=None, description="share of packets lost")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.rate is None and not self.delay and not self.loss:
            raise ValueError("degrades nothing; give rate, delay or loss")
        return self


class CostEntry(_Entry):
    """A link's IGP cost changes, both ways."""

    inject: Literal["cost-changed"]
    cost: int = Field(ge=1, le=65_535, description="the new cost; 65535 is the least attractive")


class TimerEntry(_Entry):
    """One end of a link says hello at another interval."""

    inject: Literal["timer-mismatch"]
    hello: Duration = Field(default=3.0, description="the interval the first end gets")


class MtuEntry(_Entry):
    """One end of a link takes smaller packets."""

    inject: Literal["mtu-mismatch"]
    mtu_bytes: int = Field(default=1400, ge=1280, le=65_535, description="the first end's size")


class CrashEntry(_Entry):
    """One daemon of a router dies."""

    inject: Literal["daemon-crash"]
    daemon: Literal["zebra", "staticd", "bfdd", "ospfd", "isisd", "bgpd"] = Field(
        description="the process that is killed"
    )


class HijackEntry(_Entry):
    """A router announces a prefix that is not its own."""

    inject: Literal["prefix-hijacked"]
    by: Names = Field(description="the router that announces it: a name or a selector of nodes")
    longer_by: int = Field(
        default=1, ge=0, le=8, description="bits more than the owner's; longest match then wins"
    )


class DdosEntry(_Entry):
    """Many routers send to one prefix at once."""

    inject: Literal["ddos"]
    rate: Rate = Field(description="of all sources together")
    sources: Names = Field(
        default=("*",), alias="from", description="where it enters: names or a selector of nodes"
    )


class SurgeEntry(_Entry):
    """A demand is multiplied."""

    inject: Literal["demand-surge"]
    factor: Factor = Field(gt=0, le=1000, description="x2 doubles it")


InjectionEntry = Annotated[
    PlainEntry
    | FlapEntry
    | DegradeEntry
    | CostEntry
    | TimerEntry
    | MtuEntry
    | CrashEntry
    | HijackEntry
    | DdosEntry
    | SurgeEntry,
    Field(discriminator="inject"),
]
