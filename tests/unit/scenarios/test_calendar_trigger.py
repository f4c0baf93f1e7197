"""When drills are due: clock changes, blackouts, jitter."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenarios.calendar_trigger import (
    Calendar,
    DailyBlackout,
    DatesBlackout,
    DueRun,
    due_runs,
    next_runs,
)

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def _local(calendar: Calendar, after: datetime, count: int) -> list[str]:
    runs = due_runs(calendar, after=after, scenario="s", longest_s=60)
    return [f"{run.due.astimezone(calendar.zone):%m-%d %H:%M %z}" for run in islice(runs, count)]


@pytest.mark.parametrize(
    ("timezone", "after", "expected"),
    [
        (
            BERLIN,
            "2026-03-28T00:00Z",
            ["03-28 02:30 +0100", "03-29 03:00 +0200", "03-30 02:30 +0200"],
        ),
        (
            BERLIN,
            "2026-10-24T00:00Z",
            ["10-24 02:30 +0200", "10-25 02:30 +0200", "10-26 02:30 +0100"],
        ),
        (
            NEW_YORK,
            "2026-03-07T00:00Z",
            ["03-07 02:30 -0500", "03-08 03:00 -0400", "03-09 02:30 -0400"],
        ),
        (
            NEW_YORK,
            "2026-10-31T00:00Z",
            ["10-31 02:30 -0400", "11-01 02:30 -0500", "11-02 02:30 -0500"],
        ),
    ],
    ids=["Berlin spring", "Berlin autumn", "New York spring", "New York autumn"],
)
def test_a_nightly_drill_comes_once_on_the_days_the_clocks_change(
    timezone: str, after: str, expected: list[str]
) -> None:
    """A skipped time comes right after the gap, a repeated one once."""
    calendar = Calendar(cron="30 2 * * *", timezone=timezone)

    assert _local(calendar, datetime.fromisoformat(after), 3) == expected


def test_new_yorks_repeated_hour_is_used_once() -> None:
    """01:30 comes twice on 1 November; the drill comes with the first."""
    calendar = Calendar(cron="30 1 * * *", timezone=NEW_YORK)
    after = datetime(2026, 10, 31, 12, tzinfo=UTC)

    assert _local(calendar, after, 2) == ["11-01 01:30 -0400", "11-02 01:30 -0500"]


def test_an_hourly_drill_comes_every_hour_that_passes() -> None:
    """Stars follow the time that passes: 23 runs in March, 25 in October."""
    calendar = Calendar(cron="0 * * * *", timezone=BERLIN)
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25)):
        start = datetime.combine(day, time(0), tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)
        runs = due_runs(calendar, after=start - timedelta(seconds=1), scenario="s", longest_s=60)
        found = [run for run in islice(runs, 30) if run.due.astimezone(calendar.zone).date() == day]

        assert len(found) == hours


def test_a_blackout_over_midnight_holds_on_both_sides() -> None:
    """Friday 22:00 to 02:00 takes Saturday's 01:00 with it, not Friday's."""
    calendar = Calendar(
        cron="0 1,23 * * *",
        timezone=BERLIN,
        blackouts=(DailyBlackout(start=time(22), end=time(2), days=frozenset({4})),),
    )
    runs = due_runs(
        calendar, after=datetime(2026, 11, 19, 12, tzinfo=UTC), scenario="s", longest_s=60
    )
    seen = {f"{r.due.astimezone(calendar.zone):%a %H}": r.is_blacked_out for r in islice(runs, 6)}

    assert seen == {
        "Thu 23": False,
        "Fri 01": False,
        "Fri 23": True,
        "Sat 01": True,
        "Sat 23": False,
        "Sun 01": False,
    }


def test_a_drill_must_be_over_when_a_blackout_begins() -> None:
    """A run at 21:58 that may take five minutes would still go on at 22:00."""
    calendar = Calendar(
        cron="58 21 * * *",
        timezone="UTC",
        blackouts=(DailyBlackout(start=time(22), end=time(23)),),
    )
    after = datetime(2026, 11, 19, tzinfo=UTC)
    (short,) = islice(due_runs(calendar, after=after, scenario="s", longest_s=60), 1)
    (long,) = islice(due_runs(calendar, after=after, scenario="s", longest_s=300), 1)

    assert not short.is_blacked_out
    assert long.is_blacked_out


def test_a_freeze_takes_whole_days() -> None:
    """From the first day's midnight to the last day's end."""
    calendar = Calendar(
        cron="0 0 * * *",
        timezone=BERLIN,
        blackouts=(DatesBlackout(first=date(2026, 12, 18), last=date(2027, 1, 6)),),
    )
    runs = next_runs(
        calendar,
        after=datetime(2026, 12, 15, 12, tzinfo=UTC),
        scenario="s",
        longest_s=60,
        within=timedelta(days=25),
    )

    assert [f"{run.due.astimezone(calendar.zone):%m-%d}" for run in runs] == [
        "12-16",
        "12-17",
        "01-07",
        "01-08",
        "01-09",
    ]


def test_jitter_is_the_same_for_everyone_who_asks() -> None:
    """It delays, up to its limit, and belongs to scenario and time."""
    calendar = Calendar(cron="0 3 * * *", timezone=BERLIN, jitter_s=600)
    after = datetime(2026, 11, 19, tzinfo=UTC)

    def runs(scenario: str) -> list[DueRun]:
        return list(islice(due_runs(calendar, after=after, scenario=scenario, longest_s=1), 20))

    delays = [(run.at - run.due).total_seconds() for run in runs("a")]
    assert runs("a") == runs("a")
    assert runs("a") != runs("b")
    assert all(0 <= delay <= 600 for delay in delays)
    assert len(set(delays)) == 20


def test_a_time_that_never_comes_has_no_runs() -> None:
    """The 31st of April is in no calendar's next fifty years."""
    calendar = Calendar(cron="0 0 30 2 *", timezone="UTC")
    with pytest.raises(Exception, match="day-of-month"):
        next(
            iter(
                due_runs(
                    calendar, after=datetime(2026, 1, 1, tzinfo=UTC), scenario="s", longest_s=1
                )
            )
        )


_TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
_BLACKOUTS = st.builds(
    DailyBlackout,
    start=_TIMES,
    end=_TIMES,
    days=st.frozensets(st.integers(0, 6), min_size=1),
)


@given(
    blackouts=st.lists(_BLACKOUTS, min_size=1, max_size=3).map(tuple),
    timezone=st.sampled_from([BERLIN, NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe"]),
    cron=st.sampled_from(["*/17 * * * *", "30 1,2,3 * * *", "5 22-23 * * SAT,SUN"]),
    day=st.dates(date(2026, 3, 5), date(2026, 11, 3)),
    jitter_s=st.sampled_from([0, 1800]),
)
def test_every_run_is_outside_every_blackout(
    *, blackouts: tuple[DailyBlackout, ...], timezone: str, cron: str, day: date, jitter_s: float
) -> None:
    """By the clock on the wall at its start, whatever the clocks do that week."""
    calendar = Calendar(cron=cron, timezone=timezone, blackouts=blackouts, jitter_s=jitter_s)
    after = datetime.combine(day, time(0), tzinfo=UTC)
    runs = next_runs(calendar, after=after, scenario="s", longest_s=0, within=timedelta(days=3))
    last = after
    for run in islice(runs, 60):
        wall = run.at.astimezone(calendar.zone)

        assert run.due > last
        assert not any(_shows(blackout, wall) for blackout in blackouts)
        last = run.due


def _shows(blackout: DailyBlackout, wall: datetime) -> bool:
    """Whether a clock that shows this is in the blackout, told without any arithmetic on time."""
    today, yesterday = wall.weekday(), (wall.weekday() - 1) % 7
    now = wall.time()
    if blackout.end > blackout.start:
        return today in blackout.days and blackout.start <= now < blackout.end
    return (today in blackout.days and now >= blackout.start) or (
        yesterday in blackout.days and now < blackout.end
    )
