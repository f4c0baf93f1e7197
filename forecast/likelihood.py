"""How likely each link and router is to fail in the next hours, judged by what it has shown.

Incidents (flaps, lost adjacencies and sessions, hardware alarms), error counters and the links that
are seen to go down feed one rate per element (`hazard`). A planned outage is no failure, and the
same fall told by both ends and by three sources is one. Every chance that was given is scored when
its window has passed, beside that of the element's class alone.
"""

import math
from bisect import insort
from collections import Counter, deque
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from forecast.elements import Elements
from forecast.hazard import Hazard, Sign
from forecast.history import Array
from forecast.score import ScoreKeeper, Scores
from foreshadow.clock import from_ns
from foreshadow.incident import Incident, IncidentKind
from foreshadow.topology import LinkId
from foreshadow.warning import ElementKind, FailureLikelihood

_SAME_WITHIN = timedelta(seconds=60)
"""Both ends of a link, and several sources, tell of the same fall within this."""
_FUTURE_KEPT = 10_000
"""Incidents of a time that has not come yet; a device whose clock is wrong may send any number."""
_RECENT_KEPT = 50
_MOST_TENS = 4

_SIGN_OF: Mapping[IncidentKind, Sign] = {
    IncidentKind.ADJACENCY_LOST: Sign.ROUTING,
    IncidentKind.SESSION_LOST: Sign.ROUTING,
    IncidentKind.BFD_DOWN: Sign.ROUTING,
    IncidentKind.ERRORS: Sign.ERRORS,
    IncidentKind.DISCARDS: Sign.DISCARDS,
    IncidentKind.HARDWARE: Sign.HARDWARE,
    IncidentKind.RESTARTED: Sign.HARDWARE,
}
_WORDS: Mapping[str, tuple[str, str]] = {
    Sign.FLAP: ("failure", "failures"),
    Sign.ROUTING: ("lost adjacency or session", "lost adjacencies or sessions"),
    Sign.ERRORS: ("report of errors", "reports of errors"),
    Sign.DISCARDS: ("report of discards", "reports of discards"),
    Sign.HARDWARE: ("hardware alarm or restart", "hardware alarms or restarts"),
}
_Name = tuple[ElementKind, str]
_NO_ELEMENTS = Elements(links=(), nodes=(), by_subject={}, links_of={})


class FailureWatch:
    """Keeps the chance of failure of every link and router of one network."""

    def __init__(self, horizons: tuple[timedelta, ...]) -> None:
        """Begin without network.

        Args:
            horizons: Windows the chances are given for.
        """
        self._horizons = horizons
        self._elements: Elements | None = None
        self._hazards = {kind: Hazard() for kind in ElementKind}
        self._now: datetime | None = None
        self._coming: list[tuple[int, str, Incident]] = []
        self._down: frozenset[LinkId] | None = None
        self._recent: dict[_Name, deque[tuple[datetime, Sign]]] = {}
        self._last: dict[tuple[_Name, Sign], datetime] = {}
        self._unjudged: dict[timedelta, deque[tuple[datetime, ElementKind, Array, float]]] = {
            horizon: deque() for horizon in horizons
        }
        self._keepers = {horizon: ScoreKeeper() for horizon in horizons}
        self.incidents: Counter[str] = Counter()
        """Taken, by what became of them."""

    def know(self, elements: Elements) -> None:
        """Take note of what there is to fail."""
        self._elements = elements
        for kind, names in (
            (ElementKind.LINK, elements.links),
            (ElementKind.NODE, elements.nodes),
        ):
            for name in names:
                self._hazards[kind].add(name)

    def hear(self, incident: Incident) -> None:
        """Take note of an incident; it counts once its time has come."""
        insort(self._coming, (incident.at_ns, incident.device, incident), key=lambda it: it[:2])
        if len(self._coming) > _FUTURE_KEPT:
            # What is furthest ahead goes: a clock that is wrong keeps nobody else's news out.
            self._coming.pop()
            self.incidents["too many of the future"] += 1

    def advance(self, now: datetime, down: frozenset[LinkId], planned: frozenset[str]) -> None:
        """Let time pass up to `now`.

        Args:
            now: Event time.
            down: Links that are down.
            planned: Links and routers that are under maintenance: what falls of them is no failure.
        """
        if self._elements is None or (self._now is not None and now <= self._now):
            return
        while self._coming and from_ns(self._coming[0][0]) <= now:
            self._take(self._coming.pop(0)[2], planned)
        self._pass_to(now)
        fallen = frozenset() if self._down is None else down - self._down
        for link in sorted(fallen.intersection(self._elements.links)):
            self._fail((ElementKind.LINK, link), now, planned)
        self._fall_whole(down, now, planned)
        self._down = down
        self._judge(now)
        self._promise(now)

    def chance(self, kind: ElementKind, name: str, horizon: timedelta) -> float | None:
        """The chance that an element fails within a window; None for one that is not known."""
        return self._hazards[kind].chance(name, horizon.total_seconds())

    def likelihoods(self, most: int) -> tuple[FailureLikelihood, ...]:
        """What is most likely to fail within the longest window, with the reason; those up only."""
        found = []
        known = self._elements or _NO_ELEMENTS
        there = frozenset((*known.links, *known.nodes)) - (self._down or frozenset())
        for kind, hazard in self._hazards.items():
            chances = [hazard.chances(horizon.total_seconds()) for horizon in self._horizons]
            for row, name in enumerate(hazard.names):
                if name in there:
                    found.append((float(chances[-1][row]), kind, name, [c[row] for c in chances]))
        found.sort(key=lambda it: (-it[0], it[1], it[2]))
        return tuple(
            FailureLikelihood(
                kind=kind,
                name=name,
                chances=tuple(
                    (round(horizon.total_seconds()), float(chance))
                    for horizon, chance in zip(self._horizons, chances, strict=True)
                ),
                because=self.because(kind, name),
            )
            for _, kind, name, chances in found[:most]
        )

    def because(self, kind: ElementKind, name: str) -> str:
        """What the chance of an element rests on, in one sentence."""
        events = self._recent.get((kind, name), ())
        if self._now is None or not events:
            return "nothing has happened to it; as likely as any of its class"
        for span, words in ((timedelta(hours=1), "hour"), (timedelta(days=1), "day")):
            counts = Counter(sign for at, sign in events if at > self._now - span)
            if counts:
                said = (f"{n} {_WORDS[sign][n > 1]}" for sign, n in sorted(counts.items()))
                return f"{', '.join(said)} in the last {words}"
        at, sign = events[-1]
        return f"the last {_WORDS[sign][0]} was at {at:%Y-%m-%d %H:%M}"

    @property
    def scores(self) -> dict[timedelta, Scores]:
        """Per window, how good the chances were."""
        return {horizon: keeper.scores for horizon, keeper in self._keepers.items()}

    def _take(self, incident: Incident, planned: frozenset[str]) -> None:
        at = from_ns(incident.at_ns)
        if self._elements is None or incident.device not in self._elements.nodes:
            self.incidents["of an unknown device"] += 1
            return
        link = self._elements.link(incident)
        name = (ElementKind.LINK, link) if link else (ElementKind.NODE, str(incident.device))
        self.incidents["taken"] += 1
        self._pass_to(at)
        if incident.what is IncidentKind.LINK_DOWN and link is not None:
            self._fail(name, at, planned)
        elif incident.what is IncidentKind.RESTARTED and not incident.subject:
            self._fail((ElementKind.NODE, str(incident.device)), at, planned)
        elif (sign := _SIGN_OF.get(incident.what)) is not None:
            if self._is_told(name, sign, at) or name[1] in planned:
                return
            self._note(name, sign, at)
            # A thousand damaged frames say more than one, but not a thousand times as much.
            weight = 1 + min(_MOST_TENS, math.log10(max(1, incident.count)))
            self._hazards[name[0]].sign(name[1], sign, weight)

    def _fail(self, name: _Name, at: datetime, planned: frozenset[str]) -> None:
        if self._is_told(name, Sign.FLAP, at) or name[1] in planned:
            return
        self._note(name, Sign.FLAP, at)
        self._hazards[name[0]].fail(name[1])

    def _fall_whole(self, down: frozenset[LinkId], now: datetime, planned: frozenset[str]) -> None:
        """A router all of whose links went down has failed."""
        before = self._down
        if self._elements is None or before is None:
            return
        for node, links in self._elements.links_of.items():
            if links and links <= down and not links <= before:
                self._fail((ElementKind.NODE, node), now, planned)

    def _is_told(self, name: _Name, sign: Sign, at: datetime) -> bool:
        last = self._last.get((name, sign))
        return last is not None and abs(at - last) < _SAME_WITHIN

    def _note(self, name: _Name, sign: Sign, at: datetime) -> None:
        self._last[name, sign] = at
        self._recent.setdefault(name, deque(maxlen=_RECENT_KEPT)).append((at, sign))

    def _pass_to(self, at: datetime) -> None:
        """What happened before the newest step counts as if it had happened at it."""
        if self._now is not None and at > self._now:
            for hazard in self._hazards.values():
                hazard.pass_time((at - self._now).total_seconds())
        self._now = at if self._now is None else max(self._now, at)

    def _promise(self, now: datetime) -> None:
        for horizon, unjudged in self._unjudged.items():
            seconds = horizon.total_seconds()
            if unjudged and now < unjudged[-1][0] + horizon / 4:
                continue  # Overlapping windows add nothing but memory.
            for kind, hazard in self._hazards.items():
                can_fail = [name not in (self._down or ()) for name in hazard.names]
                chances = np.where(can_fail, hazard.chances(seconds), np.nan)
                unjudged.append((now, kind, chances, hazard.base_chance(seconds)))

    def _judge(self, now: datetime) -> None:
        for horizon, unjudged in self._unjudged.items():
            while unjudged and unjudged[0][0] + horizon <= now:
                at, kind, chances, base = unjudged.popleft()
                names = self._hazards[kind].names[: chances.size]
                fell = [self._fell_within((kind, name), at, at + horizon) for name in names]
                happened, could = np.asarray(fell, dtype=np.float64), np.isfinite(chances)
                baseline = np.full(int(could.sum()), base)
                self._keepers[horizon].take(chances[could], baseline, happened[could])

    def _fell_within(self, name: _Name, after: datetime, until: datetime) -> bool:
        events = self._recent.get(name, ())
        return any(sign is Sign.FLAP and after < at <= until for at, sign in events)
