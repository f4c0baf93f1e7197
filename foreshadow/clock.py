"""Where time comes from: the only module that asks the operating system for it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the time is, and a way to let it pass."""

    def now(self) -> datetime:
        """The wall clock, UTC-aware: for timestamps."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never run backwards: for durations."""
        ...

    def sleep(self, duration_s: float) -> None:
        """Let `duration_s` seconds pass."""
        ...


class SystemClock:
    """The operating system's clock."""

    def now(self) -> datetime:
        """The wall clock, UTC-aware."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds of CLOCK_MONOTONIC, the same in every process and network namespace of a host."""
        return time.monotonic()

    def sleep(self, duration_s: float) -> None:
        """Block this thread for `duration_s` seconds."""
        time.sleep(duration_s)


def to_ns(at: datetime) -> int:
    """Nanoseconds since the epoch of a UTC-aware time, as the wire carries it."""
    return int(at.timestamp() * 1_000_000) * 1_000


def from_ns(at_ns: int) -> datetime:
    """The UTC-aware time of nanoseconds since the epoch (microsecond resolution)."""
    return datetime.fromtimestamp(at_ns // 1_000 / 1_000_000, UTC)
