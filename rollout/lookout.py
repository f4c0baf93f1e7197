"""What the controller sees: candidates, production's state as telemetry tells it, people's orders.

How data from before a flip is kept from judging it: only changes travel, so a stream that did not
change says nothing but its heartbeat. A stream counts as heard of since a moment when any delta of
it, heartbeat included, was *received* after that moment. Receipt is timed by this process's own
monotonic clock; the readers' timestamps are never compared with it.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec
import structlog

from foreshadow.bus import Bus, Publisher, Record
from foreshadow.candidate import Candidate
from foreshadow.clock import Clock, from_ns
from foreshadow.codec import from_json, to_json
from foreshadow.control import RolloutCommand, decode_control
from foreshadow.delta import Effect, Op
from foreshadow.errors import BrokerUnreachable
from foreshadow.follower import Follower
from foreshadow.observed import Stream
from foreshadow.routing import LocRibs
from foreshadow.telemetry import dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from foreshadow.warning import Forecast, ForecastStep
from rollout.machine import Order
from rollout.observation import Observation, observe
from rollout.proof import Proof, Proofs, read_proof

_log = structlog.get_logger()
STALE_AFTER_S = 30.0
"""No rollout on telemetry older than this."""
JUDGED_STREAMS = (Stream.ADJACENCY, Stream.SESSION, Stream.BEST_PATH, Stream.FIB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """An order with its place on the control topic, so that it is obeyed once."""

    order: Order
    offset: int
    asked_by: str = ""


class Lookout:
    """Keeps what was read from the bus; polled by the controller whenever it waits."""

    def __init__(self, bus: Bus, publisher: Publisher, clock: Clock) -> None:
        """Read the topics from their beginning."""
        self._subscription = bus.subscribe(
            Topic.CANDIDATE, Topic.VERDICT, Topic.STATE, Topic.CONTROL, Topic.FORECAST
        )
        self._publisher, self._clock = publisher, clock
        self._follower = Follower("rollout", publisher, clock)
        self._candidates: dict[str, Candidate] = {}
        self._proofs: dict[tuple[str, str], Proof] = {}
        self._words: dict[str, Word] = {}
        self._forecasts: dict[str, Forecast] = {}
        self._heard_s: dict[tuple[NodeId, Stream], float] = {}
        self._is_blind = False
        self._event_at: datetime | None = None
        self._seen: Observation | None = None

    def poll(self, timeout_s: float) -> None:
        """Take in what comes within `timeout_s`."""
        for record in self._subscription.poll(timeout_s):
            try:
                self._take(record)
            except (msgspec.DecodeError, ValueError) as error:
                self._reject(record, str(error))

    def glance(self, timeout_s: float) -> None:
        """As `poll`, for whoever must go on without the bus: an absent broker is only logged."""
        try:
            self.poll(timeout_s)
        except BrokerUnreachable as error:
            if not self._is_blind:
                _log.warning("bus_lost", error=str(error))
            self._is_blind = True
            self._clock.sleep(timeout_s)
        else:
            self._is_blind = False

    def is_caught_up(self) -> bool:
        """Whether everything that was on the topics at the start has been read."""
        return self._subscription.is_caught_up()

    def close(self) -> None:
        """Let go of the bus."""
        self._subscription.close()

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Every candidate ever published, in order."""
        return tuple(self._candidates.values())

    @property
    def proofs(self) -> Proofs:
        """What the bench has published, by how it is cited."""
        return self._proofs

    @property
    def now(self) -> datetime:
        """Event time of the latest demand; the wall clock where no demand was seen."""
        return self._event_at or self._clock.now()

    def order(self, txn: str) -> Word | None:
        """The latest order that was not obeyed yet."""
        return self._words.get(txn)

    def obeyed(self, txn: str, offset: int) -> None:
        """Forget orders up to this one."""
        word = self._words.get(txn)
        if word is not None and word.offset <= offset:
            del self._words[txn]

    def observe(self) -> Observation:
        """Production as it is known now."""
        if self._seen is None:
            self._seen = observe(self._follower.state, at=self.now)
        return self._seen

    def ribs(self) -> LocRibs:
        """Best paths of every router as they are known now."""
        return self._follower.state.loc_ribs()

    def forecast(self, series: str) -> Forecast | None:
        """The latest forecast for a link as the network stands."""
        return self._forecasts.get(series)

    def untrusted(self) -> tuple[tuple[NodeId, Stream], ...]:
        """Streams with a gap, and those silent for too long."""
        return self._follower.untrusted(STALE_AFTER_S)

    def silent_since(
        self, moment_s: float, streams: tuple[Stream, ...] = JUDGED_STREAMS
    ) -> tuple[tuple[NodeId, Stream], ...]:
        """Streams not heard of since a moment of this process's monotonic clock."""
        return tuple(
            place
            for place, heard_s in sorted(self._heard_s.items())
            if place[1] in streams and heard_s <= moment_s
        )

    def _take(self, record: Record) -> None:
        match record.topic:
            case Topic.STATE:
                self._take_delta(record)
            case Topic.CANDIDATE:
                candidate = from_json(record.value, Candidate)
                self._candidates.setdefault(candidate.id, candidate)
            case Topic.VERDICT:
                cited_as, proof = read_proof(record.value)
                self._proofs[cited_as] = proof
            case Topic.FORECAST:
                for forecast in from_json(record.value, ForecastStep).forecasts:
                    if forecast.under_failure is None:
                        self._forecasts[forecast.series] = forecast
            case _:
                self._take_word(record)

    def _take_delta(self, record: Record) -> None:
        followed = self._follower.take(record)
        if followed is None:
            return
        delta = followed.delta
        if followed.effect is Effect.APPLIED:
            self._heard_s[delta.device, delta.stream] = self._clock.monotonic_s()
        if delta.stream is Stream.DEMAND and delta.event_at_ns:
            self._event_at = max(from_ns(delta.event_at_ns), self._event_at or _EARLIEST)
        if delta.op is not Op.HEARTBEAT:
            self._seen = None

    def _take_word(self, record: Record) -> None:
        message = decode_control(record.value)
        if isinstance(message, RolloutCommand):
            self._words[message.txn] = Word(
                order=Order(message.do), offset=record.offset, asked_by=message.asked_by
            )

    def _reject(self, record: Record, why: str) -> None:
        rejected = dead_letter(record, f"rollout: {why}")
        self._publisher.publish(Topic.REJECT, record.key, to_json(rejected))


_EARLIEST = from_ns(0)
