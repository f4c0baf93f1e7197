"""The scenario file, format version 1: what an engineer writes, and its JSON Schema.

The only place where a file's words become the values of `scenarios.scenario`.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from scenarios.authoring.checks_entry import MomentsEntry
from scenarios.authoring.injection_entry import InjectionEntry, Names
from scenarios.authoring.quantities import DURATION_PATTERN, Duration, Ratio, say_duration
from scenarios.authoring.selector_entry import SelectorEntry
from scenarios.authoring.trigger_entry import TriggerEntry
from scenarios.check import Moment
from scenarios.scenario import Budget, Limits, Parallel, Repeat, Scenario, Sequence, Serial

_STRICT = ConfigDict(extra="forbid", frozen=True)
_NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"


class SerialEntry(BaseModel):
    """Steps one after another."""

    model_config = _STRICT
    serial: tuple["StepEntry", ...] = Field(min_length=1)


class ParallelEntry(BaseModel):
    """Steps that begin together."""

    model_config = _STRICT
    parallel: tuple["StepEntry", ...] = Field(min_length=1)


class RepeatBody(BaseModel):
    """Steps carried out several times."""

    model_config = _STRICT
    times: int = Field(ge=1, le=100, description="how often")
    every: Duration = Field(
        default=0.0, description="from one beginning to the next; without it, one after the other"
    )
    steps: tuple["StepEntry", ...] = Field(min_length=1, description="what is repeated")


class RepeatEntry(BaseModel):
    """Steps carried out several times."""

    model_config = _STRICT
    repeat: RepeatBody


def _form(raw: Any) -> str:
    for form in ("serial", "parallel", "repeat"):
        if isinstance(raw, dict) and form in raw:
            return f"<{form}>"
    return "<inject>"


StepEntry = Annotated[
    Annotated[InjectionEntry, Tag("<inject>")]
    | Annotated[SerialEntry, Tag("<serial>")]
    | Annotated[ParallelEntry, Tag("<parallel>")]
    | Annotated[RepeatEntry, Tag("<repeat>")],
    Discriminator(_form),
]


class LimitsEntry(BaseModel):
    """Beyond these a drill is not begun, or is broken off."""

    model_config = _STRICT
    longest: Duration = Field(default=300.0, description="the whole drill")
    demand: Ratio = Field(default=1.0, description="largest share of demand that may be cut off")
    routers: Ratio = Field(default=1.0, description="largest share of routers faults may touch")
    never: Names = Field(default=(), description="routers, globs or selectors nothing may touch")


class BudgetEntry(BaseModel):
    """How much of the shadow's time it may take."""

    model_config = _STRICT
    drills_a_day: int | None = Field(
        default=None, ge=1, description="in a day of the calendar's timezone, or of UTC"
    )
    minutes_a_day: float | None = Field(default=None, gt=0, description="likewise, drilling time")


class ScenarioFile(BaseModel):
    """A failure scenario for any network, version 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Foreshadow scenario, version 1")
    version: Literal[1] = Field(description="of this format")
    name: str = Field(pattern=_NAME, description="lower case, digits and dashes")
    rationale: str = Field(
        min_length=20, description="why this may happen, and what would be learnt"
    )
    select: dict[Annotated[str, Field(pattern=_NAME)], SelectorEntry] = Field(
        default={}, description="named selectors"
    )
    steps: tuple[StepEntry, ...] = Field(min_length=1, description="one after another")
    checks: MomentsEntry = Field(default=MomentsEntry(), description="what must hold when")
    limits: LimitsEntry = Field(default=LimitsEntry(), description="when to break off")
    trigger: TriggerEntry = Field(default=TriggerEntry(manual=True), description="what starts it")
    budget: BudgetEntry = Field(default=BudgetEntry(), description="how much time it may take")

    def scenario(self, sha256: str) -> Scenario:
        """What it becomes."""
        moments = {Moment(moment): getattr(self.checks, moment) for moment in Moment}
        return Scenario(
            name=self.name,
            rationale=" ".join(self.rationale.split()),
            sha256=sha256,
            steps=tuple(map(_sequence, self.steps)),
            selectors=tuple((name, entry.selector()) for name, entry in self.select.items()),
            checks=tuple(
                check for moment, entry in moments.items() for check in entry.checks(moment)
            ),
            limits=Limits(
                longest_s=self.limits.longest,
                demand_ratio=self.limits.demand,
                routers_ratio=self.limits.routers,
                never=self.limits.never,
            ),
            trigger=self.trigger.trigger(),
            budget=Budget(
                drills_a_day=self.budget.drills_a_day,
                seconds_a_day=self.budget.minutes_a_day and 60 * self.budget.minutes_a_day,
            ),
        )


def _sequence(entry: StepEntry) -> Sequence:
    match entry:
        case SerialEntry():
            return Serial(steps=tuple(map(_sequence, entry.serial)))
        case ParallelEntry():
            return Parallel(steps=tuple(map(_sequence, entry.parallel)))
        case RepeatEntry(repeat=body):
            return Repeat(
                times=body.times, every_s=body.every, steps=tuple(map(_sequence, body.steps))
            )
        case _:
            return entry.injection()


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, for editors."""
    schema = _as_written(ScenarioFile.model_json_schema(by_alias=True, mode="validation"))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _as_written(schema: Any) -> Any:
    """Defaults as a person would write them; pydantic has them as they are inside."""
    if isinstance(schema, list):
        return [_as_written(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: _as_written(value) for name, value in schema.items() if name != "default"}
    default = schema.get("default")
    if isinstance(default, float) and schema.get("pattern") == DURATION_PATTERN:
        kept["default"] = say_duration(default)
    elif isinstance(default, (str, int, float)):
        kept["default"] = default
    return kept
