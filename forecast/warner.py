"""From an outlook to the warnings that go out: priced, ranked, and held back with a reason.

    expected loss = P(load passes the limit | failure) x P(failure within the horizon) x cost

See `ranking` for the cost, `likelihood` for the failure, `alarm` for what is held back.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from forecast.alarm import Alarm, Restraint
from forecast.bank import Terms
from forecast.drill_length import DrillLength
from forecast.elements import Elements
from forecast.history import Array
from forecast.known_events import KnownEvents
from forecast.likelihood import FailureWatch
from forecast.outlook import Outlook
from forecast.ranking import TriageCosts, excess_bps
from foreshadow.incident import Incident
from foreshadow.present import Present
from foreshadow.settings import ForecastSettings
from foreshadow.topology import LinkId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import ElementKind, SpikeWarning

_PLANNED = 0.99
"""The chance that maintenance takes place as announced."""


class Warner:
    """Knows what has been said, what may fail, and what that would cost."""

    def __init__(self, settings: ForecastSettings, terms: Terms, events: KnownEvents) -> None:
        """Begin with nothing said.

        Args:
            settings: How much is said at most.
            terms: Of the forecast.
            events: What is known in advance.
        """
        self._terms, self._margin_s = terms, settings.lead_margin_s
        self.events = events
        self.alarm = Alarm(
            Restraint(
                cool_down=timedelta(seconds=settings.cool_down_s),
                per_hour=settings.warnings_per_hour,
                clear_ratio=settings.clear_ratio,
            )
        )
        self.failures = FailureWatch(tuple(steps * terms.step for steps in terms.horizons))
        self._elements: Elements | None = None
        self._costs = TriageCosts()
        self._drills = DrillLength(settings.drill_s)

    @property
    def _longest(self) -> timedelta:
        return self._terms.horizons[-1] * self._terms.step

    def know(self, routing: Present) -> None:
        """Take note of the network."""
        self._elements = Elements.of(routing.what_if.topology)
        self.failures.know(self._elements)

    def hear(self, incident: Incident) -> None:
        """Take note of what occurred to a router."""
        if not self.events.hear(incident):
            self.failures.hear(incident)

    def hear_triage(self, report: TriageReport) -> None:
        """Take note of what failures would cost."""
        self._costs.hear(report)

    def hear_drill(self, took_s: float) -> None:
        """Take note of how long a drill took."""
        self._drills.hear(took_s)

    def pass_to(self, at: datetime, routing: Present) -> None:
        """Let time pass for what may fail."""
        planned = self._planned(at - self._terms.step, at + self._terms.step)
        self.failures.advance(at, routing.down, planned)

    def warn(
        self, outlook: Outlook, routing: Present, yesterday_bps: Array | None
    ) -> tuple[SpikeWarning, ...]:
        """What must be said now, dearest first; each is remembered as said."""
        at, limit = outlook.matrix.at, self._terms.load_limit
        found = []
        for row, worst in enumerate(_worst(outlook)):
            pair = outlook.watched.links[row]
            self.alarm.look((str(pair.link), pair.under_failure), float(worst), limit, at)
            if worst > limit:
                warning = outlook.warning(row, routing, yesterday_bps)
                if warning is not None:
                    found.append(self._priced(warning, routing))
        return self.alarm.choose(found, self._drills.typical_s + self._margin_s)

    def _priced(self, warning: SpikeWarning, routing: Present) -> SpikeWarning:
        failure = warning.under_failure
        chance, because = self._failure(failure, warning.made_at)
        cut = frozenset() if failure is None else frozenset({failure})
        own = excess_bps(
            routing.under(cut, warning.demand.keys), warning.demand, warning.limit_ratio
        )
        told = self._costs.of(failure, warning.made_at, self._longest)
        cost, probability = max(own, told), warning.probability or 0.0
        events = self.events.between(warning.made_at, warning.window_end)
        reason = (
            f"{probability:.0%} to pass {warning.limit_ratio:.0%} of {warning.link}{because}; "
            f"{cost / 1e6:.0f} Mbit/s would be lost or over the limit"
        )
        return replace(
            warning,
            failure_probability=chance,
            cost_bps=cost,
            expected_loss_bps=probability * chance * cost,
            reason="; ".join([reason, *map(str, events)]),
        )

    def _failure(self, failure: LinkId | None, at: datetime) -> tuple[float, str]:
        if failure is None:
            return 1.0, ""
        if failure in self._planned(at, at + self._longest):
            return _PLANNED, f" if {failure} fails, which is planned"
        chance = self.failures.chance(ElementKind.LINK, failure, self._longest) or 0.0
        why = self.failures.because(ElementKind.LINK, failure)
        return chance, f" if {failure} fails ({chance:.2%}: {why})"

    def _planned(self, begin: datetime, end: datetime) -> frozenset[str]:
        """Elements under maintenance; with a router, all its links are."""
        planned = self.events.planned(begin, end)
        if not planned or self._elements is None:
            return planned
        links_of = self._elements.links_of
        return planned.union(*(links for node, links in links_of.items() if node in planned))


def _worst(outlook: Outlook) -> Array:
    """The highest upper bound of every watched link, over the horizons."""
    n_links = len(outlook.watched.links)
    uppers = [
        p.peak_upper[p.levels.index(outlook.terms.quantile), :n_links]
        for p in outlook.predictions.values()
    ]
    worst: Array = np.max(uppers, axis=0)
    return worst
