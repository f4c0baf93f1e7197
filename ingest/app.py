"""The ingest process: reads production, and owns the state that everyone else copies."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import structlog

from foreshadow import meter as metrics
from foreshadow.bus import Bus, Publisher, Record, Subscription
from foreshadow.checkpoint import Checkpoint, checkpoint, reopen, save
from foreshadow.clock import Clock, to_ns
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest, decode_control
from foreshadow.delta import StateDelta
from foreshadow.errors import ForeshadowError, HistoryGone
from foreshadow.meter import SILENT, Meter
from foreshadow.settings import IngestSettings
from foreshadow.sync_report import SyncReport
from foreshadow.topics import Topic
from ingest.bus_outlet import BusOutlet
from ingest.intake import Intake
from ingest.owner import Published, StateOwner, next_epoch
from ingest.precedence import Precedence
from ingest.rates_demand import DemandDeadband
from ingest.rates_owner import RateOwner
from ingest.rates_publisher import RatePublisher
from ingest.repairs import Repairs
from ingest.source import Outlet, Source
from ingest.source_account import AccountedOutlet

_POLL_S = 0.05
_BATCH = 2000
_JOIN_S = 10.0
_SILENT_AFTER_POLLS = 3

log = structlog.get_logger(__name__)


def run(  # noqa: PLR0913 - what a process is made of
    bus: Bus,
    settings: IngestSettings,
    clock: Clock,
    stop: threading.Event,
    *,
    epoch_file: Path,
    sources: Sequence[Source] = (),
    meter: Meter = SILENT,
) -> None:
    """Own the state until `stop` is set.

    Args:
        bus: Telemetry and resync requests come from it, state, dead letters and reports go to it.
        settings: Periods.
        clock: Time.
        stop: Ends the process.
        epoch_file: Keeps the epoch across restarts; a checkpoint of the state is beside it, and
            belongs to the topics of this bus and to no others.
        sources: Readers of production that this process runs, each in a thread of its own.
        meter: Takes the counts of what came in and went out.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process goes on where this one was.
        ConfigError: The epoch file is damaged.
    """
    file = epoch_file.with_suffix(".checkpoint")
    past, saved = _published(bus, file)
    epoch = next_epoch(epoch_file, past.epoch)
    owner = StateOwner(epoch, past.inherited(epoch))
    publisher = bus.publisher()
    precedence = Precedence(settings.prefer, patience_s=settings.quiet_s)
    rates = RatePublisher(RateOwner(epoch, settings), publisher.publish)
    deadband = DemandDeadband(
        share=settings.demand_deadband, floor_share=settings.demand_deadband_floor
    )
    intake = Intake(
        owner,
        publisher.publish,
        precedence=precedence,
        count=rates.take,
        demand_deadband=deadband,
        clock=clock,
    )
    subscription = _telemetry(bus, intake, rates, saved)
    log.info("ingest_started", epoch=epoch, predecessor=past.epoch, had_checkpoint=bool(saved))

    def take_checkpoint() -> None:
        positions = {**subscription.positions(), **bus.ends(Topic.STATE)}
        save(file, checkpoint(positions, owner.checkpoint(), own=intake.checkpoint()))

    rounds = _Rounds(
        settings, clock, publisher, rates=rates, meter=meter, take_checkpoint=take_checkpoint
    )
    with closing(subscription), _running(sources, epoch, bus, stop, meter=meter, clock=clock):
        _loop(subscription, intake, rounds, stop)


class _Rounds:
    """What is due by the clock: heartbeats, reports, answers to copies, and checkpoints."""

    def __init__(
        self,
        settings: IngestSettings,
        clock: Clock,
        publisher: Publisher,
        *,
        rates: RatePublisher,
        meter: Meter,
        take_checkpoint: Callable[[], None],
    ) -> None:
        self._settings, self._clock, self._publisher = settings, clock, publisher
        self._rates, self._meter, self._take_checkpoint = rates, meter, take_checkpoint
        self._heartbeat_s = self._report_s = self._checkpoint_s = clock.monotonic_s()
        self._silence_ns = round(_SILENT_AFTER_POLLS * settings.poll_s * 1e9)
        self._quiet_ns = max(self._silence_ns, round(settings.quiet_s * 1e9))
        self._repairs = Repairs()

    def go(self, intake: Intake) -> None:
        """Do what is due, and see everything acknowledged."""
        now_s = self._clock.monotonic_s()
        for place, digests in self._repairs.due(now_s):
            log.info("resync_answered", device=place[0], stream=place[1], copies=len(digests))
            intake.resync(place, digests)
        if now_s >= self._heartbeat_s + self._settings.heartbeat_s:
            self._heartbeat_s = now_s
            now_ns = to_ns(self._clock.now())
            intake.heartbeat(now_ns - self._silence_ns, quiet_since_ns=now_ns - self._quiet_ns)
        if now_s >= self._report_s + self._settings.report_s:
            self._report_s = now_s
            report = intake.report(self._clock.now())
            self._publisher.publish(Topic.STATUS, "ingest", to_json(report))
            _tell(report, self._meter)
            self._rates.tell(self._meter)
        if intake.is_live:
            self._rates.settle(to_ns(self._clock.now()))
        self._publisher.flush()
        if intake.is_live and now_s >= self._checkpoint_s + self._settings.checkpoint_s:
            # After the flush: what the checkpoint stands for has been acknowledged.
            self._checkpoint_s = now_s
            self._take_checkpoint()

    def note(self, request: ResyncRequest) -> None:
        """What a copy asks for."""
        self._repairs.take(request, self._clock.monotonic_s())


def _loop(
    subscription: Subscription, intake: Intake, rounds: _Rounds, stop: threading.Event
) -> None:
    while not stop.is_set():
        for record in subscription.poll(_POLL_S, _BATCH):
            if record.topic is Topic.TELEMETRY:
                intake.take(record)
            elif intake.is_live:
                _ask(record, rounds)
        if not intake.is_live and subscription.is_caught_up():
            intake.go_live()
            log.info("ingest_went_live")
        rounds.go(intake)


def _tell(report: SyncReport, meter: Meter) -> None:
    """Bring the process's numbers up to its account."""
    meter.total(metrics.SHADOWED, report.shadowed)
    for tally in report.streams:
        meter.total(metrics.READINGS, tally.readings, stream=tally.stream)
        meter.total(metrics.DELTAS_SENT, tally.messages, stream=tally.stream)
        meter.total(metrics.STATE_BYTES, tally.bytes, stream=tally.stream)
        meter.total(metrics.FULL_STATE_BYTES, tally.full_state_bytes, stream=tally.stream)


def _ask(record: Record, rounds: _Rounds) -> None:
    """Note a resync request; whatever else is on the control topic is not for us."""
    try:
        message = decode_control(record.value)
    except msgspec.DecodeError:
        return
    if isinstance(message, ResyncRequest):
        rounds.note(message)


def _published(bus: Bus, file: Path) -> tuple[Published, Checkpoint | None]:
    """What predecessors have put on the state topic, and their last checkpoint."""
    past, decoder = Published(), msgspec.msgpack.Decoder(StateDelta)
    subscription, saved = reopen(bus, file, Topic.STATE)
    if saved is not None:
        past.resume(saved.streams)
    with closing(subscription):
        while not subscription.is_caught_up():
            for record in subscription.poll(_POLL_S, _BATCH):
                # Nobody but an owner writes here; what does not decode was no owner's.
                try:
                    past.take(decoder.decode(record.value))
                except (msgspec.DecodeError, RecursionError):
                    log.warning("state_record_skipped", origin=record.origin)
    return past, saved


def _telemetry(
    bus: Bus, intake: Intake, rates: RatePublisher, saved: Checkpoint | None
) -> Subscription:
    """Telemetry and questions from where the checkpoint ends; without it, from the beginning."""
    topics = (Topic.TELEMETRY, Topic.CONTROL)
    if saved is not None:
        try:
            subscription = bus.subscribe(*topics, begin=saved.positions(*topics))
            intake.resume(saved)
            rates.go_on()
        except (HistoryGone, msgspec.DecodeError) as error:
            log.warning("telemetry_is_read_anew", reason=str(error))
        else:
            return subscription
    return bus.subscribe(*topics)


@contextmanager
def _running(
    sources: Sequence[Source],
    epoch: int,
    bus: Bus,
    stop: threading.Event,
    *,
    meter: Meter,
    clock: Clock,
) -> Iterator[None]:
    """The sources at work; the failure of one ends the process, whose successor reads anew."""
    failures: list[Exception] = []

    def outlet(source: Source) -> Outlet:
        return AccountedOutlet(BusOutlet(bus.publisher()), source.name, meter, clock)

    threads = [
        threading.Thread(
            target=_supervised, args=(source, epoch, outlet, stop, failures), name=source.name
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
    source: Source,
    epoch: int,
    outlet: Callable[[Source], Outlet],
    stop: threading.Event,
    failures: list[Exception],
) -> None:
    try:
        source.run(epoch, outlet(source), stop)
    except ForeshadowError as error:
        log.error("source_failed", source=source.name, reason=str(error))  # noqa: TRY400 - it says all
        failures.append(error)
    except Exception as error:
        log.exception("source_failed", source=source.name)
        failures.append(error)
    finally:
        stop.set()
