"""The hot path without the bus: a record in, records out.

While the past of the telemetry topic is being read, only what is left of it in the end counts; of
demand each interval does, because forecasts learn from every one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

import msgspec

from foreshadow.bus import Record
from foreshadow.checkpoint import Checkpoint
from foreshadow.clock import Clock, SystemClock, to_ns
from foreshadow.codec import to_json
from foreshadow.delta import StateDelta
from foreshadow.observed import Stream
from foreshadow.sync_report import SyncReport
from foreshadow.telemetry import Patch, TelemetrySample, dead_letter
from foreshadow.topics import Topic
from foreshadow.topology import NodeId
from ingest.account import Account
from ingest.differential import Reading
from ingest.intake_checkpoint import IntakeCheckpoint, Line, Voice, decode, encode
from ingest.normalize import Known, Refused, normalize, patch_of
from ingest.owner import Place, StateOwner
from ingest.precedence import Precedence
from ingest.rates_demand import DemandDeadband
from ingest.testimony import Testimony, gone

Emit = Callable[[Topic, str, bytes], None]
Count = Callable[[TelemetrySample], None]
"""Takes a sample of counters; raises ValueError where it is none."""
_DECODE_ERRORS = (msgspec.DecodeError, RecursionError)


class Intake:
    """Turns telemetry records into published deltas, or into dead letters."""

    def __init__(
        self,
        owner: StateOwner,
        emit: Emit,
        *,
        precedence: Precedence | None = None,
        count: Count | None = None,
        demand_deadband: DemandDeadband | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Begin in the past of the telemetry topic.

        Args:
            owner: Numbers what goes out.
            emit: Publishes one record.
            precedence: Which source wins.
            count: Takes counters, which are no state; without it they are passed over.
            demand_deadband: How far a demand may move unsaid; without it every change is said.
            clock: Nothing is heard from the future.
        """
        self._owner, self._emit, self._account = owner, emit, Account()
        self._precedence = precedence or Precedence()
        self._count, self._clock = count, clock or SystemClock()
        self._demand_deadband = demand_deadband or DemandDeadband()
        self._decoder = msgspec.msgpack.Decoder(TelemetrySample)
        self._encoder = msgspec.msgpack.Encoder()
        self._lines: dict[tuple[NodeId, Stream, str], Testimony] = {}
        self._held: dict[Place, Reading] = {}
        self._is_live = False
        self._now_ns = 0

    @property
    def is_live(self) -> bool:
        """Whether the past has been read."""
        return self._is_live

    def take(self, record: Record) -> None:
        """One record of the telemetry topic."""
        try:
            sample = self._decoder.decode(record.value)
        except _DECODE_ERRORS as error:
            self._reject(record, f"not a telemetry sample: {error}")
            return
        heard_ns = self._not_later(sample.observed_at_ns)
        self._precedence.hear(sample.device, sample.source, heard_ns)
        try:
            self._hear(sample, heard_ns)
        except (ValueError, *_DECODE_ERRORS) as error:
            self._reject(record, str(error))

    def go_live(self) -> None:
        """The past is read: publish where every stream stands now."""
        self._is_live = True
        held, self._held = self._held, {}
        for place, holder in tuple(self._precedence.held()):
            line = self._lines.get((*place, holder.source))
            if place in held:
                self._publish(held[place])
                if line is not None and line.is_whole:
                    line.hand_over()
            elif line is not None and line.is_patched and line.is_whole:
                self._publish_told(place, line)
        self._send(self._owner.inherit())

    def resync(self, place: Place, digests: Iterable[bytes] = (b"",)) -> None:
        """Send what copies lack; `digests` are of their buckets, empty where all is wanted."""
        self._send(self._owner.resync(place, digests))

    def heartbeat(self, since_ns: int, *, quiet_since_ns: int | None = None) -> None:
        """Vouch for every stream whose source is there.

        A device that has fallen silent is not vouched for, nor is a stream that its source does not
        know whole, so that their copies become stale. Demand is not read but measured, and stands
        still when its replay does.

        Args:
            since_ns: When whole readings must have come in.
            quiet_since_ns: When a source of changes must have been heard about the device; without
                it, `since_ns` too.
        """
        quiet_ns = since_ns if quiet_since_ns is None else quiet_since_ns
        self._send(
            self._owner.heartbeat(place)
            for place in self._owner.places()
            if place[1] is Stream.DEMAND or self._is_vouched(place, since_ns, quiet_ns)
        )

    def report(self, at: datetime) -> SyncReport:
        """The account so far."""
        return self._account.report(
            self._owner.epoch,
            at,
            shadowed=self._precedence.shadowed.total(),
            takeovers=self._precedence.takeovers,
            unsynced=sum(not line.is_whole for line in self._lines.values() if line.is_patched),
        )

    def checkpoint(self) -> bytes:
        """What must not be forgotten, beside `StateOwner.checkpoint` of the same moment."""
        lines = tuple(_saved(place, line) for place, line in self._lines.items())
        voices = tuple(
            Voice(
                device=device,
                stream=stream,
                source=holder.source,
                spoke_ns=holder.spoke_ns,
                heard_ns=self._precedence.heard_ns(device, holder.source),
            )
            for (device, stream), holder in self._precedence.held()
        )
        taken = IntakeCheckpoint(epoch=self._owner.epoch, lines=lines, voices=voices)
        return encode(taken)

    def resume(self, saved: Checkpoint) -> None:
        """Go on from a checkpoint, still in the past of the topic.

        Raises:
            msgspec.DecodeError: It is of another version.
        """
        own = decode(saved.own)
        published = {(it.device, it.stream): it.values for it in saved.streams}
        for it in own.lines:
            told = published.get((it.device, it.stream), ()) if it.told is None else it.told
            line = self._line((it.device, it.stream), it.source)
            line.epoch, line.seq, line.told = it.epoch, it.seq, dict(told)
            line.is_whole, line.is_torn, line.is_patched = it.is_whole, it.is_torn, it.is_patched
            line.whole_at_ns, line.coalesced = it.whole_at_ns, it.coalesced
        for voice in own.voices:
            place = (voice.device, voice.stream)
            self._precedence.hold(place, voice.source, voice.spoke_ns)
            self._precedence.hear(voice.device, voice.source, voice.heard_ns)

    def _not_later(self, at_ns: int) -> int:
        """A time, or now where it is from the future; the clock is looked at only for news."""
        if at_ns > self._now_ns:
            self._now_ns = to_ns(self._clock.now())
        return min(at_ns, self._now_ns)

    def _hear(self, sample: TelemetrySample, heard_ns: int) -> None:
        """One sample, in its source's order.

        Raises:
            ValueError: It cannot be used.
            msgspec.DecodeError: Nor decoded.
        """
        place = (sample.device, sample.stream)
        line = self._line(place, sample.source)
        before = line.told if line.is_whole else None
        try:
            self._say(sample, line, heard_ns)
        finally:
            if before is not None and not (self._is_live or line.is_whole):
                self._keep(place, sample.source, line, before)

    def _say(self, sample: TelemetrySample, line: Testimony, heard_ns: int) -> None:
        if sample.stream is Stream.DEMAND and sample.encoding == "flow":
            # Demand is ordered by its intervals: a replay may begin anew, an interval does not.
            known_ns = self._owner.stream((sample.device, sample.stream)).event_at_ns
            if not 0 < sample.event_at_ns <= known_ns:
                self._read(sample, line, heard_ns)
        elif not line.hears(sample):
            return
        elif sample.encoding == "counters":
            if self._count is not None:
                # A reader whose clock is ahead read now, and not in the future.
                self._count(msgspec.structs.replace(sample, observed_at_ns=heard_ns))
        elif sample.encoding == "patch":
            self._patch(sample, line, heard_ns)
        else:
            self._read(sample, line, heard_ns)

    def _keep(
        self, place: Place, source: str, line: Testimony, values: Mapping[str, bytes]
    ) -> None:
        """What a source had told whole before it began anew: in the past nobody has it yet."""
        if self._precedence.holder(place) == source:
            device, stream = place
            self._held[place] = Reading(
                device=device, stream=stream, values=values, observed_at_ns=line.whole_at_ns
            )

    def _read(self, sample: TelemetrySample, line: Testimony, heard_ns: int) -> None:
        place = (sample.device, sample.stream)
        known: Known = self._owner.stream(place).values
        reading = normalize(sample, known=known, heard_ns=heard_ns)
        if isinstance(reading, Refused):
            raise ValueError(reading.reason)  # noqa: TRY004 - a value that was refused
        if sample.stream is Stream.DEMAND:
            settled = self._demand_deadband.settled(reading.values, known)
            reading = replace(reading, values=settled)
        line.note_reading(reading.values, heard_ns)
        if not self._speaks(place, sample.source, heard_ns):
            return
        if self._is_live or sample.stream is Stream.DEMAND:
            line.hand_over()
            self._publish(reading)
        else:
            self._held[place] = reading

    def _patch(self, sample: TelemetrySample, line: Testimony, heard_ns: int) -> None:
        place = (sample.device, sample.stream)
        is_ours = line.told is None and self._precedence.holder(place) == sample.source
        known: Known = self._owner.stream(place).values if line.told is None else line.told
        patch = patch_of(sample, known=known)
        if isinstance(patch, Refused):
            # Of differences that were lost nothing is known but that the map is wrong.
            line.tear()
            raise ValueError(patch.reason)  # noqa: TRY004 - a value that was refused
        if is_ours and patch.phase != "begin":
            line.whole_at_ns = heard_ns
            self._precedence.goes_on(place, heard_ns)
            self._change(place, patch, heard_ns)
            return
        line.note_patch(patch, heard_ns)
        if line.is_whole and self._speaks(place, sample.source, heard_ns):
            self._held.pop(place, None)
            if self._is_live:
                self._publish_told(place, line)

    def _speaks(self, place: Place, source: str, at_ns: int) -> bool:
        """Whether the stream follows this source; a holder that is replaced gets its map back."""
        before = self._precedence.holder(place)
        held = None if before in (None, source) else self._lines.get((*place, str(before)))
        is_whole = held is not None and held.is_whole
        if not self._precedence.may_speak(place, source, at_ns, is_holder_whole=is_whole):
            return False
        if held is not None and held.told is None:
            held.told = dict(self._owner.stream(place).values)
        return True

    def _publish(self, reading: Reading) -> None:
        self._send(self._owner.take(reading))
        owned = self._owner.stream((reading.device, reading.stream))
        self._account.read(reading.stream, owned.full_size())

    def _publish_told(self, place: Place, line: Testimony) -> None:
        values, coalesced = line.hand_over()
        self._publish(
            Reading(
                device=place[0],
                stream=place[1],
                values=values,
                observed_at_ns=line.whole_at_ns,
                coalesced=coalesced,
            )
        )

    def _change(self, place: Place, patch: Patch, heard_ns: int) -> None:
        deletes = gone(self._owner.stream(place).values, patch)
        self._account.changed(place[1])
        self._send(
            self._owner.change(
                place,
                patch.upserts,
                deletes,
                observed_at_ns=heard_ns,
                coalesced=patch.coalesced,
            )
        )

    def _is_vouched(self, place: Place, since_ns: int, quiet_ns: int) -> bool:
        holder = self._precedence.holder(place)
        line = self._lines.get((*place, holder)) if holder is not None else None
        if holder is None or line is None or not line.is_whole:
            return False
        if line.is_patched:
            heard_ns = self._precedence.heard_ns(place[0], holder)
            return max(line.whole_at_ns, heard_ns) >= quiet_ns
        return line.whole_at_ns >= since_ns

    def _line(self, place: Place, source: str) -> Testimony:
        line = self._lines.get((*place, source))
        if line is None:
            line = self._lines[*place, source] = Testimony()
        return line

    def _send(self, deltas: Iterable[StateDelta]) -> None:
        for delta in deltas:
            raw = self._encoder.encode(delta)
            self._emit(Topic.STATE, delta.device, raw)
            self._account.sent(delta, len(raw))

    def _reject(self, record: Record, reason: str) -> None:
        self._account.rejects += 1
        rejected = dead_letter(record, reason)
        self._emit(Topic.REJECT, record.key, to_json(rejected))


def _saved(place: tuple[NodeId, Stream, str], line: Testimony) -> Line:
    device, stream, source = place
    return Line(
        device=device,
        stream=stream,
        source=source,
        epoch=line.epoch,
        seq=line.seq,
        is_whole=line.is_whole,
        is_torn=line.is_torn,
        is_patched=line.is_patched,
        whole_at_ns=line.whole_at_ns,
        coalesced=line.coalesced,
        told=None if line.told is None else tuple(line.told.items()),
    )
