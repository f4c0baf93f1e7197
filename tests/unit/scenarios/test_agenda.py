"""What the calendar decides: due, missed, waiting, over budget, and across restarts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foreshadow.calendar_note import CalendarNote, Decision
from foreshadow.demand import DemandMatrix
from foreshadow.warning import SpikeWarning
from scenarios.agenda import Agenda, drill_id
from scenarios.calendar_trigger import (
    Calendar,
    Concurrency,
    DailyBlackout,
    Missed,
)
from scenarios.scenario import Budget, Injection, OnForecast, Scenario

START = datetime(2026, 3, 27, 12, 0, tzinfo=UTC)
HOURLY = Calendar(cron="0 * * * *", timezone="Europe/Berlin")


def _scenario(
    calendar: Calendar | OnForecast = HOURLY, budget: Budget | None = None, name: str = "s"
) -> Scenario:
    return Scenario(
        name=name,
        rationale="",
        sha256="",
        steps=(Injection(kind="link-down", on=("x",), lasts_s=30),),
        trigger=calendar,
        budget=budget or Budget(),
    )


class _Process:
    """An agenda with the notes of the bus behind it; a restart begins with those alone."""

    def __init__(self, *scenarios: Scenario) -> None:
        self.notes: list[CalendarNote] = []
        self.scenarios = scenarios
        self.agenda = Agenda(scenarios)
        self.verdicts: dict[str, float] = {}

    def restart(self, *scenarios: Scenario) -> None:
        self.scenarios = scenarios or self.scenarios
        self.agenda = Agenda(self.scenarios)
        for note in self.notes:
            self.agenda.remember(note)
        for drill, took_s in self.verdicts.items():
            self.agenda.judged(drill, took_s=took_s)

    def look(self, now: datetime) -> list[CalendarNote]:
        found = list(self.agenda.due(now))
        for note in found:
            self.agenda.remember(note)
            self.notes.append(note)
        return found

    def judge(self, note: CalendarNote, took_s: float = 10.0) -> None:
        self.verdicts[note.drill] = took_s
        self.agenda.judged(note.drill, took_s=took_s)

    def asked(self) -> list[str]:
        return [note.occasion for note in self.notes if note.decision is Decision.ASKED]

    def skipped(self) -> list[str]:
        return [note.because for note in self.notes if note.decision is Decision.SKIPPED]


def _minutes(start: datetime, count: int) -> Iterable[datetime]:
    return (start + timedelta(minutes=minute) for minute in range(count))


def test_a_run_is_asked_for_once_when_its_time_has_come() -> None:
    """Not at the start, not twice, and under a name that follows from scenario and time."""
    process = _Process(_scenario())
    assert [note.decision for note in process.look(START)] == [Decision.WATCHED]
    for now in _minutes(START, 65):
        process.look(now)

    (note,) = (note for note in process.notes if note.decision is Decision.ASKED)
    assert note.occasion == "2026-03-27T13:00:00Z"
    assert note.drill == drill_id(_scenario(), note.occasion) == "c-s-20260327T1300Z"


@pytest.mark.parametrize("missed", Missed)
def test_what_was_missed_while_nothing_ran(missed: Missed) -> None:
    """The latest is made up for once, or none is; either way the next one comes in its time."""
    process = _Process(_scenario(replace(HOURLY, missed=missed)))
    process.look(START)
    process.restart()
    for now in _minutes(START + timedelta(hours=5, minutes=30), 40):
        for note in process.look(now):
            process.judge(note)

    made_up = ["2026-03-27T17:00:00Z"] if missed is Missed.RUN_ONCE else []
    assert process.asked() == [*made_up, "2026-03-27T18:00:00Z"]
    assert process.skipped() == (
        [] if made_up else ["5 runs were missed while nothing was running"]
    )


def test_a_restart_asks_nothing_again() -> None:
    """Whenever it happens, the notes on the bus are memory enough."""
    process = _Process(_scenario())
    for now in _minutes(START, 180):
        for note in process.look(now):
            process.judge(note)
        process.restart()

    assert process.asked() == ["2026-03-27T13:00:00Z", "2026-03-27T14:00:00Z"]


def test_a_process_that_dies_between_asking_and_noting_asks_under_the_same_name() -> None:
    """The shadow answers an id once: asking twice is asking once."""
    process = _Process(_scenario())
    process.look(START)
    (lost,) = process.agenda.due(START + timedelta(hours=1))
    process.restart()
    (again,) = process.look(START + timedelta(hours=1, seconds=20))

    assert lost.drill == again.drill


def test_another_calendar_has_missed_nothing() -> None:
    """Times that were never planned before the file changed are not made up for."""
    process = _Process(_scenario(replace(HOURLY, missed=Missed.RUN_ONCE)))
    process.look(START)
    later = START + timedelta(hours=5, minutes=10)
    process.restart(
        _scenario(Calendar(cron="*/30 * * * *", timezone="UTC", missed=Missed.RUN_ONCE))
    )

    assert [note.decision for note in process.look(later)] == [Decision.WATCHED]
    assert process.look(later + timedelta(minutes=1)) == []


@pytest.mark.parametrize(
    ("concurrency", "asked", "skipped"),
    [
        (Concurrency.FORBID, [13, 16], ["its last drill has no verdict yet"] * 2),
        (Concurrency.QUEUE, [13, 14, 15, 16], []),
        (Concurrency.REPLACE, [13, 15, 16], ["a later run takes its place"]),
    ],
)
@pytest.mark.parametrize("restarts", [False, True])
def test_what_becomes_of_a_run_while_the_last_one_goes_on(
    concurrency: Concurrency, asked: list[int], skipped: list[str], *, restarts: bool
) -> None:
    """13:00's drill gets its verdict at 15:30 only."""
    process = _Process(_scenario(replace(HOURLY, concurrency=concurrency)))
    verdict_at = START + timedelta(hours=3, minutes=30)
    open_: list[CalendarNote] = []
    # A drill is no longer waited for after an hour beyond its longest; let it be long.
    long = replace(process.scenarios[0], limits=replace(process.scenarios[0].limits, longest_s=9e3))
    process.restart(long)
    for now in _minutes(START, 60 * 5):
        open_ += [note for note in process.look(now) if note.decision is Decision.ASKED]
        if now >= verdict_at:
            for note in open_:
                process.judge(note)
            open_.clear()
        if restarts and now.minute % 7 == 0:
            process.restart()

    assert [datetime.fromisoformat(each).hour for each in process.asked()] == asked
    assert process.skipped() == skipped


def test_a_drill_without_verdict_is_not_waited_for_for_ever() -> None:
    """A shadow that died took its answer with it."""
    process = _Process(_scenario())
    for now in _minutes(START, 60 * 4):
        process.look(now)

    assert process.asked() == ["2026-03-27T13:00:00Z", "2026-03-27T15:00:00Z"]


@pytest.mark.parametrize(
    ("budget", "count", "because"),
    [
        (Budget(drills_a_day=3), 3, "asked for today: 3; the budget is 3 a day"),
        (
            Budget(seconds_a_day=150),
            5,
            "2.1 minutes were drilled today and this takes 0.5; the budget is 2.5",
        ),
    ],
)
def test_a_budget_is_for_a_day_of_its_timezone(budget: Budget, count: int, because: str) -> None:
    """25 s a drill; on the day after there is room again, and midnight is Berlin's."""
    process = _Process(_scenario(budget=budget))
    for now in _minutes(datetime(2026, 3, 26, 23, 0, tzinfo=UTC), 60 * 24 + 90):
        for note in process.look(now):
            process.judge(note, took_s=25)

    zone = ZoneInfo("Europe/Berlin")
    days = [datetime.fromisoformat(each).astimezone(zone).date() for each in process.asked()]
    assert days.count(date(2026, 3, 27)) == count
    assert days.count(date(2026, 3, 28)) >= 1
    assert because in process.skipped()


def test_a_run_is_not_made_up_for_inside_a_blackout() -> None:
    """The process comes back at 23:00, in the blackout; the run of 21:00 waits until it is over."""
    night = DailyBlackout(start=time(22), end=time(6))
    daily = Calendar(cron="0 21 * * *", timezone="UTC", blackouts=(night,), missed=Missed.RUN_ONCE)
    process = _Process(_scenario(daily))
    process.look(START)
    process.restart()
    begun = [
        now
        for now in _minutes(datetime(2026, 3, 27, 23, 0, tzinfo=UTC), 60 * 12)
        if any(note.decision is Decision.ASKED for note in process.look(now))
    ]

    assert begun == [datetime(2026, 3, 28, 6, 0, tzinfo=UTC)]
    assert process.asked() == ["2026-03-27T21:00:00Z"]


@given(
    cron=st.sampled_from(["*/10 * * * *", "30 1,2,3 * * *", "0 */2 * * *"]),
    blackouts=st.lists(
        st.builds(
            DailyBlackout,
            start=st.builds(time, st.integers(0, 23)),
            end=st.builds(time, st.integers(0, 23)),
        ),
        max_size=2,
    ).map(tuple),
    missed=st.sampled_from(Missed),
    concurrency=st.sampled_from(Concurrency),
    steps=st.lists(st.integers(1, 200), min_size=5, max_size=25),
    restarts=st.sets(st.integers(0, 24)),
    verdicts=st.sets(st.integers(0, 24)),
)
def test_whatever_happens_runs_keep_out_of_blackouts_and_none_comes_twice(
    *,
    cron: str,
    blackouts: tuple[DailyBlackout, ...],
    missed: Missed,
    concurrency: Concurrency,
    steps: list[int],
    restarts: set[int],
    verdicts: set[int],
) -> None:
    """Across the clock change, with downtime, restarts and verdicts at any time."""
    calendar = Calendar(
        cron=cron,
        timezone="Europe/Berlin",
        blackouts=blackouts,
        missed=missed,
        concurrency=concurrency,
    )
    process = _Process(_scenario(calendar))
    now = datetime(2026, 3, 28, 20, 0, tzinfo=UTC)
    process.look(now)
    for turn, minutes in enumerate(steps):
        now += timedelta(minutes=minutes)
        for note in process.look(now):
            if note.decision is Decision.ASKED:
                wall = now.astimezone(calendar.zone).time()
                assert not any(_shows(blackout, wall) for blackout in blackouts)
        if turn in verdicts:
            for note in process.notes:
                process.judge(note)
        if turn in restarts:
            process.restart()

    assert len(process.asked()) == len(set(process.asked()))
    settled = [
        n.occasion for n in process.notes if n.decision in (Decision.ASKED, Decision.SKIPPED)
    ]
    assert len(settled) == len(set(settled))


def _shows(blackout: DailyBlackout, wall: time) -> bool:
    if blackout.end > blackout.start:
        return blackout.start <= wall < blackout.end
    return wall >= blackout.start or wall < blackout.end


WARNING = SpikeWarning(
    id="w-1",
    link="NE->SE",
    under_failure=None,
    quantile=0.95,
    upper_ratio=0.9,
    limit_ratio=0.85,
    made_at=START,
    window_start=START + timedelta(hours=1),
    window_end=START + timedelta(hours=2),
    lead_s=3600,
    demand=DemandMatrix(at=START, keys=(), rates_bps=()),
)


@pytest.mark.parametrize(
    ("trigger", "is_asked"),
    [
        (OnForecast(), True),
        (OnForecast(links=("NE->*",), at_least_ratio=0.9), True),
        (OnForecast(at_least_ratio=0.91), False),
        (OnForecast(links=("SE->*",)), False),
        (HOURLY, False),
    ],
)
def test_a_forecast_sets_off_what_waits_for_it(
    trigger: OnForecast | Calendar, *, is_asked: bool
) -> None:
    """By link and load, once per warning, and not again after a restart."""
    process = _Process(_scenario(trigger))
    notes = process.agenda.warned(WARNING, now=START)
    assert [note.drill for note in notes] == (["f-s-w-1"] if is_asked else [])

    process.notes += notes
    process.restart()
    assert process.agenda.warned(WARNING, now=START) == ()


def test_a_second_warning_waits_for_no_one() -> None:
    """While the first one's drill is open the second is let go, and the budget counts both."""
    process = _Process(_scenario(OnForecast(), Budget(drills_a_day=1)))
    for note in process.agenda.warned(WARNING, now=START):
        process.agenda.remember(note)
    process.agenda.judged("f-s-w-1", took_s=5)
    (second,) = process.agenda.warned(replace(WARNING, id="w-2"), now=START)

    assert second.decision is Decision.SKIPPED
    assert second.because == "asked for today: 1; the budget is 1 a day"
