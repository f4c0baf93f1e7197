"""What happened in a drill and when: the timeline of its evidence, told while it goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from foreshadow.clock import Clock


class Step(StrEnum):
    """Where in a drill something happened."""

    STEADY = "steady"
    """The lab is at rest before anything is broken."""
    BEFORE = "before"
    CONTROL = "control"
    """Probes run without loss."""
    TREATED = "treated"
    """A policy change is in force."""
    INJECTED = "injected"
    VERIFIED = "verified"
    """The fault was seen in the lab: the drill's clock runs."""
    SETTLED = "settled"
    """No table changes any more, with faults in force."""
    UNDOING = "undoing"
    UNDONE = "undone"
    """The fault was seen to be gone."""
    RESTORED = "restored"
    """Tables, RIB digest, configurations and kernels are as before."""
    BROKEN_OFF = "broken-off"
    JUDGED = "judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the story."""

    at_s: float
    """Seconds from the drill's beginning."""
    step: Step
    says: str


Listen = Callable[[Event], None]


class Story:
    """The events of one drill, in order; each is told to whoever listens as it happens."""

    def __init__(self, clock: Clock, listen: Listen | None = None) -> None:
        """Begin now.

        Args:
            clock: Time.
            listen: Told every event at once.
        """
        self._clock, self._listen = clock, listen
        self.began_s = clock.monotonic_s()
        self.began_at = clock.now()
        self._events: list[Event] = []

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything so far."""
        return tuple(self._events)

    def tell(self, step: Step, says: str, *, at_s: float | None = None) -> None:
        """Add one event; it happened at `at_s` (monotonic), by default now."""
        moment_s = self._clock.monotonic_s() if at_s is None else at_s
        event = Event(at_s=round(moment_s - self.began_s, 4), step=step, says=says)
        self._events.append(event)
        if self._listen is not None:
            self._listen(event)
