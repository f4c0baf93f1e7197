"""The shadow process: the only owner of labs. The mirror follows production, the bench is broken.

Two threads: this one follows the state and keeps the mirror level, the other has the bench. They
share one frozen `Picture` of production, replaced whole with every change.
"""

import queue
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record
from foreshadow.clock import Clock
from foreshadow.codec import from_json, to_json
from foreshadow.delta import Effect, Op
from foreshadow.errors import ConfigError, TransientError
from foreshadow.experiment import Experiment, ExperimentResult
from foreshadow.follower import Follower
from foreshadow.observed import Stream
from foreshadow.settings import Settings
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from shadow.bench import RunExperiment, Workbench
from shadow.emulation.cleanup import remove_run
from shadow.emulation.netns import NetnsLab
from shadow.levelled_lab import LevelledLab
from shadow.mirror import Picture, picture

_POLL_S = 0.02
_UP_WITHIN_S = 60.0
_RETRY_S = 2.0
_IDLE_S = 0.1
_JOIN_S = 30.0
_SILENT_AFTER_HEARTBEATS = 3

_MIRRORED = tuple(stream for stream in Stream if stream is not Stream.DEMAND)

log = structlog.get_logger(__name__)


def run(
    bus: Bus,
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    *,
    routers: Sequence[NodeId],
    experiment: RunExperiment,
) -> None:
    """Keep the shadow until `stop` is set, then remove its labs.

    Args:
        bus: State and requests come from it; results, fidelity and resync requests go to it.
        settings: The run's id, and how the mirror follows.
        clock: Time.
        stop: Ends the process.
        routers: The mirror is built when the whole state of all of these is known.
        experiment: Carries an experiment out on the bench.

    Raises:
        BrokerUnreachable: Kafka does not answer; a restarted process builds its labs anew.
    """
    for name in ("mirror", "bench"):
        left = remove_run(f"{settings.run_id}-{name}")
        if left:
            log.warning("predecessors_lab_removed", lab=name, namespaces=len(left.namespaces))
    mirror, bench = (_lab(name, settings, clock) for name in ("mirror", "bench"))
    desk = _Desk()
    workbench = Workbench(bench, experiment, clock, converge_s=settings.shadow.converge_s)
    worker = threading.Thread(
        target=_work, args=(desk, workbench, bus.publisher(), stop), name="bench"
    )
    worker.start()
    try:
        _Shadow(bus, settings, clock, routers, mirror=mirror, desk=desk).follow(stop)
    finally:
        stop.set()
        worker.join(_JOIN_S)
        mirror.discard()
        bench.discard()
    if desk.failure is not None:
        raise desk.failure


def _lab(name: str, settings: Settings, clock: Clock) -> LevelledLab:
    return LevelledLab(
        name,
        lambda spec: NetnsLab(spec, run_id=settings.run_id, name=name),
        clock,
        within_s=_UP_WITHIN_S,
    )


@dataclass(slots=True)
class _Desk:
    """What the two threads hand each other; each field has one writer."""

    requests: "queue.Queue[Experiment]" = field(default_factory=queue.Queue)
    latest: Picture | None = None
    """Production as the following thread last saw it."""
    failure: Exception | None = None
    """What ended the bench thread."""

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
        self._silence_s = _SILENT_AFTER_HEARTBEATS * settings.ingest.heartbeat_s
        self._publisher = bus.publisher()
        self._follower = Follower("shadow", self._publisher, clock, streams=_MIRRORED)
        self._subscription = bus.subscribe(Topic.STATE, Topic.DRILL, Topic.VERDICT)
        self._required = {(router, stream) for router in routers for stream in _MIRRORED}
        self._asked: dict[str, Experiment] = {}
        self._answered: set[str] = set()
        self._has_news = False
        self._level_at_s = self._judge_at_s = float("-inf")

    def follow(self, stop: threading.Event) -> None:
        """Go on until `stop` is set."""
        with closing(self._subscription):
            while not stop.is_set():
                for record in self._subscription.poll(_POLL_S):
                    self._take(record)
                if self._subscription.is_caught_up() and self._is_whole():
                    self._act()
                self._publisher.flush()

    def _take(self, record: Record) -> None:
        try:
            match record.topic:
                case Topic.STATE:
                    self._take_state(record)
                case Topic.DRILL:
                    asked = from_json(record.value, Experiment)
                    self._asked.setdefault(asked.id, asked)
                case Topic.VERDICT:
                    self._answered.add(from_json(record.value, ExperimentResult).id)
                case _:
                    pass
        except msgspec.DecodeError as error:
            log.warning("record_not_understood", origin=record.origin, reason=str(error))

    def _take_state(self, record: Record) -> None:
        followed = self._follower.take(record)
        if followed is None or followed.delta.op is Op.HEARTBEAT:
            return
        if followed.effect is Effect.APPLIED:
            self._has_news = True

    def _is_whole(self) -> bool:
        """Whether everything a mirror needs has been known; what went stale since is served on."""
        if self._desk.latest is not None:
            return True
        stale = set(self._follower.state.stale_streams())
        return self._required <= self._follower.state.vector().keys() - stale

    def _act(self) -> None:
        now_s = self._clock.monotonic_s()
        if self._has_news and now_s >= self._level_at_s:
            self._has_news = False
            self._look()
            self._level(now_s)
        if self._mirror.is_up and now_s >= self._judge_at_s:
            self._look()
            self._judge()
        self._hand_over()

    def _look(self) -> None:
        untrusted = self._required & set(self._follower.untrusted(self._silence_s))
        self._desk.latest = picture(self._follower.state, is_stale=bool(untrusted))

    def _level(self, now_s: float) -> None:
        """The first change acts at once; the next ones wait for each other."""
        self._level_at_s = now_s + self._settings.coalesce_s
        try:
            if self._mirror.level(self._desk.production().spec):
                self._judge_at_s = now_s
        except (TransientError, ConfigError) as error:
            log.warning("mirror_not_level", reason=str(error))
            self._has_news, self._level_at_s = True, now_s + _RETRY_S

    def _judge(self) -> None:
        """Say how far the mirror does what production does."""
        self._judge_at_s = self._clock.monotonic_s() + self._settings.fidelity_s
        try:
            report = self._mirror.fidelity(self._desk.production())
        except TransientError as error:
            log.warning("mirror_not_read", reason=str(error))
            self._has_news = True
            return
        self._publisher.publish(Topic.CONTROL, "mirror", to_json(report))

    def _hand_over(self) -> None:
        """Give the bench what was asked and not yet answered, also by a predecessor."""
        for asked in self._asked.values():
            if asked.id not in self._answered:
                self._answered.add(asked.id)
                self._desk.requests.put(asked)
        self._asked.clear()


def _work(desk: _Desk, workbench: Workbench, publisher: Publisher, stop: threading.Event) -> None:
    """The bench thread: one experiment after another; our own bug ends the process."""
    try:
        while not stop.is_set():
            _work_once(desk, workbench, publisher, stop)
    except Exception as error:
        log.exception("bench_failed")
        desk.failure = error
        stop.set()


def _work_once(
    desk: _Desk, workbench: Workbench, publisher: Publisher, stop: threading.Event
) -> None:
    asked: Experiment | None = None
    try:
        if desk.latest is not None and not workbench.is_ready:
            workbench.levelled(desk.production, stop.is_set)
        asked = desk.requests.get(timeout=_IDLE_S)
        result = workbench.conduct(asked, desk.production, stop.is_set)
    except queue.Empty:
        return
    except (TransientError, ConfigError) as error:
        log.warning("bench_not_ready", experiment=asked and asked.id, reason=str(error))
        if asked is not None:
            desk.requests.put(asked)
        stop.wait(_RETRY_S)
        return
    publisher.publish(Topic.VERDICT, result.id, to_json(result))
    publisher.flush()
    log.info("experiment_answered", experiment=result.id, verdict=result.verdict.name)
