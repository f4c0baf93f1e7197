"""What is known in advance: maintenance windows, and days on which traffic is unlike others.

They come from a file the operator keeps, and from devices that say when maintenance of them begins
and ends. The models take them as features, warnings name them, and what falls in a window that was
announced is no failure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from forecast.calendar_events import Calendar
from foreshadow.clock import from_ns
from foreshadow.document import parse_document
from foreshadow.errors import ConfigError
from foreshadow.incident import Incident, IncidentKind

_MOMENT = timedelta(microseconds=1)
_FORGOTTEN = timedelta(hours=12)
"""A device that said its maintenance begins and never that it ends is believed for this long."""
_MOST_SAID = 1_000
"""Windows remembered that devices spoke of; the models look back at those of the last days."""


class EventKind(StrEnum):
    """What an event does."""

    MAINTENANCE = "maintenance"
    """Takes links or routers out on purpose."""
    HOLIDAY = "holiday"
    """Makes its days like those of a weekend."""
    CALENDAR = "calendar"
    """Changes traffic otherwise: a match, a release, a nightly backup."""


class Repeats(StrEnum):
    """How often an event comes back."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"


_HOLIDAY = EventKind.HOLIDAY
_PERIOD = {Repeats.DAILY: timedelta(days=1), Repeats.WEEKLY: timedelta(days=7)}


class Announced(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1, max_length=200)
    kind: EventKind
    begin: AwareDatetime
    end: AwareDatetime
    repeats: Repeats = Repeats.NEVER
    elements: tuple[str, ...] = Field(
        default=(), description="links and routers that maintenance takes out"
    )

    @model_validator(mode="after")
    def _takes_time(self) -> Self:
        if self.end <= self.begin:
            raise ValueError(f"event {self.name!r} ends before it begins")
        period = _PERIOD.get(self.repeats)
        if period is not None and self.end - self.begin > period:
            raise ValueError(f"event {self.name!r} is longer than the time it repeats after")
        return self


class _EventsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    version: Literal[1]
    events: tuple[Announced, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One time an event takes place."""

    name: str
    kind: EventKind
    begin: datetime
    end: datetime
    elements: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`maintenance "new optics" 17:00-19:00`."""
        return f'{self.kind} "{self.name}" {self.begin:%H:%M}-{self.end:%H:%M}'


class KnownEvents:
    """Everything announced, by the file and by devices."""

    def __init__(self, events: tuple[Announced, ...] = ()) -> None:
        """Begin with what the file says."""
        self._events = events
        self._said: dict[tuple[str, str], Occurrence] = {}

    @property
    def are_any(self) -> bool:
        """Whether anything but holidays is known."""
        return bool(self._said) or any(it.kind is not _HOLIDAY for it in self._events)

    def hear(self, incident: Incident) -> bool:
        """Take note of a maintenance window a device speaks of; whether it did."""
        at = from_ns(incident.at_ns)
        element = (str(incident.device), incident.subject)
        if incident.what is IncidentKind.MAINTENANCE_BEGIN:
            if len(self._said) >= _MOST_SAID and element not in self._said:
                # The one that ended longest ago makes room: there are new ones for months.
                del self._said[min(self._said, key=lambda each: self._said[each].end)]
            self._said[element] = Occurrence(
                name=" ".join(element).strip(),
                kind=EventKind.MAINTENANCE,
                begin=at,
                end=at + _FORGOTTEN,
                elements=(element[0],) if not element[1] else (),
            )
            return True
        if incident.what is IncidentKind.MAINTENANCE_END and element in self._said:
            known = self._said[element]
            if at <= known.begin:
                return False
            self._said[element] = Occurrence(
                name=known.name,
                kind=known.kind,
                begin=known.begin,
                end=min(at, known.end),
                elements=known.elements,
            )
            return True
        return False

    def between(self, begin: datetime, end: datetime) -> tuple[Occurrence, ...]:
        """What takes place, at least in part, within a window; earliest first."""
        found = [occurrence for event in self._events for occurrence in _within(event, begin, end)]
        found += [o for o in self._said.values() if o.begin < end and begin < o.end]
        return tuple(sorted(found, key=lambda o: (o.begin, o.name)))

    def live(self) -> "LiveCalendar":
        """The same as the models' features have them, of whatever becomes known."""
        return LiveCalendar(self)

    def planned(self, begin: datetime, end: datetime) -> frozenset[str]:
        """Links and routers that maintenance takes out within a window."""
        return frozenset(
            element
            for occurrence in self.between(begin, end)
            if occurrence.kind is EventKind.MAINTENANCE
            for element in occurrence.elements
        )


class LiveCalendar(Calendar):
    """The models' calendar of events that may still become known."""

    def __init__(self, known: KnownEvents) -> None:
        """Whether events are features at all is settled here, by what is known by now."""
        super().__init__()
        self._known = known
        self._has_events = known.are_any

    @property
    def has_events(self) -> bool:
        """Whether events are features."""
        return self._has_events

    def events(
        self, at: datetime, until: datetime, *, since: datetime | None = None
    ) -> tuple[float, float]:
        """Whether an event is on at a moment, and whether one is in the window ahead."""
        is_on = self._is_any(at, at + _MOMENT)
        return float(is_on), float(self._is_any(since or at, until))

    def _is_any(self, begin: datetime, end: datetime) -> bool:
        return any(o.kind is not _HOLIDAY for o in self._known.between(begin, end))

    def _is_day_off(self, at: datetime) -> bool:
        known = self._known.between(at, at + _MOMENT)
        return super()._is_day_off(at) or any(o.kind is _HOLIDAY for o in known)


def read_events(path: Path) -> tuple[Announced, ...]:
    """The events of a file.

    Raises:
        ConfigError: It cannot be read, or is not what it should be; names file, line and field.
    """
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", path=path) from error
    return parse_document(text, _EventsFile, path=path).events


def _within(event: Announced, begin: datetime, end: datetime) -> Iterator[Occurrence]:
    """Every time an event takes place within a window."""
    period = _PERIOD.get(event.repeats)
    shift = timedelta(0)
    if period is not None:
        shift = max(shift, period * ((begin - event.end) // period))
    while event.begin + shift < end:
        if event.end + shift > begin:
            yield Occurrence(
                name=event.name,
                kind=event.kind,
                begin=event.begin + shift,
                end=event.end + shift,
                elements=event.elements,
            )
        if period is None:
            return
        shift += period
