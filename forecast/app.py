"""The forecast process: state in, forecasts and warnings out.

All it knows comes from its topics, read from the beginning at every start, so it may be killed at
any moment. What it warned of before is read back from the warning topic. Why the stream comes
through the house's subscription and not through faust: `docs/adr/0005-faust-where-it-serves.md`.
"""

import threading
from collections.abc import Iterable, Sequence
from contextlib import closing

import msgspec
import structlog

from forecast.forecaster import Forecaster
from forecast.intake import Intake
from forecast.outlook import Outlook
from foreshadow.bus import Bus, Publisher, Record, Subscription
from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.demand import DemandMatrix
from foreshadow.follower import Follower
from foreshadow.settings import ForecastSettings
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.warning import ForecastStep, SpikeWarning

_POLL_S = 0.1
_BATCH = 2000
_KEY = "forecast"

log = structlog.get_logger(__name__)


def run(
    bus: Bus,
    settings: ForecastSettings,
    clock: Clock,
    stop: threading.Event,
    *,
    load_limit: float,
    routers: Iterable[NodeId] = (),
) -> None:
    """Forecast until `stop` is set.

    Args:
        bus: State comes from it; forecasts, warnings and resync requests go to it.
        settings: What, how far ahead, and from which event time on it is worth a warning.
        clock: Time.
        stop: Ends the process.
        load_limit: Load ratio a link may reach.
        routers: Whose demand readings make an interval whole; empty means those whose configuration
            is on the topic when this begins.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
    """
    publisher = bus.publisher()
    desk = _Desk(settings, publisher, load_limit)
    with closing(bus.subscribe(Topic.WARNING)) as said:
        desk.read_back(said)
    intake = Intake(Follower("forecast", publisher, clock), routers)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        while not stop.is_set():
            records = subscription.poll(_POLL_S, _BATCH)
            matrices = [matrix for record in records for matrix in intake.take(record)]
            if subscription.is_caught_up():
                matrices.extend(intake.settle())
            desk.take(matrices, intake, is_caught_up=subscription.is_caught_up())
            publisher.flush()


class _Desk:
    """Turns intervals into what is published."""

    def __init__(self, settings: ForecastSettings, publisher: Publisher, load_limit: float) -> None:
        self._settings, self._publisher = settings, publisher
        self._forecaster = Forecaster(settings, load_limit=load_limit)
        self._unjudged: Outlook | None = None

    def read_back(self, said: Subscription) -> None:
        """Remember the warnings that are out."""
        count = 0
        while not said.is_caught_up():
            for record in said.poll(_POLL_S):
                try:
                    self._forecaster.remember(from_json(record.value, SpikeWarning))
                    count += 1
                except msgspec.DecodeError as error:
                    self._reject(record, error)
        log.info("forecast_started", warnings_out=count)

    def take(self, matrices: Sequence[DemandMatrix], intake: Intake, *, is_caught_up: bool) -> None:
        """Learn from every interval; warn after the newest, once the backlog is read.

        The newest of a backlog may be one a killed process did not live to judge, so it is kept
        until it is known to be the newest.
        """
        for matrix in matrices:
            self._reroute(intake)
            outlook = self._forecaster.observe(matrix)
            if matrix is matrices[-1]:
                self._unjudged = outlook
            if outlook is None or outlook is not self._unjudged:
                self._publish(self._history_step(matrix))
        if self._unjudged is None:
            return
        if self._is_live(self._unjudged.matrix, is_caught_up=is_caught_up):
            self._speak(self._unjudged)
            self._unjudged = None
        elif matrices:
            self._publish(self._history_step(self._unjudged.matrix))

    def _reroute(self, intake: Intake) -> None:
        routing = intake.routing()
        if routing is not None:
            self._forecaster.reroute(routing)

    def _is_live(self, matrix: DemandMatrix, *, is_caught_up: bool) -> bool:
        warn_from = self._settings.warn_from
        return is_caught_up and (warn_from is None or matrix.at >= warn_from)

    def _speak(self, outlook: Outlook) -> None:
        warnings = self._forecaster.warn(outlook)
        for warning in warnings:
            self._publisher.publish(Topic.WARNING, warning.link, to_json(warning))
            log.info(
                "spike_warned",
                warning=warning.id,
                upper_ratio=round(warning.upper_ratio, 3),
                lead_s=warning.lead_s,
            )
        self._publish(
            ForecastStep(
                made_at=outlook.matrix.at,
                is_live=True,
                steps_seen=self._forecaster.steps_seen,
                forecasts=outlook.forecasts(),
                coverage=tuple(self._forecaster.coverage.items()),
            )
        )

    def _history_step(self, matrix: DemandMatrix) -> ForecastStep:
        return ForecastStep(
            made_at=matrix.at, is_live=False, steps_seen=self._forecaster.steps_seen
        )

    def _publish(self, step: ForecastStep) -> None:
        self._publisher.publish(Topic.FORECAST, _KEY, to_json(step))

    def _reject(self, record: Record, error: Exception) -> None:
        rejected = dead_letter(record, f"forecast: not a warning: {error}")
        self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))
