"""Puts what the owner of the rates says on the bus."""

from collections.abc import Callable, Iterable

import msgspec

from foreshadow.codec import to_json
from foreshadow.meter import Meter
from foreshadow.rates import RateFrame
from foreshadow.telemetry import TelemetrySample
from foreshadow.topics import Topic
from ingest.rates_owner import RateOwner, Said

Emit = Callable[[Topic, str, bytes], None]


class RatePublisher:
    """Takes samples of counters and publishes frames and incidents.

    While the past of the telemetry topic is read it only learns where the counters stand: what was
    measured then was said then. The first `settle` ends the past. After a checkpoint there is no
    such past: what came since then may not have been said, so it is, and copies know by its time
    what they have heard already.
    """

    def __init__(self, owner: RateOwner, emit: Emit) -> None:
        """Begin in the past of the telemetry topic.

        Args:
            owner: Makes rates of counters.
            emit: Publishes one record.
        """
        self._is_live = False
        self._owner, self._emit = owner, emit
        self._encoder = msgspec.msgpack.Encoder()

    def go_on(self) -> None:
        """What comes now is since a checkpoint: nobody may have said it."""
        self._is_live = True

    def take(self, sample: TelemetrySample) -> None:
        """One sample of counters.

        Raises:
            msgspec.DecodeError: Its body is no block of counters.
            ValueError: The block is malformed, or has no time.
        """
        self._say(self._owner.take(sample))

    def settle(self, now_ns: int) -> None:
        """After a batch of samples: what waits, and the whole frames that are due.

        Args:
            now_ns: Our clock.
        """
        self._is_live = True
        self._say(self._owner.settle(now_ns))

    def tell(self, meter: Meter) -> None:
        """Bring the process's numbers up to what was taken and said."""
        self._owner.counts.tell(meter)

    def _say(self, said: Iterable[Said]) -> None:
        for it in said if self._is_live else ():
            if isinstance(it, RateFrame):
                self._emit(Topic.METRICS, it.device, self._encoder.encode(it))
            else:
                self._emit(Topic.INCIDENT, it.device, to_json(it))
