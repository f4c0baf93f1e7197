"""The ingest process: reads production, and owns the state that everyone else copies."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record, Subscription
from foreshadow.clock import Clock, to_ns
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import StateDelta
from foreshadow.settings import IngestSettings
from foreshadow.topics import Topic
from ingest.bus_outlet import BusOutlet
from ingest.intake import Intake
from ingest.owner import Place, Published, StateOwner, next_epoch
from ingest.source import Source

_POLL_S = 0.05
_BATCH = 2000
_JOIN_S = 10.0
_SILENT_AFTER_POLLS = 3
_RESYNC_PAUSE_S = 1.0
"""Several copies may miss the same delta: one snapshot answers them all."""

log = structlog.get_logger(__name__)


def run(
    bus: Bus,
    settings: IngestSettings,
    clock: Clock,
    stop: threading.Event,
    *,
    epoch_file: Path,
    sources: Sequence[Source] = (),
) -> None:
    """Own the state until `stop` is set.

    Args:
        bus: Telemetry and resync requests come from it, state, dead letters and reports go to it.
        settings: Periods.
        clock: Time.
        stop: Ends the process.
        epoch_file: Keeps the epoch across restarts.
        sources: Readers of production that this process runs, each in a thread of its own.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
        ConfigError: The epoch file is damaged.
    """
    past = _published(bus)
    epoch = next_epoch(epoch_file, past.epoch)
    owner = StateOwner(epoch, past.inherited(epoch))
    publisher = bus.publisher()
    intake = Intake(owner, publisher.publish)
    log.info("ingest_started", epoch=epoch, predecessor=past.epoch)
    with (
        closing(bus.subscribe(Topic.TELEMETRY, Topic.CONTROL)) as subscription,
        _running(sources, epoch, bus, stop),
    ):
        _loop(subscription, intake, _Rounds(settings, clock, publisher), stop)


class _Rounds:
    """What is due by the clock: heartbeats, reports, and the pause between two snapshots."""

    def __init__(self, settings: IngestSettings, clock: Clock, publisher: Publisher) -> None:
        self._settings, self._clock, self._publisher = settings, clock, publisher
        self._heartbeat_s = self._report_s = clock.monotonic_s()
        self._answered_s: dict[Place, float] = {}
        self._silence_ns = round(_SILENT_AFTER_POLLS * settings.poll_s * 1e9)

    def go(self, intake: Intake) -> None:
        """Do what is due, and see everything acknowledged."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._heartbeat_s + self._settings.heartbeat_s:
            self._heartbeat_s = now_s
            intake.heartbeat(since_ns=to_ns(self._clock.now()) - self._silence_ns)
        if now_s >= self._report_s + self._settings.report_s:
            self._report_s = now_s
            report = to_json(intake.report(self._clock.now()))
            self._publisher.publish(Topic.STATUS, "ingest", report)
        self._publisher.flush()

    def may_answer(self, request: ResyncRequest) -> bool:
        """Whether the last snapshot of the stream is old enough for another."""
        place, now_s = (request.device, request.stream), self._clock.monotonic_s()
        if now_s < self._answered_s.get(place, float("-inf")) + _RESYNC_PAUSE_S:
            return False
        self._answered_s[place] = now_s
        return True


def _loop(
    subscription: Subscription, intake: Intake, rounds: _Rounds, stop: threading.Event
) -> None:
    while not stop.is_set():
        for record in subscription.poll(_POLL_S, _BATCH):
            if record.topic is Topic.TELEMETRY:
                intake.take(record)
            elif intake.is_live:
                _answer(record, intake, rounds)
        if not intake.is_live and subscription.is_caught_up():
            intake.go_live()
            log.info("ingest_went_live")
        rounds.go(intake)


def _answer(record: Record, intake: Intake, rounds: _Rounds) -> None:
    """Serve a resync request; whatever else is on the control topic is not for us."""
    try:
        message = decode_control(record.value)
    except msgspec.DecodeError:
        return
    if isinstance(message, ResyncRequest) and rounds.may_answer(message):
        log.info("resync_answered", device=message.device, stream=message.stream)
        intake.resync(message)


def _published(bus: Bus) -> Published:
    """What predecessors have put on the state topic."""
    past, decoder = Published(), msgspec.msgpack.Decoder(StateDelta)
    with closing(bus.subscribe(Topic.STATE)) as subscription:
        while not subscription.is_caught_up():
            for record in subscription.poll(_POLL_S, _BATCH):
                # Nobody but an owner writes here; what does not decode was no owner's.
                try:
                    past.take(decoder.decode(record.value))
                except msgspec.DecodeError:
                    log.warning("state_record_skipped", origin=record.origin)
    return past


@contextmanager
def _running(
    sources: Sequence[Source], epoch: int, bus: Bus, stop: threading.Event
) -> Iterator[None]:
    """The sources at work; the failure of one ends the process, whose successor reads anew."""
    failures: list[Exception] = []
    threads = [
        threading.Thread(
            target=_supervised, args=(source, epoch, bus, stop, failures), name=source.name
        )
        for source in sources
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(_JOIN_S)
    if failures:
        raise failures[0]


def _supervised(  # noqa: PLR0917 - a thread's arguments have no names.
    source: Source, epoch: int, bus: Bus, stop: threading.Event, failures: list[Exception]
) -> None:
    try:
        source.run(epoch, BusOutlet(bus.publisher()), stop)
    except Exception as error:
        log.exception("source_failed", source=source.name)
        failures.append(error)
    finally:
        stop.set()
