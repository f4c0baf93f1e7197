"""The hot path without the bus: a record in, records out.

While the past of the telemetry topic is being read, only the latest reading of a stream counts; of
demand each interval does, because forecasts learn from every one.
"""

from collections.abc import Callable
from datetime import datetime

import msgspec

from foreshadow.bus import Record
from foreshadow.codec import to_json
from foreshadow.control import ResyncRequest
from foreshadow.delta import StateDelta
from foreshadow.observed import Stream
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import TelemetrySample, dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.account import Account
from ingest.differential import Reading, full_size
from ingest.normalize import Refused, normalize
from ingest.owner import Place, StateOwner

Emit = Callable[[Topic, str, bytes], None]
_LONG_AGO = (-1, -1)


class Intake:
    """Turns telemetry records into published deltas, or into dead letters."""

    def __init__(self, owner: StateOwner, emit: Emit) -> None:
        """Begin in the past of the telemetry topic.

        Args:
            owner: Numbers what goes out.
            emit: Publishes one record.
        """
        self._owner, self._emit, self._account = owner, emit, Account()
        self._decoder = msgspec.msgpack.Decoder(TelemetrySample)
        self._encoder = msgspec.msgpack.Encoder()
        self._order: dict[tuple[NodeId, Stream, str], tuple[int, int]] = {}
        self._held: dict[Place, Reading] | None = {}

    @property
    def is_live(self) -> bool:
        """Whether the past has been read."""
        return self._held is None

    def take(self, record: Record) -> None:
        """One record of the telemetry topic."""
        try:
            sample = self._decoder.decode(record.value)
        except msgspec.DecodeError as error:
            self._reject(record, f"not a telemetry sample: {error}")
            return
        if not self._is_news(sample):
            return
        reading = normalize(sample)
        if isinstance(reading, Refused):
            self._reject(record, reading.reason)
        elif self._held is None or reading.stream is Stream.DEMAND:
            self._publish(reading)
        else:
            self._held[reading.device, reading.stream] = reading

    def go_live(self) -> None:
        """The past is read: publish where every stream stands now."""
        held, self._held = self._held or {}, None
        for reading in held.values():
            self._publish(reading)
        self._send(self._owner.inherit())

    def resync(self, request: ResyncRequest) -> None:
        """Send the snapshot a copy asks for."""
        self._send(self._owner.resync((request.device, request.stream)))

    def heartbeat(self, since_ns: int) -> None:
        """Vouch for every stream that was read since then."""
        self._send(self._owner.heartbeats(since_ns))

    def report(self, at: datetime) -> SyncReport:
        """The account so far."""
        return self._account.report(self._owner.epoch, at)

    def _is_news(self, sample: TelemetrySample) -> bool:
        """Whether a source says this for the first time; demand is ordered by its intervals."""
        if sample.stream is Stream.DEMAND:
            known_ns = self._owner.stream((sample.device, sample.stream)).event_at_ns
            return not 0 < sample.event_at_ns <= known_ns
        line, position = (sample.device, sample.stream, sample.source), (sample.epoch, sample.seq)
        if position <= self._order.get(line, _LONG_AGO):
            return False
        self._order[line] = position
        return True

    def _publish(self, reading: Reading) -> None:
        self._send(self._owner.take(reading))
        owned = self._owner.stream((reading.device, reading.stream))
        self._account.read(reading.stream, full_size(owned))

    def _send(self, deltas: tuple[StateDelta, ...]) -> None:
        for delta in deltas:
            raw = self._encoder.encode(delta)
            self._emit(Topic.STATE, delta.device, raw)
            self._account.sent(delta.stream, len(raw))

    def _reject(self, record: Record, reason: str) -> None:
        self._account.rejects += 1
        rejected = dead_letter(record, reason)
        self._emit(Topic.REJECT, record.key, to_json(rejected))
