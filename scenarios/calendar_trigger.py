"""When a drill is due: cron in a timezone, less the windows in which nothing may be broken.

Cron arithmetic is cronsim's, which does on the days of a clock change what Debian's cron does: a
fixed time that the change skips (02:30 in March) comes at the first moment after it, one that the
change repeats (02:30 in October) comes once. Jitter is drawn from the scenario's name and the due
time, so that a restarted process draws the same.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from cronsim import CronSim

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


class Missed(StrEnum):
    """What becomes of times that passed while nobody was there to run them."""

    RUN_ONCE = "run-once"
    """The latest of them is made up for."""
    SKIP = "skip"


class Concurrency(StrEnum):
    """What becomes of a run that is due while the last one of its scenario has no verdict yet.

    A drill under way is never broken off for another.
    """

    FORBID = "forbid"
    """It is skipped."""
    QUEUE = "queue"
    """It waits for its turn."""
    REPLACE = "replace"
    """It waits, and takes the place of one that waits already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyBlackout:
    """A time of day in which no drill may be under way, by the clock on the wall.

    Attributes:
        start: Its first moment.
        end: The first moment after it; not after `start` means on the next day.
        days: Weekdays it begins on, 0 for Monday.
    """

    start: time
    end: time
    days: frozenset[int] = frozenset(range(7))

    def spans(self, first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """The windows that begin on the days from `first` to `last`, in UTC.

        Where a clock change makes a time ambiguous or skips it, the window takes both readings in.
        """
        day = first
        while day <= last:
            if day.weekday() in self.days:
                end_day = day if self.end > self.start else day + _DAY
                yield (
                    min(_readings(day, self.start, zone)),
                    max(_readings(end_day, self.end, zone)),
                )
            day += _DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class DatesBlackout:
    """Whole days without drills: a change freeze."""

    first: date
    last: date
    """The last day of the freeze."""

    def spans(self, first: date, last: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
        """The freeze in UTC, where it touches the days from `first` to `last`."""
        if self.first <= last and self.last >= first:
            midnight = time(0)
            yield (
                min(_readings(self.first, midnight, zone)),
                max(_readings(self.last + _DAY, midnight, zone)),
            )


Blackout = DailyBlackout | DatesBlackout


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a scenario is to be drilled.

    Attributes:
        cron: Five fields: minute, hour, day of month, month, day of week.
        timezone: IANA name; the times of `cron` and of the blackouts are its wall clock's.
        blackouts: No drill may be under way in these.
        missed: What becomes of times that nobody was there for.
        concurrency: What becomes of a run whose predecessor has no verdict yet.
        jitter_s: Longest random delay of a run, so that calendars do not all strike at once.
    """

    cron: str
    timezone: str
    blackouts: tuple[Blackout, ...] = ()
    missed: Missed = Missed.SKIP
    concurrency: Concurrency = Concurrency.FORBID
    jitter_s: float = 0.0

    @property
    def zone(self) -> ZoneInfo:
        """The timezone's rules."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRun:
    """One time the calendar names.

    Attributes:
        due: As cron says, in UTC; names the run.
        at: When it is to begin: `due` and the jitter, in UTC.
        is_blacked_out: It would touch a blackout, so it does not take place.
    """

    due: datetime
    at: datetime
    is_blacked_out: bool


def due_runs(
    calendar: Calendar, *, after: datetime, scenario: str, longest_s: float
) -> Iterator[DueRun]:
    """Every run due after a moment, in order and without end, those in a blackout marked.

    Args:
        calendar: The rules.
        after: UTC-aware; a run due at this very moment is not among them.
        scenario: Its name, for the jitter.
        longest_s: How long a drill may take: it must be over when a blackout begins.
    """
    zone = calendar.zone
    for local in CronSim(calendar.cron, after.astimezone(zone)):
        due = local.astimezone(UTC)
        if due <= after:
            continue
        at = due + timedelta(seconds=_jitter(scenario, due) * calendar.jitter_s)
        yield DueRun(
            due=due, at=at, is_blacked_out=is_blacked_out(calendar, at, longest_s=longest_s)
        )


def next_runs(
    calendar: Calendar, *, after: datetime, scenario: str, longest_s: float, within: timedelta
) -> Iterator[DueRun]:
    """The runs that are due after a moment and take place, so far as they are due `within`."""
    for run in due_runs(calendar, after=after, scenario=scenario, longest_s=longest_s):
        if run.due > after + within:
            return
        if not run.is_blacked_out:
            yield run


def is_blacked_out(calendar: Calendar, at: datetime, *, longest_s: float) -> bool:
    """Whether a drill that begins then would touch a blackout."""
    zone = calendar.zone
    end = at + timedelta(seconds=longest_s)
    first = at.astimezone(zone).date() - 2 * _DAY
    last = end.astimezone(zone).date() + _DAY
    return any(
        start <= end and at < stop
        for blackout in calendar.blackouts
        for start, stop in blackout.spans(first, last, zone)
    )


def _readings(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The one or two moments at which the clock on the wall shows this, in UTC."""
    wall = datetime.combine(day, at, tzinfo=zone)
    return wall.replace(fold=0).astimezone(UTC), wall.replace(fold=1).astimezone(UTC)


def _jitter(scenario: str, due: datetime) -> float:
    """A number from 0 to 1 that belongs to this run of this scenario."""
    drawn = hashlib.sha256(f"{scenario} {due.isoformat()}".encode()).digest()
    return int.from_bytes(drawn[:8]) / 2**64
