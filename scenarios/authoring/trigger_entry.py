"""What starts a drill, in a scenario file: a person, the calendar, or the forecast."""

from datetime import UTC, date, datetime, time
from typing import Literal, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from scenarios.authoring.injection_entry import Names
from scenarios.authoring.quantities import Duration, Ratio
from scenarios.calendar_trigger import (
    DAYS,
    Blackout,
    Calendar,
    Concurrency,
    DailyBlackout,
    DatesBlackout,
    Missed,
)
from scenarios.scenario import Manual, OnForecast, Trigger

_STRICT = ConfigDict(extra="forbid", frozen=True)
_CRON_FIELDS = 5
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


class BlackoutEntry(BaseModel):
    """No drill in here: a time of day, or whole days."""

    model_config = _STRICT
    start: str = Field(alias="from", description="22:00, or 2026-12-18", examples=["22:00"])
    until: str = Field(description="02:00, which is the next day's, or the freeze's last day")
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = Field(
        default=(), description="days a time window begins on; every day if not said"
    )

    def blackout(self) -> Blackout:
        """What it becomes.

        Raises:
            ValueError: Neither two times nor two dates.
        """
        try:
            if ":" in self.start and ":" in self.until:
                days = frozenset(map(DAYS.index, self.days)) or frozenset(range(7))
                return DailyBlackout(start=_clock(self.start), end=_clock(self.until), days=days)
            first, last = date.fromisoformat(self.start), date.fromisoformat(self.until)
        except ValueError as error:
            raise ValueError(
                f"{self.start} to {self.until} is no window; write 22:00 and 02:00, or 2026-12-18 "
                "and 2027-01-06"
            ) from error
        if last < first or self.days:
            wrong = "ends before it begins" if last < first else "takes whole days; drop `days`"
            raise ValueError(f"{self.start} to {self.until} {wrong}")
        return DatesBlackout(first=first, last=last)

    @model_validator(mode="after")
    def _is_a_window(self) -> Self:
        self.blackout()
        return self


class CalendarEntry(BaseModel):
    """Drilled by the calendar."""

    model_config = _STRICT
    cron: str = Field(
        description="minute, hour, day of month, month, day of week", examples=["30 2 * * TUE,THU"]
    )
    timezone: str = Field(description="IANA name", examples=["Europe/Berlin"])
    blackout: tuple[BlackoutEntry, ...] = Field(
        default=(), description="no drill may be under way in these"
    )
    missed: Missed = Field(
        default=Missed.SKIP, description="times that passed while no process ran"
    )
    concurrency: Concurrency = Field(
        default=Concurrency.FORBID, description="the last run has no verdict yet"
    )
    jitter: Duration = Field(default=0.0, description="longest random delay")

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        fields = len(text.split())
        if fields != _CRON_FIELDS:
            raise ValueError(
                f"{fields} field{'s'[: fields != 1]}, but cron has 5: minute, hour, day of month, "
                "month, day of week; nightly is 30 2 * * *"
            )
        try:
            next(CronSim(text, _SOME_DAY))
        except CronSimError as error:
            raise ValueError(f"{error}".lower()) from error
        except StopIteration as error:
            raise ValueError("this time never comes") from error
        return text

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(
                f"no timezone {name!r}; write an IANA name as Europe/Berlin"
            ) from error
        return name

    def calendar(self) -> Calendar:
        """What it becomes."""
        return Calendar(
            cron=self.cron,
            timezone=self.timezone,
            blackouts=tuple(entry.blackout() for entry in self.blackout),
            missed=self.missed,
            concurrency=self.concurrency,
            jitter_s=self.jitter,
        )


class ForecastEntry(BaseModel):
    """Drilled on a warning of the forecast, at the forecast demand."""

    model_config = _STRICT
    links: Names = Field(default=("*",), description="link directions as warned of: `A->B`")
    at_least: Ratio = Field(default=0.0, description="forecast utilisation worth a drill")


class TriggerEntry(BaseModel):
    """What starts a drill: one of the three."""

    model_config = _STRICT
    manual: Literal[True] | None = None
    calendar: CalendarEntry | None = None
    forecast: ForecastEntry | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len([1 for each in (self.manual, self.calendar, self.forecast) if each]) != 1:
            raise ValueError("give exactly one of manual: true, calendar, forecast")
        return self

    def trigger(self) -> Trigger:
        """What it becomes."""
        if self.calendar:
            return self.calendar.calendar()
        if self.forecast:
            return OnForecast(links=self.forecast.links, at_least_ratio=self.forecast.at_least)
        return Manual()


def _clock(text: str) -> time:
    return time.fromisoformat(text.zfill(5))
