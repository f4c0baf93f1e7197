"""What the clock and the calendar say."""

from datetime import UTC, datetime, timedelta

import pytest

from forecast.calendar_events import Calendar, KnownEvent

FRIDAY = datetime(2024, 5, 3, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_weekends_and_holidays_are_days_off() -> None:
    """Saturday is one, Sunday is one that follows one, Monday only follows one."""
    calendar = Calendar()
    days = [calendar.clock(FRIDAY + timedelta(days=n))[4:] for n in range(4)]
    assert days == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]

    holiday = KnownEvent(start=FRIDAY - 12 * HOUR, end=FRIDAY + 12 * HOUR, what="holiday")
    assert Calendar([holiday]).clock(FRIDAY)[4:] == (1.0, 0.0)


@pytest.mark.parametrize(
    ("hours", "found"), [(0, (0.0, 0.0)), (1.5, (0.0, 1.0)), (3, (1.0, 1.0)), (6, (0.0, 0.0))]
)
def test_an_event_is_ahead_then_on_then_over(hours: float, found: tuple[float, float]) -> None:
    """Seen from each hour with a horizon of two; one that ends before it begins never happens."""
    event = KnownEvent(start=FRIDAY + 3 * HOUR, end=FRIDAY + 5 * HOUR, what="maintenance")
    never = KnownEvent(start=FRIDAY + 9 * HOUR, end=FRIDAY - 9 * HOUR, what="maintenance")
    at = FRIDAY + hours * HOUR

    assert Calendar([event, never]).events(at, at + 2 * HOUR) == found


def test_the_day_is_a_circle() -> None:
    """Midnight follows 23:55."""
    calendar = Calendar()
    late, midnight = (
        calendar.clock(FRIDAY.replace(hour=h, minute=m)) for h, m in ((23, 55), (0, 0))
    )

    assert late[:4] == pytest.approx(midnight[:4], abs=0.05)
