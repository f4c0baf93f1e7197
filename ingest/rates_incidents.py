"""What counters say occurred: flaps, damaged frames, frames without room; coalesced.

The first of a kind is told at once. What follows on the same interface is counted and told once a
pause, so that a port that drops frames all day is one incident a minute, not one a reading.
"""

from dataclasses import dataclass, field

import numpy as np

from foreshadow.incident import Incident, IncidentKind
from foreshadow.telemetry import COUNTER_COLUMNS, TelemetrySample
from foreshadow.topology import NodeId
from ingest.rates_rows import OCTETS, Counted

PAUSE_S = 60.0
_TRANSITIONS = COUNTER_COLUMNS.index("carrier_transitions")
_ERRORS = slice(COUNTER_COLUMNS.index("in_errors"), COUNTER_COLUMNS.index("out_errors") + 1)
_DISCARDS = slice(COUNTER_COLUMNS.index("in_discards"), COUNTER_COLUMNS.index("out_discards") + 1)
_NS = 1_000_000_000


@dataclass(slots=True)
class _Case:
    """One kind of occurrence on one interface."""

    told_ns: int
    source: str
    waiting: int = 0


@dataclass(slots=True)
class CounterIncidents:
    """Makes incidents of what one device's event counters counted."""

    device: NodeId
    _cases: dict[tuple[str, IncidentKind], _Case] = field(default_factory=dict)
    _is_odd: dict[str, bool] = field(default_factory=dict)

    def take(
        self, sample: TelemetrySample, interfaces: tuple[str, ...], counted: Counted
    ) -> tuple[Incident, ...]:
        """What is to be told for a reading of these interfaces.

        Args:
            sample: The reading, for its times and its source.
            interfaces: Names, one a row.
            counted: What was counted since the reading before.
        """
        rows = np.flatnonzero((counted[OCTETS:] > 0).any(axis=0))
        told: list[Incident] = []
        for row in rows.tolist():
            column = np.nan_to_num(counted[:, row])
            name = interfaces[row]
            for what, count in (
                (IncidentKind.LINK_DOWN, self._losses(name, int(column[_TRANSITIONS]))),
                (IncidentKind.ERRORS, int(column[_ERRORS].sum())),
                (IncidentKind.DISCARDS, int(column[_DISCARDS].sum())),
            ):
                if count and (due := self._due(sample, name, what, count)):
                    at_ns = sample.event_at_ns or sample.observed_at_ns
                    told.append(self._incident(name, what, at_ns, sample.observed_at_ns, due))
        return tuple(told)

    def waited(self, now_ns: int) -> tuple[Incident, ...]:
        """What was counted during a pause that is over, with nothing counted since."""
        told: list[Incident] = []
        for (name, what), case in tuple(self._cases.items()):
            if now_ns - case.told_ns < PAUSE_S * _NS:
                continue
            if case.waiting:
                told.append(self._incident(name, what, now_ns, now_ns, case.waiting))
                self._cases[name, what] = _Case(now_ns, case.source)
            else:
                del self._cases[name, what]
        return tuple(told)

    def forget(self, interface: str) -> None:
        """The interface is gone."""
        self._is_odd.pop(interface, None)
        for what in IncidentKind:
            self._cases.pop((interface, what), None)

    def _losses(self, interface: str, transitions: int) -> int:
        """Losses of carrier among transitions: every second one, the first being a loss.

        The first reading finds most links up, and of one that is down the state says so.
        """
        was_odd = self._is_odd.get(interface, False)
        if transitions:
            self._is_odd[interface] = was_odd ^ bool(transitions % 2)
        return (transitions + (not was_odd)) // 2

    def _due(self, sample: TelemetrySample, name: str, what: IncidentKind, count: int) -> int:
        """How many are to be told now; 0 while the pause lasts."""
        case, now_ns = self._cases.get((name, what)), sample.observed_at_ns
        if case is not None and 0 <= now_ns - case.told_ns < PAUSE_S * _NS:
            case.waiting += count
            return 0
        self._cases[name, what] = _Case(now_ns, f"{sample.source}/counters")
        return count + (case.waiting if case else 0)

    def _incident(  # noqa: PLR0917 - what an incident has beside the device
        self, name: str, what: IncidentKind, at_ns: int, heard_at_ns: int, count: int
    ) -> Incident:
        return Incident(
            device=self.device,
            what=what,
            subject=name,
            at_ns=at_ns,
            heard_at_ns=heard_at_ns,
            source=self._cases[name, what].source,
            count=count,
        )
