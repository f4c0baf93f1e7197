"""The forecast process: state, counters and incidents in; forecasts and warnings out.

All it knows comes from its topics. What it has learnt is saved now and then together with how far
it had read, so a process that was killed goes on with the same numbers and reads only what came
since; without a usable checkpoint everything is read from the beginning. What it warned of is read
back from the warning topic. Why the stream comes through the house's subscription and not through
faust: `docs/adr/0005-faust-where-it-serves.md`.
"""

import threading
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from forecast import memory
from forecast.desk import Desk
from forecast.forecaster import Forecaster
from forecast.intake import Intake
from forecast.known_events import KnownEvents, read_events
from foreshadow import checkpoint
from foreshadow.bus import Bus, Publisher, Record, Subscription
from foreshadow.checkpoint import Checkpoint
from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.control import decode_control
from foreshadow.demand import DemandMatrix
from foreshadow.experiment import Purpose
from foreshadow.follower import Follower
from foreshadow.incident import Incident
from foreshadow.meter import FORECAST_WAITS, SILENT, Meter
from foreshadow.rates import decode_frame
from foreshadow.rollout_event import Feedback
from foreshadow.settings import ForecastSettings
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.triage_report import TriageReport
from foreshadow.warning import SpikeWarning

_POLL_S = 0.1
_BATCH = 2000
_SHARE = 0.05
"""Of the time, spent on saving."""
_HEARD = (
    *(Topic.STATE, Topic.METRICS, Topic.INCIDENT),
    *(Topic.CONTROL, Topic.VERDICT, Topic.FEEDBACK, Topic.WARNING),
)

log = structlog.get_logger(__name__)


class _Took(msgspec.Struct):
    """What the forecast wants to know of a drill: the rest of it is large."""

    purpose: Purpose
    took_s: float


def run(  # noqa: PLR0913 - what the process is made of
    bus: Bus,
    settings: ForecastSettings,
    clock: Clock,
    stop: threading.Event,
    *,
    load_limit: float,
    routers: Iterable[NodeId] = (),
    meter: Meter = SILENT,
    checkpoint_file: Path | None = None,
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
        meter: Takes numbers for who watches the process.
        checkpoint_file: Where what was learnt is saved; none: everything is read anew each time.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
        ConfigError: The file of known events will not do.
    """
    publisher = bus.publisher()
    office = _Office(settings, publisher, clock, tuple(routers), load_limit, meter)
    subscription = office.reopen(bus, checkpoint_file)
    with closing(subscription):
        due_s, is_dirty = clock.monotonic_s() + settings.checkpoint_s, False
        while not stop.is_set():
            records = subscription.poll(_POLL_S, _BATCH)
            office.take(records, is_caught_up=subscription.is_caught_up())
            publisher.flush()
            is_dirty = is_dirty or bool(records)
            begun_s = clock.monotonic_s()
            if checkpoint_file is not None and is_dirty and begun_s >= due_s:
                office.save(checkpoint_file, subscription)
                due_s, is_dirty = _next_save_s(settings, begun_s, clock.monotonic_s()), False
        if checkpoint_file is not None:
            office.save(checkpoint_file, subscription)


def _next_save_s(settings: ForecastSettings, begun_s: float, ended_s: float) -> float:
    """When to save again: of a large network, half a gigabyte, more seldom than is set."""
    is_always = settings.checkpoint_s == 0
    return ended_s + (0 if is_always else max(settings.checkpoint_s, (ended_s - begun_s) / _SHARE))


class _Office:
    """Everything the process is made of."""

    def __init__(  # noqa: PLR0917 - what the process is made of
        self,
        settings: ForecastSettings,
        publisher: Publisher,
        clock: Clock,
        routers: tuple[NodeId, ...],
        load_limit: float,
        meter: Meter,
    ) -> None:
        self._publisher = publisher
        events = settings.events_file
        self._announced = read_events(events) if events is not None else ()
        self._whose = memory.identity(
            settings.model_dump_json(exclude={"warn_from", "checkpoint_file", "checkpoint_s"}),
            repr(load_limit),
            repr(routers),
            repr(self._announced),
        )
        self._follower = Follower("forecast", publisher, clock)
        self._intake = Intake(self._follower, routers, step=timedelta(seconds=settings.step_s))
        forecaster = Forecaster(
            settings, load_limit=load_limit, events=KnownEvents(self._announced)
        )
        self._desk = Desk(forecaster, settings, publisher, meter)
        self._meter, self._is_waiting = meter, False

    def reopen(self, bus: Bus, file: Path | None) -> Subscription:
        """Everything that is heard, from where the checkpoint ends; from the beginning without."""
        if file is None:
            log.info("forecast_started", resumed=False)
            return bus.subscribe(*_HEARD)
        subscription, saved = checkpoint.reopen(bus, file, *_HEARD)
        if saved is not None and not self._resume(saved, file):
            subscription.close()
            subscription, saved = bus.subscribe(*_HEARD), None
        log.info(
            "forecast_started",
            resumed=saved is not None,
            steps_seen=self._desk.forecaster.steps_seen,
        )
        return subscription

    def save(self, file: Path, subscription: Subscription) -> None:
        """Save what was learnt, and how far it was read for it."""
        learnt = {"intake": self._intake.memory(), "desk": self._desk.memory()}
        own = memory.freeze(learnt, self._whose)
        checkpoint.save(file, self._follower.checkpoint(subscription.positions(), own=own))

    def take(self, records: Iterable[Record], *, is_caught_up: bool) -> None:
        """Take what was read; learn from the intervals it completes, and speak of the newest."""
        matrices: list[DemandMatrix] = []
        for record in records:
            if record.topic is Topic.STATE:
                matrices.extend(self._intake.take(record))
                continue
            try:
                self._hear(record)
            except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
                self._reject(record, error)
        if is_caught_up:
            matrices.extend(self._intake.settle())
            self._say_what_is_awaited()
        intervals = [*self._intake.intervals(matrices)]
        self._desk.take(intervals, self._intake, is_caught_up=is_caught_up)

    def _say_what_is_awaited(self) -> None:
        """Once when it begins to wait and once when that is over: silence looks like a failure."""
        awaited = self._intake.awaited()
        self._meter.level(FORECAST_WAITS, bool(awaited))
        if bool(awaited) == self._is_waiting:
            return
        self._is_waiting = bool(awaited)
        if awaited:
            log.warning("forecast_waits", awaited=awaited)
        else:
            log.info("forecast_waits_no_more")

    def _resume(self, saved: Checkpoint, file: Path) -> bool:
        """Stand where the checkpoint was taken; whether that could be."""
        try:
            learnt = memory.thaw(saved.own, self._whose)
            self._desk.resume(learnt["desk"])
            self._intake.resume(learnt["intake"])
        except (memory.Unreadable, KeyError, TypeError) as error:
            log.warning("checkpoint_unusable", path=str(file), reason=str(error))
            return False
        self._follower.resume(saved)
        return True

    def _hear(self, record: Record) -> None:
        forecaster = self._desk.forecaster
        match record.topic:
            case Topic.METRICS:
                self._intake.count(decode_frame(record.value))
            case Topic.INCIDENT:
                forecaster.warner.hear(from_json(record.value, Incident))
            case Topic.CONTROL:
                message = decode_control(record.value)
                if isinstance(message, TriageReport):
                    forecaster.warner.hear_triage(message)
            case Topic.VERDICT:
                took = from_json(record.value, _Took)
                if took.purpose is Purpose.DRILL:
                    forecaster.warner.hear_drill(took.took_s)
            case Topic.FEEDBACK:
                forecaster.feed_back(from_json(record.value, Feedback))
            case _:
                forecaster.remember(from_json(record.value, SpikeWarning))

    def _reject(self, record: Record, error: Exception) -> None:
        rejected = dead_letter(record, f"forecast: not what {record.topic} carries: {error}")
        self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))
