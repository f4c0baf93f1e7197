"""The shadow process: the only owner of labs. The mirror follows production, the bench is broken.

Three threads: this one follows the state and keeps the mirror level, one compares the mirror with
production, so that a change never waits for a comparison, and one has the bench. They share one
frozen `Picture` of production, replaced whole with every change.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record
from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.errors import ConfigError, TransientError
from foreshadow.experiment import Experiment, ExperimentResult, Verdict
from foreshadow.meter import FIDELITY, SILENT, VECTOR_AGE, Meter
from foreshadow.settings import Settings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from shadow.bench import RunExperiment, Workbench
from shadow.bench_queue import BenchQueue
from shadow.coalescing import Coalescing
from shadow.emulation.backends import make_lab
from shadow.emulation.cleanup import remove_run
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture
from shadow.production_view import ProductionView

_POLL_S = 0.02
_UP_WITHIN_S = 60.0
_RETRY_S = 2.0
_IDLE_S = 0.1
_JOIN_S = 30.0
_CONVERGING_S = 10.0
"""For so long after a change what differs may still come right: a BGP hold time is 9 s here."""

log = structlog.get_logger(__name__)


def run(  # noqa: PLR0913 - what the process is made of
    bus: Bus,
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    *,
    routers: Sequence[NodeId],
    experiment: RunExperiment,
    meter: Meter = SILENT,
) -> None:
    """Keep the shadow until `stop` is set, then remove its labs.

    Args:
        bus: State and requests come from it; results, fidelity and resync requests go to it.
        settings: The run's id, and how the mirror follows.
        clock: Time.
        stop: Ends the process.
        routers: The mirror is built when the whole state of all of these is known.
        experiment: Carries an experiment out on the bench.
        meter: Takes how level the mirror is.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process builds its labs anew.
    """
    for name in ("mirror", "bench"):
        left = remove_run(f"{settings.run_id}-{name}", engine=settings.shadow.engine)
        if left:
            log.warning("predecessors_lab_removed", lab=name, namespaces=len(left.namespaces))
    mirror, bench = (_lab(name, settings, clock) for name in ("mirror", "bench"))
    desk = _Desk()
    workbench = Workbench(
        bench,
        experiment,
        clock,
        converge_s=settings.shadow.converge_s,
        least_fidelity=settings.shadow.least_fidelity,
    )
    pause_s = settings.shadow.fidelity_s
    judge = _Judge(mirror, desk, bus.publisher(), clock, pause_s=pause_s, meter=meter)
    publisher = bus.publisher()
    workers = [
        _worker("bench", desk, stop, lambda: _work_once(desk, workbench, publisher, stop)),
        _worker("judge", desk, stop, judge.judge),
    ]
    try:
        _Shadow(bus, settings, clock, routers, mirror=mirror, desk=desk).follow(stop, meter)
    finally:
        stop.set()
        for worker in workers:
            worker.join(_JOIN_S)
        with ExitStack() as ending:  # Each, also if the other cannot be removed.
            ending.callback(mirror.discard)
            ending.callback(bench.discard)
    if desk.failure is not None:
        raise desk.failure


def _lab(name: str, settings: Settings, clock: Clock) -> LevelledLab:
    return LevelledLab(
        name,
        lambda spec: make_lab(spec, run_id=settings.run_id, name=name, settings=settings.shadow),
        clock,
        within_s=_UP_WITHIN_S,
    )


@dataclass(slots=True)
class _Desk:
    """What the threads hand each other; each field has one writer."""

    requests: BenchQueue = field(default_factory=BenchQueue)
    latest: Picture | None = None
    """Production as the following thread last saw it."""
    levelled_at_s: float = float("-inf")
    """When the mirror was last changed, monotonic."""
    changed: threading.Event = field(default_factory=threading.Event)
    """The mirror was changed, and should be compared."""
    failure: Exception | None = None
    """What ended a worker."""

    def production(self) -> Picture:
        """The present picture; requests are handed over only once there is one."""
        if self.latest is None:
            raise TransientError("nothing is known of production yet")
        return self.latest


class _Shadow:
    """The following thread: state in, mirror level, requests sorted."""

    def __init__(
        self,
        bus: Bus,
        settings: Settings,
        clock: Clock,
        routers: Sequence[NodeId],
        *,
        mirror: LevelledLab,
        desk: _Desk,
    ) -> None:
        self._clock, self._mirror, self._desk = clock, mirror, desk
        self._settings = settings.shadow
        self._pace = Coalescing(settings.shadow.coalesce_s)
        self._publisher = bus.publisher()
        self._view = ProductionView("shadow", self._publisher, clock, settings, routers=routers)
        self._news_since_s: float | None = None
        """Since when something is known that the mirror does not do yet."""
        self._subscription = bus.subscribe(Topic.STATE, Topic.DRILL, Topic.VERDICT)
        self._asked: dict[str, Experiment] = {}
        self._answered: set[str] = set()
        self._audit_at_s = float("-inf")

    def follow(self, stop: threading.Event, meter: Meter) -> None:
        """Go on until `stop` is set."""
        with closing(self._subscription):
            while not stop.is_set():
                for record in self._subscription.poll(_POLL_S):
                    self._take(record)
                if self._subscription.is_caught_up() and self._view.is_whole():
                    self._act()
                self._tell(meter)
                self._publisher.flush()

    def _tell(self, meter: Meter) -> None:
        since_s = self._news_since_s
        waiting_s = 0.0 if since_s is None else self._clock.monotonic_s() - since_s
        meter.level(VECTOR_AGE, waiting_s)
        self._view.tell(meter)

    def _take(self, record: Record) -> None:
        try:
            match record.topic:
                case Topic.STATE:
                    if self._view.take(record):
                        self._pace.note()
                        if self._news_since_s is None:
                            self._news_since_s = self._clock.monotonic_s()
                case Topic.DRILL:
                    asked = from_json(record.value, Experiment)
                    self._asked.setdefault(asked.id, asked)
                case Topic.VERDICT:
                    self._answered.add(from_json(record.value, ExperimentResult).id)
                case _:
                    pass
        except msgspec.DecodeError as error:
            log.warning("record_not_understood", origin=record.origin, reason=str(error))

    def _act(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._pace.take(now_s):
            self._desk.latest = self._view.picture()
            self._level(self._desk.latest, now_s)
        self._notice_silence()
        self._audit()
        self._hand_over()

    def _level(self, production: Picture, now_s: float) -> None:
        try:
            if self._mirror.level(production.spec):
                self._desk.levelled_at_s = self._clock.monotonic_s()
                self._desk.changed.set()
            self._news_since_s = None
        except (TransientError, ConfigError) as error:
            log.warning("mirror_not_level", reason=str(error))
            self._pace.put_off(now_s + _RETRY_S)

    def _notice_silence(self) -> None:
        """What nobody vouches for any more goes stale without any news."""
        known = self._desk.latest
        if known is not None and (stale := self._view.stale()) != known.stale:
            self._desk.latest = replace(known, stale=stale)

    def _audit(self) -> None:
        """Read one router of the mirror; each has its turn every `audit_s`."""
        now_s = self._clock.monotonic_s()
        if self._mirror.is_up and now_s >= self._audit_at_s:
            self._audit_at_s = now_s + self._settings.audit_s / len(self._mirror.lab.spec.nodes)
            if not self._mirror.audit_next():
                self._pace.note()

    def _hand_over(self) -> None:
        """Give the bench what was asked and not yet answered, also by a predecessor."""
        if self._desk.latest is None:
            return
        for asked in self._asked.values():
            if asked.id not in self._answered:
                self._answered.add(asked.id)
                self._desk.requests.put(asked)
        self._asked.clear()


class _Judge:
    """The comparing thread: says how far the mirror does what production does."""

    def __init__(
        self,
        mirror: LevelledLab,
        desk: _Desk,
        publisher: Publisher,
        clock: Clock,
        *,
        pause_s: float,
        meter: Meter,
    ) -> None:
        self._meter = meter
        self._mirror, self._desk, self._publisher = mirror, desk, publisher
        self._clock, self._pause_s = clock, pause_s
        self._judge_at_s = float("-inf")

    def judge(self) -> None:
        """Compare once it is time, or the mirror was changed."""
        now_s = self._clock.monotonic_s()
        if self._desk.changed.wait(_IDLE_S):
            self._desk.changed.clear()
            self._judge_at_s = now_s
        production = self._desk.latest
        if production is None or not self._mirror.is_up or now_s < self._judge_at_s:
            return
        self._judge_at_s = now_s + self._pause_s
        is_converging = now_s - self._desk.levelled_at_s < _CONVERGING_S
        try:
            report = self._mirror.fidelity(production, is_converging=is_converging)
        except (TransientError, ConfigError) as error:
            log.warning("mirror_not_read", reason=str(error))
            return
        self._meter.level(FIDELITY, report.share)
        self._publisher.publish(Topic.STATUS, "mirror", to_json(report))
        self._publisher.flush()


def _worker(
    name: str, desk: _Desk, stop: threading.Event, work: Callable[[], None]
) -> threading.Thread:
    """A thread that does its work again and again; our own bug ends the process."""

    def go_on() -> None:
        try:
            while not stop.is_set():
                work()
        except Exception as error:
            log.exception("worker_failed", worker=name)
            desk.failure = error
            stop.set()

    thread = threading.Thread(target=go_on, name=name)
    thread.start()
    return thread


def _work_once(
    desk: _Desk, workbench: Workbench, publisher: Publisher, stop: threading.Event
) -> None:
    """The bench thread: one experiment after another."""
    asked: Experiment | None = None
    try:
        if desk.latest is not None and not workbench.is_ready:
            workbench.levelled(desk.production, stop.is_set)
        asked = desk.requests.get(within_s=_IDLE_S)
        if asked is None:
            return
        result = workbench.conduct(asked, desk.production, stop.is_set)
    except (TransientError, ConfigError) as error:
        log.warning("bench_not_ready", experiment=asked and asked.id, reason=str(error))
        if asked is not None:
            desk.requests.put(asked)
        stop.wait(_RETRY_S)
        return
    if stop.is_set() and result.verdict is Verdict.INCONCLUSIVE:
        # Broken off because we are to stop: whoever is started next answers it.
        return
    publisher.publish(Topic.VERDICT, result.id, to_json(result))
    publisher.flush()
    log.info("experiment_answered", experiment=result.id, verdict=result.verdict.name)
