"""A clock for tests: time passes when somebody sleeps, and then at once."""

from datetime import datetime, timedelta


class FakeClock:
    """A `foreshadow.clock.Clock` that never waits."""

    def __init__(self, now: datetime) -> None:
        """Begin at `now`, UTC-aware."""
        self._now = now
        self._monotonic_s = 0.0

    def now(self) -> datetime:
        """The wall clock."""
        return self._now

    def monotonic_s(self) -> float:
        """Seconds since this clock was made."""
        return self._monotonic_s

    def sleep(self, duration_s: float) -> None:
        """Move on at once."""
        self._now += timedelta(seconds=duration_s)
        self._monotonic_s += duration_s
