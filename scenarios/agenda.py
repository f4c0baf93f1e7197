"""Which scenarios are due now, which must wait, and which are let go: a pure book of decisions.

It is told the time and what was decided before, and answers with notes. A note counts once it is
given back through `remember`, as it comes from the bus: so a process that dies between deciding and
asking decides the same again, under the same drill id, and asking twice is asking once.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from foreshadow.calendar_note import CalendarNote, Decision
from foreshadow.codec import to_json
from foreshadow.warning import SpikeWarning
from scenarios.calendar_trigger import (
    Calendar,
    Concurrency,
    DueRun,
    Missed,
    due_runs,
    is_blacked_out,
)
from scenarios.planning.sequence import length_s
from scenarios.scenario import OnForecast, Scenario

ON_TIME = timedelta(seconds=60)
"""A run that is begun later than this was missed."""

_GIVES_UP = timedelta(hours=1)
"""A drill without a verdict for so much longer than it may take is no longer waited for."""

_STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(slots=True)
class _Book:
    """What is known of one scenario's past."""

    scenario: Scenario
    base: datetime | None = None
    """Due times up to here are decided; None before the calendar is watched."""
    settled: set[str] = field(default_factory=set)
    """Occasions that were asked for or skipped."""
    waiting: list[str] = field(default_factory=list)
    """Occasions that were neither yet, oldest first."""
    asked: dict[str, datetime] = field(default_factory=dict)
    """Drill ids, and when they were asked for."""


class Agenda:
    """The scenarios of one process, and what became of their occasions."""

    def __init__(self, scenarios: tuple[Scenario, ...]) -> None:
        """Begin with nothing decided."""
        self._books = {scenario.name: _Book(scenario) for scenario in scenarios}
        self._took_s: dict[str, float] = {}
        """Drills with a verdict, and how long they took."""

    def remember(self, note: CalendarNote) -> None:
        """Take a decision into the book; one about a scenario that is gone is passed over."""
        book = self._books.get(note.scenario)
        if book is None:
            return
        if note.decision is Decision.WATCHED:
            if note.occasion == _fingerprint(book.scenario):
                book.base = max(book.base or note.made_at, note.made_at)
            else:
                book.base = None
            return
        if note.decision is not Decision.WAITING:
            book.settled.add(note.occasion)
        elif note.occasion not in book.waiting:
            book.waiting.append(note.occasion)
        # A process hears its own notes again from the bus: what is settled does not wait any more.
        book.waiting = [each for each in book.waiting if each not in book.settled]
        if note.decision is Decision.ASKED:
            book.asked[note.drill] = note.made_at
        due = _due(note.occasion)
        if due is not None and book.base is not None:
            book.base = max(book.base, due)

    def judged(self, drill: str, *, took_s: float) -> None:
        """A drill has its verdict."""
        self._took_s[drill] = took_s

    def scenario(self, name: str) -> Scenario:
        """The scenario of a note.

        Raises:
            KeyError: There is none.
        """
        return self._books[name].scenario

    def due(self, now: datetime) -> tuple[CalendarNote, ...]:
        """What is to be decided at this moment, at most one question asked per scenario."""
        return tuple(note for book in self._books.values() for note in self._due(book, now))

    def warned(self, warning: SpikeWarning, *, now: datetime) -> tuple[CalendarNote, ...]:
        """What a forecast sets off; nothing where it was decided before."""
        found = []
        for book in self._books.values():
            trigger = book.scenario.trigger
            if (
                isinstance(trigger, OnForecast)
                and warning.id not in book.settled
                and warning.upper_ratio >= trigger.at_least_ratio
                and any(fnmatchcase(warning.link, each) for each in trigger.links)
            ):
                why_not = self._over_budget(book, now)
                if not why_not and self._open(book, now):
                    why_not = "its last drill has no verdict yet"
                found.append(_note(book, warning.id, now, why_not=why_not))
        return tuple(found)

    def _due(self, book: _Book, now: datetime) -> Iterator[CalendarNote]:
        calendar = book.scenario.trigger
        if not isinstance(calendar, Calendar):
            return
        if book.base is None:
            yield CalendarNote(
                scenario=book.scenario.name,
                occasion=_fingerprint(book.scenario),
                decision=Decision.WATCHED,
                made_at=now,
            )
            return
        longest_s = book.scenario.limits.longest_s
        is_dark = is_blacked_out(calendar, now, longest_s=longest_s)
        if book.waiting and not is_dark and not self._open(book, now):
            yield _note(book, book.waiting[0], now, why_not=self._over_budget(book, now))
            return
        passed = tuple(_passed(book, calendar, now))
        if not passed:
            return
        run, why_not = _chosen(passed, calendar, now)
        if not why_not and is_dark:
            return  # One to be made up for: it will be, when the blackout is over.
        why_not = why_not or self._over_budget(book, now)
        if why_not or not self._open(book, now):
            yield _note(book, stamp(run.due), now, why_not=why_not)
            return
        yield from _queued(book, calendar, run, now)

    def _open(self, book: _Book, now: datetime) -> bool:
        patience = timedelta(seconds=book.scenario.limits.longest_s) + _GIVES_UP
        return any(
            drill not in self._took_s and now < asked_at + patience
            for drill, asked_at in book.asked.items()
        )

    def _over_budget(self, book: _Book, now: datetime) -> str:
        """Why one more drill today is too much; "" where it is not."""
        budget, takes_s = book.scenario.budget, length_s(book.scenario.steps)
        zone = _zone(book.scenario)
        today = [d for d, at in book.asked.items() if _day(at, zone) == _day(now, zone)]
        if budget.drills_a_day is not None and len(today) >= budget.drills_a_day:
            return f"asked for today: {len(today)}; the budget is {budget.drills_a_day} a day"
        spent_s = sum(self._took_s.get(drill, takes_s) for drill in today)
        if budget.seconds_a_day is not None and spent_s + takes_s > budget.seconds_a_day:
            return (
                f"{spent_s / 60:.1f} minutes were drilled today and this takes {takes_s / 60:.1f}; "
                f"the budget is {budget.seconds_a_day / 60:g}"
            )
        return ""


def stamp(due: datetime) -> str:
    """A due time as the occasion of a note."""
    return due.astimezone(UTC).strftime(_STAMP)


def drill_id(scenario: Scenario, occasion: str) -> str:
    """The drill of a scenario at an occasion: whoever works it out gets the same."""
    due = _due(occasion)
    if due is None:
        return f"f-{scenario.name}-{occasion}"
    return f"c-{scenario.name}-{due:%Y%m%dT%H%MZ}"


def _passed(book: _Book, calendar: Calendar, now: datetime) -> Iterator[DueRun]:
    """Runs whose moment has come and that nothing was decided about."""
    if book.base is None:
        return
    scenario = book.scenario
    for run in due_runs(
        calendar,
        after=book.base,
        scenario=scenario.name,
        longest_s=scenario.limits.longest_s,
    ):
        if run.at > now:
            return
        yield run


def _chosen(passed: tuple[DueRun, ...], calendar: Calendar, now: datetime) -> tuple[DueRun, str]:
    """The one run of all that passed which is to take place, or the last and why none does."""
    able = [run for run in passed if not run.is_blacked_out]
    if not able:
        return passed[-1], "it falls into a blackout"
    if now - able[-1].at <= ON_TIME or calendar.missed is Missed.RUN_ONCE:
        return able[-1], ""
    every = f"{len(able)} runs were" if len(able) > 1 else "it was"
    return passed[-1], f"{every} missed while nothing was running"


def _queued(book: _Book, calendar: Calendar, run: DueRun, now: datetime) -> Iterator[CalendarNote]:
    """What becomes of a run while the scenario's last drill is open."""
    match calendar.concurrency:
        case Concurrency.FORBID:
            yield _note(book, stamp(run.due), now, why_not="its last drill has no verdict yet")
        case Concurrency.REPLACE:
            for occasion in book.waiting:
                yield _note(book, occasion, now, why_not="a later run takes its place")
            yield _waiting(book, run, now)
        case Concurrency.QUEUE:
            yield _waiting(book, run, now)


def _waiting(book: _Book, run: DueRun, now: datetime) -> CalendarNote:
    return CalendarNote(
        scenario=book.scenario.name,
        occasion=stamp(run.due),
        decision=Decision.WAITING,
        made_at=now,
    )


def _note(book: _Book, occasion: str, now: datetime, *, why_not: str) -> CalendarNote:
    return CalendarNote(
        scenario=book.scenario.name,
        occasion=occasion,
        decision=Decision.SKIPPED if why_not else Decision.ASKED,
        made_at=now,
        drill="" if why_not else drill_id(book.scenario, occasion),
        because=why_not,
    )


def _fingerprint(scenario: Scenario) -> str:
    """Names the times a calendar is for: with other times, nothing was missed."""
    calendar = scenario.trigger
    times = (calendar.cron, calendar.timezone) if isinstance(calendar, Calendar) else ()
    return f"calendar-{hashlib.sha256(to_json(times)).hexdigest()[:12]}"


def _due(occasion: str) -> datetime | None:
    try:
        return datetime.strptime(occasion, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def _zone(scenario: Scenario) -> ZoneInfo:
    trigger = scenario.trigger
    return trigger.zone if isinstance(trigger, Calendar) else ZoneInfo("UTC")


def _day(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()
