"""Turns intervals into what is published, and keeps what was published in mind."""

from collections.abc import Mapping, Sequence
from math import isfinite

import structlog

from forecast.forecaster import Forecaster
from forecast.intake import Intake, Loads
from forecast.outlook import Outlook
from forecast.quality import miscalibrated, quality, report
from foreshadow import meter
from foreshadow.bus import Publisher
from foreshadow.codec import to_json
from foreshadow.demand import DemandMatrix
from foreshadow.meter import Meter
from foreshadow.settings import ForecastSettings
from foreshadow.topics import Topic
from foreshadow.warning import ForecastStep, SpikeWarning

_KEY = "forecast"
_LIKELIEST = 20
"""How many links and routers are named that may fail."""

log = structlog.get_logger(__name__)


class Desk:
    """Learns from every interval, and speaks of the newest."""

    def __init__(
        self,
        forecaster: Forecaster,
        settings: ForecastSettings,
        publisher: Publisher,
        counts: Meter,
    ) -> None:
        """Begin with nothing to say.

        Args:
            forecaster: Learns and foresees.
            settings: From which event time on it is worth a warning.
            publisher: Takes what is said; flushing is left to the caller.
            counts: Takes numbers.
        """
        self.forecaster = forecaster
        self._settings, self._publisher, self._counts = settings, publisher, counts
        self._unjudged: Outlook | None = None
        self._off: frozenset[tuple[int, float]] = frozenset()

    def memory(self) -> dict[str, object]:
        """What must not be forgotten."""
        return {"forecaster": self.forecaster, "unjudged": self._unjudged}

    def resume(self, memory: Mapping[str, object]) -> None:
        """Stand where the memory was taken."""
        forecaster, unjudged = memory["forecaster"], memory["unjudged"]
        if not isinstance(forecaster, Forecaster):
            raise TypeError("a memory without forecaster")
        self.forecaster = forecaster
        self._unjudged = unjudged if isinstance(unjudged, Outlook) else None

    def take(
        self, intervals: Sequence[tuple[DemandMatrix, Loads]], intake: Intake, *, is_caught_up: bool
    ) -> None:
        """Learn from every interval; warn after the newest, once the backlog is read.

        The newest of a backlog may be one a killed process did not live to judge, so it is kept
        until it is known to be the newest.
        """
        for number, (matrix, loads) in enumerate(intervals, start=1):
            routing = intake.routing()
            if routing is not None:
                self.forecaster.reroute(routing)
            outlook = self.forecaster.observe(matrix, loads)
            self._counts.count(meter.FORECAST_STEPS)
            if number == len(intervals):
                self._unjudged = outlook
            if outlook is None or outlook is not self._unjudged:
                self._publish(self._history_step(matrix))
        if self._unjudged is None:
            return
        if self._is_live(self._unjudged.matrix, is_caught_up=is_caught_up):
            self._speak(self._unjudged)
            self._unjudged = None
        elif intervals:
            self._publish(self._history_step(self._unjudged.matrix))

    def _is_live(self, matrix: DemandMatrix, *, is_caught_up: bool) -> bool:
        warn_from = self._settings.warn_from
        return is_caught_up and (warn_from is None or matrix.at >= warn_from)

    def _speak(self, outlook: Outlook) -> None:
        warnings = self.forecaster.warn(outlook)
        for warning in warnings:
            self._publisher.publish(Topic.WARNING, warning.link, to_json(warning))
            self._log(warning)
        self._publish(self._live_step(outlook))
        self._report()

    def _live_step(self, outlook: Outlook) -> ForecastStep:
        warner, at = self.forecaster.warner, outlook.matrix.at
        until = at + self.forecaster.step * outlook.terms.horizons[-1]
        coverage = self.forecaster.coverage.items()
        return ForecastStep(
            made_at=at,
            is_live=True,
            steps_seen=self.forecaster.steps_seen,
            forecasts=outlook.forecasts(),
            coverage=tuple((horizon_s, share) for horizon_s, share in coverage if isfinite(share)),
            likelihoods=warner.failures.likelihoods(_LIKELIEST),
            quality=quality(self.forecaster),
            warnings_sent=warner.alarm.sent,
            held_back=tuple(sorted((+warner.alarm.held_back).items())),
            events=tuple(map(str, warner.events.between(at, until))),
        )

    def _history_step(self, matrix: DemandMatrix) -> ForecastStep:
        return ForecastStep(made_at=matrix.at, is_live=False, steps_seen=self.forecaster.steps_seen)

    def _publish(self, step: ForecastStep) -> None:
        self._publisher.publish(Topic.FORECAST, _KEY, to_json(step))

    def _report(self) -> None:
        counts, found = self._counts, quality(self.forecaster)
        off = miscalibrated(self.forecaster)
        report(found, off, counts)
        if off != self._off:
            self._off = off
            log.warning("coverage_left_nominal" if off else "coverage_nominal", where=sorted(off))
        alarm = self.forecaster.warner.alarm
        counts.total(meter.WARNINGS_SENT, alarm.sent)
        for reason, number in alarm.held_back.items():
            counts.total(meter.WARNINGS_HELD, number, reason=str(reason))
        counts.total(meter.FORECAST_DRIFTS, sum(each.drift_restarts for each in found))

    @staticmethod
    def _log(warning: SpikeWarning) -> None:
        log.info(
            "spike_warned",
            warning=warning.id,
            upper_ratio=round(warning.upper_ratio, 3),
            lead_s=warning.lead_s,
            expected_loss_bps=round(warning.expected_loss_bps or 0),
            because=warning.reason,
        )
