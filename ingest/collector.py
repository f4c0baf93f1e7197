"""What a decoder heard, numbered and packed for the bus: the one way from values to samples.

Every source that decodes goes through a collector, so that numbering, packing and the dead-letter
topic are the same for all. One collector belongs to one source and one epoch of it.
"""

import threading
from collections.abc import Iterable

import msgspec

from foreshadow.clock import Clock, to_ns
from foreshadow.incident import Incident
from foreshadow.observed import Stream, encode
from foreshadow.telemetry import FlowRecord, Patch, TelemetrySample
from foreshadow.topology import NodeId
from ingest.heard import (
    CounterReading,
    DemandReading,
    Heard,
    Refused,
    StatePatch,
    StateReading,
)
from ingest.rates_block import packed
from ingest.source import Outlet

_COUNTERS = Stream.INTERFACE
"""Counters travel beside the stream they belong to; their encoding tells them apart."""


class Collector:
    """Takes what one source heard and puts it on the bus; safe to use from several threads."""

    def __init__(self, source: str, epoch: int, outlet: Outlet, clock: Clock) -> None:
        """Begin an epoch.

        Args:
            source: Its name, in every sample.
            epoch: Of this start of the source.
            outlet: Takes samples, incidents and what was refused.
            clock: Stamps what arrives.
        """
        self._source, self._epoch, self._outlet, self._clock = source, epoch, outlet, clock
        self._seqs: dict[tuple[NodeId, Stream], int] = {}
        self._lock = threading.Lock()
        self._encoder = msgspec.msgpack.Encoder()

    def take(self, heard: Iterable[Heard]) -> None:
        """Publish everything of one message or batch, in its order."""
        samples: list[TelemetrySample] = []
        incidents: list[Incident] = []
        refused: list[Refused] = []
        with self._lock:
            for each in heard:
                match each:
                    case Refused():
                        refused.append(each)
                    case Incident():
                        incidents.append(each)
                    case CounterReading():
                        samples.extend(self._counters(each))
                    case _:
                        samples.append(self._sample(each))
            # Inside the lock: samples of one stream must leave in the order of their numbers.
            if samples:
                self._outlet.publish(samples)
        if incidents:
            self._outlet.tell(incidents)
        if refused:
            self._outlet.refuse(refused)

    def _sample(self, each: StatePatch | StateReading | DemandReading) -> TelemetrySample:
        match each:
            case StatePatch():
                patch = Patch(
                    phase=each.phase.value,
                    upserts=tuple((key, encode(value)) for key, value in each.upserts.items()),
                    deletes=each.deletes,
                    subtrees=each.subtrees,
                    coalesced=each.coalesced,
                )
                body = self._encoder.encode(patch)
                return self._numbered(each.device, each.stream, "patch", body, each.at_ns)
            case StateReading():
                values = tuple((key, encode(value)) for key, value in each.values.items())
                body = self._encoder.encode(values)
                return self._numbered(each.device, each.stream, "state", body, each.at_ns)
            case DemandReading():
                flows = tuple(
                    FlowRecord(prefix=str(prefix), rate_bps=rate.rate_bps)
                    for prefix, rate in each.rates.items()
                )
                body = self._encoder.encode(flows)
                return self._numbered(each.device, Stream.DEMAND, "flow", body, each.start_ns)

    def _counters(self, reading: CounterReading) -> Iterable[TelemetrySample]:
        for block in packed(reading):
            body = self._encoder.encode(block)
            yield self._numbered(reading.device, _COUNTERS, "counters", body, reading.at_ns)

    def _numbered(  # noqa: PLR0917 - what a sample has beside what the collector knows
        self,
        device: NodeId,
        stream: Stream,
        encoding: str,
        body: bytes,
        at_ns: int,
    ) -> TelemetrySample:
        place = (device, stream)
        self._seqs[place] = seq = self._seqs.get(place, 0) + 1
        return TelemetrySample(
            device=device,
            stream=stream,
            source=self._source,
            epoch=self._epoch,
            seq=seq,
            observed_at_ns=to_ns(self._clock.now()),
            encoding=encoding,  # type: ignore[arg-type]
            body=body,
            event_at_ns=at_ns,
        )
